//! What a connection takes of memory, while it is idle and while something is asked of it: bounds that a change may lower, and raises
//! only knowingly (docs/decisions/0005-pooled-exchanges.md).

use std::future::Future;
use std::rc::Rc;

use super::{After, Close, Connection, ExchangePool, Received, live, run};
use crate::application::Application;
use crate::files::{NotFound, ServeFiles};
use crate::shared::Shared;

/// The bytes of what a function's call makes: a future's, whose type has no name.
fn bytes_of<A, B, R>(_: impl Fn(A, B) -> R) -> usize {
    size_of::<R>()
}

fn exchange_bytes<A: Application>() -> usize {
    bytes_of(|(connection, first), shared: Rc<Shared<A>>| run(connection, first, shared))
}

/// The task of a connection, whose exchanges have their own boxes.
fn task_bytes<A: Application>() -> usize {
    fn of<A, F, E>(_: impl Fn(Rc<Shared<A>>) -> E) -> usize
    where
        A: Application,
        F: Future<Output = (Box<Connection>, After)>,
        E: Fn(Box<Connection>, Option<Received>) -> F,
    {
        bytes_of(|(connection, close): (_, Close<A>), pool: Rc<ExchangePool<F, E>>| {
            live(connection, close, pool)
        })
    }
    of(|shared: Rc<Shared<A>>| move |connection, first| run(connection, first, Rc::clone(&shared)))
}

#[test]
fn an_idle_connection_has_its_box_and_its_task() {
    let (connection, task) = (size_of::<Connection>(), task_bytes::<ServeFiles<NotFound>>());
    assert!(connection <= 232, "{connection}");
    assert!(task <= 80, "{task}");
}

#[test]
fn an_exchange_with_a_file_fits_its_box() {
    let bytes = exchange_bytes::<ServeFiles<NotFound>>();
    assert!(bytes <= 3_560, "{bytes}");
}
