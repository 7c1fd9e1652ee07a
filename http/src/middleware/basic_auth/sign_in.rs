//! Passwords on one worker: looked up among those that were right a while ago, else checked by a helper thread.
//!
//! In: the field of a request. Out: whether it signs its client in. A page with fifty files costs one check.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::fmt;
use std::num::NonZero;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use lru::LruCache;
use selvedge_runtime::channel::{self, Receiver, Sender};
use selvedge_runtime::{Moment, Undone, blocking};
use sha2::Sha256;

use super::authenticator::{Authenticator, SignIn};
use super::credentials::Credentials;
use super::password_file::Users;
use crate::h1::Field;

/// Passwords remembered per worker; the least recently used go.
const REMEMBERED_MAX: NonZero<usize> = NonZero::new(1_024).expect("1024 is not zero");

/// How long a password is taken for right after it was checked.
const REMEMBERED_TIME: Duration = Duration::from_secs(300);

/// Checks of one file that run or wait, of all workers. At a quarter of what the helpers take on, guesses leave them room for other work.
const VERIFICATIONS_MAX: usize = 64;

/// HMAC-SHA-256 (RFC 2104) of a user and password, with a key that this process made at random: without the key nobody can
/// tell it for a guess, and nothing of the password can be had from it.
type Tag = [u8; 32];

/// What a worker knows of the passwords of a [`PasswordFile`](super::PasswordFile).
///
/// A password that was right is taken for right for 5 minutes, up to 1,024 of them per worker. Any other is checked by a
/// helper thread, up to 64 at once for all workers; beyond that clients are to come again.
///
/// ```
/// use selvedge_http::h1::Field;
/// use selvedge_http::middleware::{Authenticator, PasswordFile, SignIn};
///
/// let file = PasswordFile::parse(b"bob:$apr1$BhbxCujg$zYmbLyvEM92NOuTccTh.x/").expect("a good file");
/// selvedge_runtime::block_on(move || async move {
///     let sign_ins = file.sign_ins();
///     assert_eq!(sign_ins.sign_in(Field::One(b"Basic Ym9iOnNlY3JldA==")).await, SignIn::Accepted);
///     assert_eq!(sign_ins.sign_in(Field::Absent).await, SignIn::Refused);
/// });
/// ```
pub struct SignIns {
    users: Arc<Users>,
    /// With the key taken in.
    hash: Hmac<Sha256>,
    /// Those that were right, and until when they count. Found by comparing tags, whose values nobody outside can steer, so
    /// the time that takes tells nothing.
    remembered: RefCell<LruCache<Tag, Moment>>,
    /// Those that are being checked for a request of this worker.
    running: RefCell<Vec<(Tag, Check)>>,
    verifications: Verifications,
}

/// A check that runs, for those who wait for it too.
#[derive(Debug, Clone)]
struct Check {
    /// Closed at its end; nothing is ever sent.
    running: Receiver<Infallible>,
    /// Set before that, unless its request was dropped.
    outcome: Rc<Cell<Option<SignIn>>>,
}

/// Credentials that nothing is known of yet.
pub(super) struct Unverified {
    credentials: Credentials,
    tag: Tag,
}

impl Authenticator for SignIns {
    async fn sign_in(&self, authorization: Field<'_>) -> SignIn {
        match self.look_up(authorization) {
            Ok(sign_in) => sign_in,
            // Boxed, so that requests that need no check have no room for one.
            Err(unverified) => Box::pin(self.verify(unverified)).await,
        }
    }
}

impl fmt::Debug for SignIns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignIns").field("users", &self.users).finish_non_exhaustive()
    }
}

impl SignIns {
    pub(super) fn new(users: &Arc<Users>, key: &[u8; 32], verifications: Verifications) -> Self {
        Self {
            users: Arc::clone(users),
            hash: Hmac::new_from_slice(key).expect("a key of HMAC may have any length"),
            remembered: RefCell::new(LruCache::new(REMEMBERED_MAX)),
            running: RefCell::default(),
            verifications,
        }
    }

    /// Whether the value of `Authorization` signs a client in, if that is known without a check. Allocates nothing then.
    ///
    /// # Errors
    /// What is to be checked by [`verify`](Self::verify).
    pub(super) fn look_up(&self, authorization: Field<'_>) -> Result<SignIn, Box<Unverified>> {
        let Some(credentials) = authorization.one().and_then(Credentials::parse) else {
            return Ok(SignIn::Refused);
        };
        let tag = self.tag(credentials.as_bytes());
        if self.is_remembered(&tag) {
            Ok(SignIn::Accepted)
        } else {
            Err(Box::new(Unverified { credentials, tag }))
        }
    }

    /// Checks a password, or waits for whoever does.
    pub(super) async fn verify(&self, unverified: Box<Unverified>) -> SignIn {
        let begun = loop {
            let Some(check) = self.running(&unverified.tag) else {
                break Begun::begin(self, unverified.tag);
            };
            let _closed = check.running.recv().await;
            if let Some(outcome) = check.outcome.get() {
                return outcome;
            }
        };
        let outcome = self.verify_by_helper(&unverified).await;
        begun.outcome.set(Some(outcome));
        outcome
    }

    fn running(&self, tag: &Tag) -> Option<Check> {
        let running = self.running.borrow();
        running.iter().find(|running| running.0 == *tag).map(|running| running.1.clone())
    }

    async fn verify_by_helper(&self, unverified: &Unverified) -> SignIn {
        let Some(permit) = self.verifications.permit() else {
            return SignIn::Busy;
        };
        let Unverified { credentials, tag } = *unverified;
        let users = Arc::clone(&self.users);
        let stand_in = self.stand_in(credentials.user());
        let verified = blocking(move || {
            // Given back when the work is done, also if nobody waits for it any more.
            let _permit = permit;
            users.verify(credentials.user(), credentials.password(), stand_in)
        });
        match verified.await {
            Ok(true) => {
                self.remembered.borrow_mut().put(tag, selvedge_runtime::now() + REMEMBERED_TIME);
                SignIn::Accepted
            }
            Ok(false) => SignIn::Refused,
            Err(Undone::Overloaded | Undone::Lost) => SignIn::Busy,
        }
    }

    fn is_remembered(&self, tag: &Tag) -> bool {
        let mut remembered = self.remembered.borrow_mut();
        match remembered.get(tag) {
            Some(&until) if selvedge_runtime::now() < until => true,
            Some(_) => {
                remembered.pop(tag);
                false
            }
            None => false,
        }
    }

    fn tag(&self, bytes: &[u8]) -> Tag {
        self.hash.clone().chain_update(bytes).finalize().into_bytes().into()
    }

    /// A number of a user's name, the same whenever it comes and nobody's to foresee. A name has no colon, so it is never the
    /// tag of credentials.
    fn stand_in(&self, user: &[u8]) -> u64 {
        let tag = self.tag(user);
        u64::from_le_bytes(*tag.first_chunk().expect("32 bytes have a first 8"))
    }
}

/// A check that one request has begun; its end, however it comes, lets those go on who wait for it.
struct Begun<'a> {
    sign_ins: &'a SignIns,
    tag: Tag,
    outcome: Rc<Cell<Option<SignIn>>>,
    _running: Sender<Infallible>,
}

impl<'a> Begun<'a> {
    fn begin(sign_ins: &'a SignIns, tag: Tag) -> Self {
        let (sender, running) = channel::bounded(1);
        let outcome = Rc::default();
        let check = Check { running, outcome: Rc::clone(&outcome) };
        sign_ins.running.borrow_mut().push((tag, check));
        Self { sign_ins, tag, outcome, _running: sender }
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        self.sign_ins.running.borrow_mut().retain(|running| running.0 != self.tag);
    }
}

/// The checks of all workers.
#[derive(Debug, Clone, Default)]
pub(super) struct Verifications(Arc<AtomicUsize>);

/// The right to one check.
#[derive(Debug)]
struct Permit(Verifications);

impl Verifications {
    fn permit(&self) -> Option<Permit> {
        let one_more = |running| (running < VERIFICATIONS_MAX).then_some(running + 1);
        let begun = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        begun.ok().map(|_| Permit(self.clone()))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
