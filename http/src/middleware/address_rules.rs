//! Who may ask by their address: lists of those who may and of those who may not.
//!
//! In: a request. Out: the response of the application behind it, or 403.

use std::sync::Arc;

use http::StatusCode;

use crate::application::Application;
use crate::networks::Networks;
use crate::real_address::RealAddress;
use crate::request::Request;
use crate::response::Response;

/// Lets those through whose address `rules` permit; the others get 403. An `Arc` lets all workers have the same lists.
///
/// ```
/// use selvedge_http::middleware::{AddressRules, address_rules};
/// use selvedge_http::{Application, Request};
///
/// # fn main() -> Result<(), selvedge_http::networks::NetworkError> {
/// async fn hello(_: Request<'_>) -> &'static str {
///     "hello"
/// }
///
/// let rules = AddressRules { allow: "10.0.0.0/8, ::1".parse()?, ..AddressRules::default() };
/// let application = hello.with(address_rules(rules));
/// # Ok(())
/// # }
/// ```
pub fn address_rules<A, R>(rules: R) -> impl FnOnce(A) -> AddressFilter<A>
where
    A: Application,
    R: Into<Arc<AddressRules>>,
{
    let rules = rules.into();
    move |application| AddressFilter { rules, application }
}

/// An application for some addresses: [`address_rules`] makes one.
///
/// ```
/// use selvedge_http::middleware::{AddressFilter, AddressRules, address_rules};
/// use selvedge_http::{Application, Request, testing};
///
/// fn application() -> AddressFilter<impl Application> {
///     let local = "127.0.0.0/8, ::1".parse().expect("a list of blocks");
///     (async |_: Request<'_>| "hello").with(address_rules(AddressRules { allow: local, ..AddressRules::default() }))
/// }
///
/// testing::run(application, async |client| {
///     client.get("/").send().await.assert_status(200);
///     let stranger = std::net::SocketAddr::from(([192, 0, 2, 1], 50_000));
///     client.get("/").peer(stranger).send().await.assert_status(403);
/// });
/// ```
#[derive(Debug)]
pub struct AddressFilter<A> {
    rules: Arc<AddressRules>,
    application: A,
}

impl<A: Application> Application for AddressFilter<A> {
    async fn call(&self, request: Request<'_>) -> Response {
        if self.rules.permit(&request) {
            self.application.call(request).await
        } else {
            Response::error(StatusCode::FORBIDDEN, "")
        }
    }
}

/// Lists of addresses, of up to 10,000 blocks each. An empty one says nothing.
///
/// ```
/// use selvedge_http::middleware::AddressRules;
///
/// # fn main() -> Result<(), selvedge_http::networks::NetworkError> {
/// let rules = AddressRules {
///     deny: "192.0.2.0/24".parse()?,
///     // Whose `Forwarded` and `X-Forwarded-For` are believed.
///     trusted_proxies: "127.0.0.1, unix".parse()?,
///     ..AddressRules::default()
/// };
/// assert!(!rules.are_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressRules {
    /// Who may ask; nobody else may.
    pub allow: Networks,
    /// Who may not ask, also of those in `allow`.
    pub deny: Networks,
    /// Who is believed about whose request it is.
    pub trusted_proxies: Networks,
}

impl AddressRules {
    /// Whether they let everybody ask.
    pub fn are_empty(&self) -> bool {
        self.allow.is_empty() && self.deny.is_empty()
    }

    /// Whether the request's client may ask. One that is gone may not.
    pub fn permit(&self, request: &Request<'_>) -> bool {
        self.are_empty()
            || request.real_address(&self.trusted_proxies).is_ok_and(|address| self.permit_address(address))
    }

    /// Whether a client of this address may ask. One whose address is not known could be any: it may if any may.
    fn permit_address(&self, address: RealAddress) -> bool {
        match address {
            RealAddress::Known(client) => {
                !self.deny.contains(client) && (self.allow.is_empty() || self.allow.contains(client))
            }
            RealAddress::Unknown { .. } => {
                self.deny.is_empty() && (self.allow.is_empty() || self.allow.is_everybody())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::networks::ClientAddress;

    use super::*;

    fn rules(allow: &str, deny: &str) -> AddressRules {
        let list = |text: &str| match text {
            "" => Networks::default(),
            _ => text.parse().unwrap(),
        };
        AddressRules { allow: list(allow), deny: list(deny), trusted_proxies: Networks::default() }
    }

    fn known(address: &str) -> RealAddress {
        RealAddress::Known(ClientAddress::ip(address.parse().unwrap()))
    }

    #[test]
    fn deny_wins_and_an_allow_list_leaves_everybody_else_out() {
        for (allow, deny, permitted, refused) in [
            ("", "192.0.2.0/24", &["198.51.100.1", "::1"][..], &["192.0.2.1"][..]),
            ("192.0.2.0/24", "", &["192.0.2.1"], &["198.51.100.1", "::1"]),
            ("192.0.2.0/24", "192.0.2.7", &["192.0.2.1"], &["192.0.2.7", "198.51.100.1"]),
            ("192.0.2.7", "192.0.2.0/24", &[], &["192.0.2.7", "192.0.2.1"]),
            ("all", "::/0", &["192.0.2.1"], &["2001:db8::1"]),
            ("", "all", &[], &["192.0.2.1", "::1"]),
        ] {
            let rules = rules(allow, deny);
            assert!(permitted.iter().all(|address| rules.permit_address(known(address))), "{rules:?}");
            assert!(!refused.iter().any(|address| rules.permit_address(known(address))), "{rules:?}");
        }
    }

    #[test]
    fn an_unknown_client_may_what_everybody_may() {
        let behind = ClientAddress::ip("10.0.0.1".parse().unwrap());
        let unknown = RealAddress::Unknown { behind };
        assert!(rules("", "").permit_address(unknown));
        assert!(rules("all", "").permit_address(unknown));
        assert!(!rules("10.0.0.0/8", "").permit_address(unknown), "the proxy's place is not its client's");
        assert!(!rules("", "192.0.2.0/24").permit_address(unknown));
        assert!(!rules("all", "192.0.2.0/24").permit_address(unknown));
    }

    #[test]
    fn clients_of_unix_sockets_are_judged_by_their_own_word() {
        let unix = RealAddress::Known(ClientAddress::Unix);
        assert!(rules("unix", "").permit_address(unix) && rules("all", "").permit_address(unix));
        assert!(!rules("127.0.0.0/8,::/0,0.0.0.0/0", "").permit_address(unix));
        assert!(rules("", "0.0.0.0/0,::/0").permit_address(unix));
        assert!(!rules("", "unix").permit_address(unix));
    }
}
