//! Lists of addresses before an application.

use selvedge_http::middleware::{AddressRules, address_rules};
use selvedge_http::{Application, Request};

use super::ask;
use crate::support::{TestServer, patient};

fn rules(allow: &str, deny: &str, trusted_proxies: &str) -> AddressRules {
    let list = |text: &str| if text.is_empty() { Default::default() } else { text.parse().expect("a list") };
    AddressRules { allow: list(allow), deny: list(deny), trusted_proxies: list(trusted_proxies) }
}

#[test]
fn those_who_may_not_ask_get_403_and_the_application_does_not_see_them() {
    for (allow, deny, proxies, fields, status) in [
        ("", "", "", &[][..], 200),
        ("127.0.0.0/8", "", "", &[], 200),
        ("192.0.2.0/24", "", "", &[], 403),
        ("", "127.0.0.1", "", &[], 403),
        ("192.0.2.1", "", "127.0.0.1", &["X-Forwarded-For: 192.0.2.1"], 200),
        ("192.0.2.1", "", "", &["X-Forwarded-For: 192.0.2.1"], 403),
        ("", "192.0.2.1", "127.0.0.1", &["Forwarded: for=192.0.2.1"], 403),
        ("", "192.0.2.1", "127.0.0.1", &["Forwarded: for=unknown"], 403),
    ] {
        let rules = rules(allow, deny, proxies);
        let server = TestServer::start(patient(), move |_| {
            let hello = async |_: Request<'_>| "hello";
            hello.with(address_rules(rules.clone()))
        });
        let mut client = server.connect();
        for _ in 0..2 {
            let reply = ask(&mut client, "GET", "/", fields);
            let text = if status == 200 { "hello" } else { "403 Forbidden\n" };
            assert_eq!((reply.status, reply.text()), (status, text), "{allow} {deny} {proxies} {fields:?}");
        }
    }
}
