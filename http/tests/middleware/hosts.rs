//! Several sites on one server.

use selvedge_http::middleware::VirtualHosts;
use selvedge_http::{Application, Request, Response};

use crate::support::{TestServer, patient};

/// One of another type than a function.
struct Named(&'static str);

impl Application for Named {
    async fn call(&self, _: Request<'_>) -> Response {
        Response::text(self.0)
    }
}

async fn blog(_: Request<'_>) -> &'static str {
    "blog"
}

fn hosts() -> VirtualHosts {
    VirtualHosts::new()
        .host("Example.com", Named("replaced"))
        .host("example.com.", Named("example"))
        .host("blog.example.com", blog)
        .host("*.example.com", Named("below"))
        .host("*.a.example.com", Named("below a"))
        .host("192.0.2.1", Named("address"))
        .host("[::1]", Named("loopback"))
}

const FITTING: [(&str, &str); 11] = [
    ("example.com", "example"),
    ("EXAMPLE.com:8080", "example"),
    ("example.com.", "example"),
    ("blog.example.com", "blog"),
    ("www.example.com", "below"),
    ("a.example.com", "below"),
    ("b.A.example.com.:80", "below a"),
    ("c.b.a.example.com", "below a"),
    ("192.0.2.1:80", "address"),
    ("[::1]:80", "loopback"),
    ("[::1]", "loopback"),
];

#[test]
fn each_host_has_its_application() {
    let server = TestServer::start(patient(), |_| hosts());
    let mut client = server.connect();
    for (host, expected) in FITTING {
        client.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(client.reply().text(), expected, "{host}");
        client.send(format!("GET http://{host}/ HTTP/1.1\r\nHost: elsewhere\r\n\r\n"));
        assert_eq!(client.reply().text(), expected, "{host}");
    }
}

#[test]
fn a_request_for_no_host_of_these_is_misdirected_or_the_others() {
    let long = ["a"; 130].join(".") + ".example.com";
    let others = ["xexample.com", "com", ".example.com", "example.com.org", "", &long, "[::2]"];
    let server = TestServer::start(patient(), |_| hosts());
    let with_others = TestServer::start(patient(), |_| hosts().otherwise(Named("others")));
    let (mut client, mut other_client) = (server.connect(), with_others.connect());
    for host in others {
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        client.send(&request);
        assert_eq!(client.reply().status, 421, "{host}");
        other_client.send(&request);
        assert_eq!(other_client.reply().text(), "others", "{host}");
    }
    other_client.send("GET / HTTP/1.0\r\n\r\n");
    assert_eq!(other_client.reply().text(), "others");
}
