use std::sync::{Mutex, mpsc};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use selvedge_runtime::{BlockingLimits, JoinHandle, block_on, spawn, yield_now};

use super::*;

/// "secret", in a form that is quick and in one that is not.
const QUICK: &str = "$apr1$BhbxCujg$zYmbLyvEM92NOuTccTh.x/";
const SLOW: &str = "$2y$04$NBzEtW3Wrb/zTIUMaiIAtu9n1/w.lEcLpjKfKTxO/3ghf1pPWK98q";

fn sign_ins() -> SignIns {
    let users = Users::parse(format!("al:{QUICK}\nbob:{SLOW}\n").as_bytes()).unwrap();
    SignIns::new(&Arc::new(users), &[7; 32], Verifications::default())
}

fn basic(user: &str, password: &str) -> Vec<u8> {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))).into_bytes()
}

async fn check(sign_ins: &SignIns, value: &[u8]) -> SignIn {
    match sign_ins.look_up(Field::One(value)) {
        Ok(sign_in) => sign_in,
        Err(unverified) => sign_ins.verify(unverified).await,
    }
}

fn is_known(sign_ins: &SignIns, value: &[u8]) -> bool {
    sign_ins.look_up(Field::One(value)).is_ok()
}

#[test]
fn right_passwords_are_accepted_and_remembered_wrong_ones_are_neither() {
    block_on(|| async {
        let sign_ins = sign_ins();
        for user in ["al", "bob"] {
            let right = basic(user, "secret");
            assert!(!is_known(&sign_ins, &right));
            assert_eq!(check(&sign_ins, &right).await, SignIn::Accepted);
            assert!(is_known(&sign_ins, &right));
            assert_eq!(check(&sign_ins, &right).await, SignIn::Accepted);
        }
        for wrong in [basic("al", "Secret"), basic("al", ""), basic("zoe", "secret"), basic("", "secret")] {
            for _ in 0..2 {
                assert_eq!(check(&sign_ins, &wrong).await, SignIn::Refused);
                assert!(!is_known(&sign_ins, &wrong));
            }
        }
        assert_eq!(sign_ins.remembered.borrow().len(), 2);
        assert!(sign_ins.running.borrow().is_empty());
    });
}

#[test]
fn no_credentials_and_several_are_refused_without_a_check() {
    block_on(|| async {
        let sign_ins = sign_ins();
        for field in [Field::Absent, Field::Several, Field::One(b"Bearer x"), Field::One(b"Basic !")] {
            assert!(matches!(sign_ins.look_up(field), Ok(SignIn::Refused)), "{field:?}");
        }
    });
}

#[test]
fn what_was_remembered_too_long_ago_is_checked_again() {
    block_on(|| async {
        let sign_ins = sign_ins();
        let right = basic("al", "secret");
        assert_eq!(check(&sign_ins, &right).await, SignIn::Accepted);
        let tag = sign_ins.tag(b"al:secret");
        sign_ins.remembered.borrow_mut().put(tag, selvedge_runtime::now());
        assert!(!is_known(&sign_ins, &right));
        assert!(sign_ins.remembered.borrow().is_empty());
        assert_eq!(check(&sign_ins, &right).await, SignIn::Accepted);
    });
}

#[test]
fn what_is_remembered_is_bounded() {
    let sign_ins = sign_ins();
    let mut remembered = sign_ins.remembered.borrow_mut();
    for number in 0..2 * REMEMBERED_MAX.get() {
        remembered.put(sign_ins.tag(&number.to_le_bytes()), Moment::default());
    }
    assert_eq!(remembered.len(), REMEMBERED_MAX.get());
}

#[test]
fn tags_differ_by_key_and_by_credentials() {
    let here = sign_ins();
    let there = SignIns::new(&here.users, &[8; 32], Verifications::default());
    assert_ne!(here.tag(b"al:secret"), there.tag(b"al:secret"));
    assert_ne!(here.tag(b"al:secret"), here.tag(b"al:Secret"));
    assert_eq!(here.tag(b"al:secret"), here.tag(b"al:secret"));
    assert_ne!(here.stand_in(b"al"), here.stand_in(b"bob"));
}

#[test]
fn requests_with_the_same_credentials_share_one_check() {
    for (password, expected) in [("secret", SignIn::Accepted), ("wrong", SignIn::Refused)] {
        block_on(move || async move {
            let sign_ins = Rc::new(sign_ins());
            // A helper that is kept from its work shows who waits for it.
            let (go, gate) = mpsc::channel::<()>();
            let helpers = hold_helpers(gate);
            let value = Rc::new(basic("bob", password));
            let tasks: Vec<_> = (0..50)
                .map(|_| {
                    let (sign_ins, value) = (Rc::clone(&sign_ins), Rc::clone(&value));
                    spawn("request", async move { check(&sign_ins, &value).await })
                })
                .collect();
            yield_now().await;
            yield_now().await;
            assert_eq!(sign_ins.running.borrow().len(), 1);
            assert_eq!(sign_ins.verifications.0.load(Ordering::Relaxed), 1);
            drop(go);
            for task in tasks {
                assert_eq!(task.await.unwrap(), expected);
            }
            for helper in helpers {
                helper.await.unwrap().unwrap();
            }
            assert!(sign_ins.running.borrow().is_empty());
            assert_eq!(sign_ins.verifications.0.load(Ordering::Relaxed), 0);
        });
    }
}

/// Occupies all helper threads until `gate`'s sender is dropped.
fn hold_helpers(gate: mpsc::Receiver<()>) -> Vec<JoinHandle<Result<(), Undone>>> {
    let gate = Arc::new(Mutex::new(gate));
    let hold = |_| {
        let gate = Arc::clone(&gate);
        spawn("held", blocking(move || drop(gate.lock().map(|gate| gate.recv()))))
    };
    (0..BlockingLimits::default().threads_max).map(hold).collect()
}

#[test]
fn a_request_that_is_dropped_leaves_its_check_to_those_who_wait() {
    block_on(|| async {
        let sign_ins = Rc::new(sign_ins());
        let (go, gate) = mpsc::channel::<()>();
        let helpers = hold_helpers(gate);
        let request = |sign_ins: &Rc<SignIns>| {
            let sign_ins = Rc::clone(sign_ins);
            spawn("request", async move { check(&sign_ins, &basic("al", "secret")).await })
        };
        let first = request(&sign_ins);
        yield_now().await;
        let second = request(&sign_ins);
        yield_now().await;
        first.abort();
        drop(go);
        assert_eq!(second.await.unwrap(), SignIn::Accepted);
        assert!(first.await.is_err());
        for helper in helpers {
            helper.await.unwrap().unwrap();
        }
    });
}

#[test]
fn beyond_the_bound_of_checks_clients_are_to_come_again() {
    block_on(|| async {
        let sign_ins = sign_ins();
        let known = basic("bob", "secret");
        assert_eq!(check(&sign_ins, &known).await, SignIn::Accepted);
        let permits: Vec<_> = std::iter::from_fn(|| sign_ins.verifications.permit()).collect();
        assert_eq!(permits.len(), VERIFICATIONS_MAX);
        let right = basic("al", "secret");
        assert_eq!(check(&sign_ins, &right).await, SignIn::Busy);
        assert_eq!(check(&sign_ins, &known).await, SignIn::Accepted, "needs no check");
        drop(permits);
        assert_eq!(check(&sign_ins, &right).await, SignIn::Accepted);
    });
}
