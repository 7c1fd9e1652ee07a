use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

use selvedge_runtime::block_on;

use super::*;

fn client(text: &str) -> ClientAddress {
    ClientAddress::ip(text.parse().unwrap())
}

fn numbered(number: u32) -> ClientAddress {
    ClientAddress::ip(IpAddr::from(number.to_be_bytes()))
}

fn after(milliseconds: u64) -> Moment {
    Moment::from_nanoseconds(1_000_000_000) + Duration::from_millis(milliseconds)
}

fn limiter(limits: AddressLimits) -> AddressLimiter {
    AddressLimiter::new(limits)
}

fn at_once(max: u32) -> AddressLimits {
    AddressLimits { connections_max: NonZero::new(max), addresses_max: 1_024, ..AddressLimits::default() }
}

#[test]
fn an_address_has_its_places_and_no_more_until_one_is_free() {
    block_on(|| async {
        let limiter = limiter(at_once(3));
        let mut held: Vec<_> =
            (0..3).map(|_| limiter.claim(client("192.0.2.1"), after(0)).unwrap()).collect();
        for _ in 0..10 {
            assert_eq!(
                limiter.claim(client("192.0.2.1"), after(0)).unwrap_err(),
                AddressRefusal::Connections,
                "who is refused is not counted"
            );
        }
        assert!(limiter.claim(client("192.0.2.2"), after(0)).is_ok(), "another one has its own");
        held.pop();
        held.push(limiter.claim(client("192.0.2.1"), after(0)).unwrap());
        assert!(limiter.claim(client("192.0.2.1"), after(0)).is_err());
    });
}

#[test]
fn a_network_of_ipv6_is_one_client_and_ipv4_in_ipv6_is_ipv4() {
    block_on(|| async {
        let limiter = limiter(at_once(1));
        let _first = limiter.claim(client("2001:db8::1"), after(0)).unwrap();
        assert!(limiter.claim(client("2001:db8::2"), after(0)).is_err());
        assert!(limiter.claim(client("2001:db8:0:1::1"), after(0)).is_ok());
        let _second = limiter.claim(client("::ffff:192.0.2.1"), after(0)).unwrap();
        assert!(limiter.claim(client("192.0.2.1"), after(0)).is_err());
    });
}

#[test]
fn proxies_and_clients_without_an_address_have_no_limit() {
    block_on(|| async {
        let trusted_proxies = "10.0.0.0/8".parse().unwrap();
        let limiter = limiter(AddressLimits { trusted_proxies, ..at_once(1) });
        let held = |client| (0..3).map(|_| limiter.claim(client, after(0))).collect::<Vec<_>>();
        assert!(held(client("10.1.2.3")).iter().all(Result::is_ok));
        assert!(held(ClientAddress::Unix).iter().all(Result::is_ok));
        assert!(held(client("11.1.2.3")).iter().any(Result::is_err));
    });
}

#[test]
fn a_bucket_empties_at_once_and_fills_at_its_rate() {
    block_on(|| async {
        let new_connections = ConnectionRate::per_second(10, 5);
        let limiter = limiter(AddressLimits { new_connections, ..AddressLimits::default() });
        let comes = |milliseconds| limiter.claim(client("192.0.2.1"), after(milliseconds)).is_ok();
        assert_eq!([(); 7].map(|()| comes(0)), [true, true, true, true, true, false, false]);
        assert!(!comes(99));
        assert!(comes(100) && !comes(100), "a token in 100 ms");
        assert_eq!([(); 4].map(|()| comes(400)), [true, true, true, false]);
        assert_eq!(
            [(); 6].map(|()| comes(60_000)),
            [true, true, true, true, true, false],
            "it is full again"
        );
        assert!(limiter.claim(client("192.0.2.2"), after(60_000)).is_ok());
    });
}

#[test]
fn who_comes_too_often_takes_no_place() {
    block_on(|| async {
        let new_connections = ConnectionRate::per_second(1, 1);
        let limiter = limiter(AddressLimits { new_connections, ..at_once(2) });
        let address = client("192.0.2.1");
        let _held = limiter.claim(address, after(0)).unwrap();
        assert_eq!(limiter.claim(address, after(1)).unwrap_err(), AddressRefusal::Rate);
        let _second = limiter.claim(address, after(1_000)).unwrap();
        assert_eq!(limiter.claim(address, after(9_000)).unwrap_err(), AddressRefusal::Connections);
    });
}

#[test]
fn nobody_is_taken_for_others_while_there_are_no_more_than_was_said() {
    block_on(|| async {
        let limiter = limiter(at_once(10));
        // Half as many connections as addresses were said to be there, all of addresses at their limit.
        let held: Vec<_> = (0..500).map(|at| limiter.claim(numbered(at / 10), after(0))).collect();
        assert!(held.iter().all(Result::is_ok));
        let refused = (1_000_000..1_001_000).filter(|&at| limiter.claim(numbered(at), after(0)).is_err());
        // One in 50 million is.
        assert_eq!(refused.count(), 0);
        drop(held);
        let counts = limiter.0.counts.as_ref().unwrap();
        assert!((0..50).all(|at| {
            let hash = limiter.hash(IpAddr::from(u32::to_be_bytes(at)));
            (0..10).all(|_| counts.enter(limiter.0.rows.cells(hash)))
        }));
    });
}

#[test]
fn threads_together_never_get_more_places_than_there_are() {
    // Made on a worker, which knows the secret.
    let limiter = block_on(|| async {
        let limiter = limiter(at_once(3));
        drop(limiter.claim(client("192.0.2.1"), after(0)));
        limiter
    });
    let (held, too_many) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20_000 {
                    if let Ok(place) = limiter.claim(client("192.0.2.1"), after(0)) {
                        if held.fetch_add(1, Ordering::SeqCst) >= 3 {
                            too_many.store(true, Ordering::SeqCst);
                        }
                        held.fetch_sub(1, Ordering::SeqCst);
                        drop(place);
                    }
                }
            });
        }
    });
    assert!(!too_many.load(Ordering::SeqCst));
    let places: Vec<_> = (0..4).map(|_| limiter.claim(client("192.0.2.1"), after(0))).collect();
    assert_eq!(places.iter().filter(|place| place.is_ok()).count(), 3, "all came back");
}
