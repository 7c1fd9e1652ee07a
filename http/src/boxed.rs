//! Applications of different types as one type. In: a request. Out: what the application behind it answers, without a call of
//! the allocator once its room is warm.
//!
//! Who does not know an application's type does not know its future's either, so that future can't stand in the caller's.
//! A box would do, for one allocation per request. A future of one type could be put into the same box again, but this one
//! borrows its request, so its type is another for each. What is kept is therefore a *room*: memory that has no type, in
//! which one future lives at a time.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bumpalo::Bump;

use crate::application::Application;
use crate::request::Request;
use crate::response::Response;

/// Rooms kept for the next calls; more are given back to the system.
const FREE_MAX: usize = 1_024;

/// Octets of a room that is kept: larger ones are given back too.
const ROOM_BYTES_MAX: usize = 16 * 1024;

/// An application of any type: a clone is the same one.
///
/// A call allocates nothing by itself, but for the first ones: the room that the application's future needs is used again. Up
/// to 1,024 rooms of up to 16 KiB are kept, as many as there were calls at once.
///
/// ```
/// use selvedge_http::{Application, BoxApplication, Request, Response};
///
/// async fn hello(_: Request<'_>) -> &'static str {
///     "hello"
/// }
///
/// /// As many as one likes, each answering for the paths that begin with it.
/// struct Mounts(Vec<(&'static [u8], BoxApplication)>);
///
/// impl Application for Mounts {
///     async fn call(&self, request: Request<'_>) -> Response {
///         match self.0.iter().find(|(prefix, _)| request.path().starts_with(prefix)) {
///             Some((_, application)) => application.call(request).await,
///             None => Response::error(selvedge_http::StatusCode::NOT_FOUND, ""),
///         }
///     }
/// }
///
/// let hello = BoxApplication::new(hello);
/// let _mounts = Mounts(vec![(b"/en", hello.clone()), (b"/", hello)]);
/// ```
#[derive(Clone)]
pub struct BoxApplication {
    application: Rc<dyn ErasedApplication>,
    rooms: Rc<Rooms>,
}

impl BoxApplication {
    /// The same application, its type not told.
    pub fn new(application: impl Application) -> Self {
        Self::with_rooms(application, Rc::default())
    }

    /// One that shares its rooms with others.
    pub(crate) fn with_rooms(application: impl Application, rooms: Rc<Rooms>) -> Self {
        Self { application: Rc::new(application), rooms }
    }
}

impl Application for BoxApplication {
    async fn call(&self, request: Request<'_>) -> Response {
        let room = self.rooms.take();
        let answering = Lodged(self.application.start(request, &room.memory));
        answering.await
    }
}

impl fmt::Debug for BoxApplication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoxApplication").finish_non_exhaustive()
    }
}

/// [`Application`] as a trait that can be behind a pointer.
trait ErasedApplication: 'static {
    /// Begins to answer: the future, in a room.
    fn start<'a>(&'a self, request: Request<'a>, room: &'a Bump) -> &'a mut (dyn Answering + 'a);
}

impl<A: Application> ErasedApplication for A {
    fn start<'a>(&'a self, request: Request<'a>, room: &'a Bump) -> &'a mut (dyn Answering + 'a) {
        let future = bumpalo::boxed::Box::pin_in(self.call(request), room);
        room.alloc(Some(future))
    }
}

/// A future in a room.
trait Answering {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Response>;

    /// Drops the future.
    fn end(&mut self);
}

impl<F: Future<Output = Response>> Answering for Option<Pin<bumpalo::boxed::Box<'_, F>>> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Response> {
        let future = self.as_mut().expect("it is ended by the drop of who polls it");
        future.as_mut().poll(context)
    }

    fn end(&mut self) {
        *self = None;
    }
}

/// A future in a room, which it leaves in order: a room drops nothing by itself.
struct Lodged<'a>(&'a mut (dyn Answering + 'a));

impl Future for Lodged<'_> {
    type Output = Response;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Response> {
        self.0.poll(context)
    }
}

impl Drop for Lodged<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Empty rooms.
#[derive(Debug, Default)]
pub(crate) struct Rooms(RefCell<Vec<Bump>>);

/// A room in use: it goes back when it is dropped.
struct Room<'a> {
    memory: Bump,
    rooms: &'a Rooms,
}

impl Rooms {
    fn take(&self) -> Room<'_> {
        Room { memory: self.0.borrow_mut().pop().unwrap_or_default(), rooms: self }
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        let mut memory = std::mem::take(&mut self.memory);
        // Of several pieces the newest stays, which is the one that the whole future fitted into.
        memory.reset();
        let mut free = self.rooms.0.borrow_mut();
        if free.len() < FREE_MAX && memory.allocated_bytes() <= ROOM_BYTES_MAX {
            free.push(memory);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(rooms: &Rooms) -> Vec<usize> {
        rooms.0.borrow().iter().map(Bump::allocated_bytes).collect()
    }

    #[test]
    fn as_many_rooms_are_kept_as_were_used_at_once_up_to_a_bound() {
        let rooms = Rooms::default();
        for _ in 0..3 {
            let used: Vec<_> = (0..FREE_MAX + 10).map(|_| rooms.take()).collect();
            for room in &used {
                room.memory.alloc([0_u8; 100]);
            }
            drop(used);
            assert_eq!(kept(&rooms).len(), FREE_MAX);
        }
    }

    #[test]
    fn a_room_keeps_what_the_largest_future_needed_and_a_huge_one_is_given_back() {
        let rooms = Rooms::default();
        rooms.take().memory.alloc([0_u8; 5_000]);
        let bytes = kept(&rooms)[0];
        assert!(bytes >= 5_000, "{bytes}");
        let room = rooms.take();
        room.memory.alloc([0_u8; 100]);
        drop(room);
        assert_eq!(kept(&rooms), [bytes]);
        rooms.take().memory.alloc([0_u8; ROOM_BYTES_MAX + 1]);
        assert!(kept(&rooms).is_empty());
    }
}
