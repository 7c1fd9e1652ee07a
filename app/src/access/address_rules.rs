//! Who may read by their address: lists of those who may and of those who may not.

use selvedge_http::Request;
use selvedge_http::networks::Networks;
use selvedge_http::real_address::RealAddress;

/// Lists of addresses. An empty one says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressRules {
    /// Who may read; nobody else may.
    pub allow: Networks,
    /// Who may not read, also of those in `allow`.
    pub deny: Networks,
    /// Who is believed about whose request it is.
    pub trusted_proxies: Networks,
}

impl AddressRules {
    /// Whether they let everybody read.
    pub fn are_empty(&self) -> bool {
        self.allow.is_empty() && self.deny.is_empty()
    }

    /// Whether the request's client may read. One that is gone may not.
    pub(super) fn permit(&self, request: &Request<'_>) -> bool {
        self.are_empty()
            || request.real_address(&self.trusted_proxies).is_ok_and(|address| self.permit_address(address))
    }

    /// Whether a client of this address may read. One whose address is not known could be any: it may if any may.
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
    use selvedge_http::networks::ClientAddress;

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
