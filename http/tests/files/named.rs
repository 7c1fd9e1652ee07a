//! Files that a handler names by their path on the machine.

use selvedge_http::{Request, Response, StatusCode, header};
use selvedge_runtime::Worker;

use crate::support::client::{Asked, Client, Reply};
use crate::support::directory::Directory;
use crate::support::{TestServer, patient, pattern};

fn start() -> (Directory, TestServer) {
    let directory = Directory::new("named");
    directory.write("page.html", "<p>a page");
    directory.write("large.bin", pattern(1_000_000));
    for name in ["page.html", "large.bin"] {
        // Old enough for validators that tell one content from another.
        let file =
            std::fs::File::options().write(true).open(directory.path().join(name)).expect("it is there");
        let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
        file.set_modified(long_ago).expect("a time");
    }
    let root = directory.path().to_path_buf();
    let server = TestServer::start(patient(), move |_: &Worker| {
        let root = root.clone();
        async move |request: Request<'_>| {
            let name: Vec<_> = request.segments().collect();
            let file = Response::file(root.join(&*name[1]));
            match &*name[0] {
                "download" => file
                    .with_header(header::CONTENT_DISPOSITION, "attachment")
                    .with_header(header::CONTENT_TYPE, "application/x-own"),
                "gone" => file.with_status(StatusCode::GONE),
                "above" => Response::file(root.join("nothing/../page.html")),
                _ => file,
            }
        }
    });
    (directory, server)
}

fn ask(client: &mut Client, path: &str, fields: &str) -> Reply {
    client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n")).reply()
}

#[test]
fn the_file_comes_with_its_type_and_validators_and_as_conditions_and_ranges_want_it() {
    let (_directory, server) = start();
    let mut client = server.connect();
    let page = client.get("/plain/page.html");
    assert_eq!((page.status, page.text()), (200, "<p>a page"));
    assert!(page.field("content-type").is_some_and(|value| value.starts_with("text/html")), "{page:?}");
    let tag = page.field("etag").expect("a tag").to_owned();
    assert_eq!(ask(&mut client, "/plain/page.html", &format!("If-None-Match: {tag}\r\n")).status, 304);
    let part = ask(&mut client, "/plain/large.bin", "Range: bytes=500000-500009\r\n");
    assert_eq!((part.status, &part.body[..]), (206, &pattern(1_000_000)[500_000..500_010]));
    assert_eq!(client.get("/plain/large.bin").body, pattern(1_000_000));
    client.send("HEAD /plain/large.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.reply_to(Asked::Head).field("content-length"), Some("1000000"));
}

#[test]
fn the_handler_s_fields_and_type_are_on_the_answer() {
    let (_directory, server) = start();
    let mut client = server.connect();
    for path in ["/download/page.html", "/download/large.bin"] {
        let reply = client.get(path);
        assert_eq!(reply.field("content-disposition"), Some("attachment"), "{path}");
        assert_eq!(reply.field("content-type"), Some("application/x-own"), "{path}");
        assert!(reply.field("etag").is_some(), "{reply:?}");
    }
}

#[test]
fn several_ranges_of_it_have_the_handler_s_type_in_each_part() {
    let (_directory, server) = start();
    let mut client = server.connect();
    let reply = ask(&mut client, "/download/large.bin", "Range: bytes=0-1,500000-500001\r\n");
    assert_eq!(reply.status, 206);
    let types = reply.fields.iter().filter(|(name, _)| name == "content-type").count();
    assert_eq!(types, 1, "{:?}", reply.fields);
    assert!(reply.field("content-type").is_some_and(|value| value.starts_with("multipart/byteranges")));
}

#[test]
fn another_status_makes_it_the_page_of_an_error() {
    let (_directory, server) = start();
    let mut client = server.connect();
    let reply = ask(&mut client, "/gone/page.html", "Range: bytes=0-1\r\n");
    assert_eq!((reply.status, reply.text(), reply.field("etag")), (410, "<p>a page", None));
}

#[test]
fn what_is_no_file_is_404_and_a_path_with_dots_500() {
    let (_directory, server) = start();
    let mut client = server.connect();
    assert_eq!(client.get("/plain/nothing").status, 404);
    assert_eq!(client.get("/plain/").status, 404);
    assert_eq!(client.get("/above/x").status, 500);
    assert_eq!(client.get("/plain/page.html").status, 200);
}
