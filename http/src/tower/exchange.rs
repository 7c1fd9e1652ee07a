//! One request on its way through services to the applications they wrap.
//!
//! A service owns its requests; an application borrows its own from the connection. So an application within a service does not
//! run in the service's future: it is asked for there, run by whoever called the service and has the request, and its answer
//! goes back. Both are polled by one task, the service first.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;

use super::feed::Feed;
use super::response_body::Held;
use super::worker_bound::WorkerBound;
use crate::request::Request;
use crate::response::Response;
use crate::upgrade::Upgrade;

/// What an application within a service is run with.
pub(super) trait Handler {
    /// Answers `request`, as the layers have changed it.
    fn handle<'r>(self: Box<Self>, request: Request<'r>) -> Pin<Box<dyn Future<Output = Answer> + 'r>>;
}

/// An application's answer, with what its body may still read of the request.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) response: Response,
    pub(super) feed: Option<Feed>,
}

/// A request that a service has. Applications are run at once as often as the layers ask for them.
#[derive(Default)]
pub(super) struct Exchange {
    stage: Cell<Stage>,
    asked: RefCell<Vec<(Asked, Box<dyn Handler>)>>,
    driver: RefCell<Option<Waker>>,
    /// Another protocol that an application has answered with: no body of tower's can carry it.
    upgrade: Cell<Option<Box<Upgrade>>>,
    /// The bodies of the applications' answers.
    bodies: RefCell<Vec<Weak<Held>>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    #[default]
    Waiting,
    /// The driver looks for what is asked for by itself.
    Polling,
    /// There is no request any more.
    Over,
}

/// Leads from a request's extensions to its exchange.
#[derive(Clone)]
pub(super) struct ExchangeKey(Arc<WorkerBound<Rc<Exchange>>>);

impl ExchangeKey {
    /// The exchange, on its worker.
    pub(super) fn exchange(&self) -> Option<&Rc<Exchange>> {
        self.0.get()
    }
}

/// One run of an application.
#[derive(Default)]
pub(super) struct Call {
    stage: RefCell<CallStage>,
    waiting: RefCell<Option<Waker>>,
}

#[derive(Default)]
enum CallStage {
    #[default]
    Asked,
    /// A panic goes on where the layers can catch it.
    Answered(thread::Result<Box<Answer>>),
    /// Nobody waits, or nobody answers.
    Over,
}

impl Exchange {
    pub(super) fn key(self: &Rc<Self>) -> ExchangeKey {
        ExchangeKey(Arc::new(WorkerBound::new(Rc::clone(self))))
    }

    // ---- the service's end ----

    /// Has `handler` run.
    pub(super) fn ask(&self, handler: Box<dyn Handler>) -> Rc<Call> {
        let call = Rc::new(Call::default());
        let asked = Asked(Rc::clone(&call));
        if self.stage.get() != Stage::Over {
            self.asked.borrow_mut().push((asked, handler));
            self.wake_driver();
        }
        call
    }

    /// Lets the driver see that a call is over.
    pub(super) fn wake_driver(&self) {
        if self.stage.get() == Stage::Waiting
            && let Some(driver) = &*self.driver.borrow()
        {
            driver.wake_by_ref();
        }
    }

    /// Puts another protocol aside until the service has answered.
    pub(super) fn put_aside(&self, upgrade: Box<Upgrade>) {
        self.upgrade.set(Some(upgrade));
    }

    /// Remembers a body, as long as it lives.
    pub(super) fn note_body(&self, body: &Rc<Held>) {
        self.bodies.borrow_mut().push(Rc::downgrade(body));
    }

    // ---- the driver's end ----

    /// Runs `service`, and the applications it asks for with `request`.
    pub(super) async fn drive<T>(&self, request: Request<'_>, service: impl Future<Output = T>) -> T {
        let _over = Over(self);
        let mut service = pin!(service);
        let mut running = Vec::new();
        poll_fn(|context| {
            *self.driver.borrow_mut() = Some(context.waker().clone());
            self.stage.set(Stage::Polling);
            let polled = loop {
                if let Poll::Ready(output) = service.as_mut().poll(context) {
                    break Poll::Ready(output);
                }
                if self.poll_calls(request, &mut running, context) == Calls::AllWait {
                    break Poll::Pending;
                }
            };
            self.stage.set(Stage::Waiting);
            polled
        })
        .await
    }

    fn poll_calls<'r>(
        &self,
        request: Request<'r>,
        running: &mut Vec<Running<'r>>,
        context: &mut Context<'_>,
    ) -> Calls {
        for (asked, handler) in self.asked.take() {
            running.push(Running { asked, handling: handler.handle(request) });
        }
        let mut calls = Calls::AllWait;
        running.retain_mut(|running| {
            if running.asked.0.is_over() {
                return false;
            }
            let handling = running.handling.as_mut();
            let answer = match catch_unwind(AssertUnwindSafe(|| handling.poll(context))) {
                Ok(Poll::Pending) => return true,
                Ok(Poll::Ready(answer)) => Ok(answer),
                Err(panic) => Err(panic),
            };
            running.asked.0.answer(answer, context);
            calls = Calls::SomeAnswered;
            false
        });
        calls
    }

    /// The protocol that was put aside.
    pub(super) fn take_upgrade(&self) -> Option<Box<Upgrade>> {
        self.upgrade.take()
    }

    /// The one body that is alive: a response that has it inside is the application's own. `None` where there are several.
    pub(super) fn only_body(&self) -> Option<Rc<Held>> {
        let bodies = self.bodies.borrow();
        let mut alive = bodies.iter().filter_map(Weak::upgrade);
        alive.next().filter(|_| alive.next().is_none())
    }
}

/// What became of the applications that run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Calls {
    SomeAnswered,
    AllWait,
}

/// An application that runs.
struct Running<'r> {
    asked: Asked,
    handling: Pin<Box<dyn Future<Output = Answer> + 'r>>,
}

/// The driver is gone: nothing is answered any more.
struct Over<'e>(&'e Exchange);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.stage.set(Stage::Over);
        drop(self.0.asked.take());
    }
}

/// The driver's hold on a call. Dropped without an answer, it tells who waits.
struct Asked(Rc<Call>);

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.end();
        let waiting = self.0.waiting.borrow_mut().take();
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }
}

impl Call {
    /// The answer, `None` if there is none to come.
    pub(super) fn poll_answer(&self, context: &Context<'_>) -> Poll<Option<Answer>> {
        let mut stage = self.stage.borrow_mut();
        match std::mem::replace(&mut *stage, CallStage::Over) {
            CallStage::Answered(Ok(answer)) => Poll::Ready(Some(*answer)),
            CallStage::Answered(Err(panic)) => {
                drop(stage);
                resume_unwind(panic)
            }
            CallStage::Over => Poll::Ready(None),
            CallStage::Asked => {
                *stage = CallStage::Asked;
                *self.waiting.borrow_mut() = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Nobody waits, or nobody will answer.
    pub(super) fn end(&self) {
        let mut stage = self.stage.borrow_mut();
        if matches!(*stage, CallStage::Asked) {
            *stage = CallStage::Over;
        }
    }

    fn is_over(&self) -> bool {
        matches!(*self.stage.borrow(), CallStage::Over)
    }

    fn answer(&self, answer: thread::Result<Answer>, context: &Context<'_>) {
        *self.stage.borrow_mut() = CallStage::Answered(answer.map(Box::new));
        let waiting = self.waiting.borrow_mut().take();
        // Its own task comes to it by itself, after the applications.
        if let Some(waiting) = waiting
            && !waiting.will_wake(context.waker())
        {
            waiting.wake();
        }
    }
}
