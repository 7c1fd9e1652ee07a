//! What belongs to a worker, inside what may be sent anywhere: axum asks for `Send` of bodies and futures that never leave
//! their worker.

use std::fmt;
use std::ops::{Deref, DerefMut};

use send_wrapper::SendWrapper;

/// A value of the thread that made it.
///
/// # Panics
/// When it is used on another thread. Dropped there, it is leaked, and a line on standard error says so: a panic in a drop could
/// end the process.
pub(super) struct WorkerBound<T>(Option<SendWrapper<T>>);

impl<T> WorkerBound<T> {
    pub(super) fn new(value: T) -> Self {
        Self(Some(SendWrapper::new(value)))
    }

    /// The value, on its own thread.
    pub(super) fn get(&self) -> Option<&T> {
        self.0.as_ref().filter(|value| value.valid()).map(|value| &**value)
    }
}

impl<T> Deref for WorkerBound<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().expect("only its drop takes it")
    }
}

impl<T> DerefMut for WorkerBound<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_mut().expect("only its drop takes it")
    }
}

impl<T: Clone> Clone for WorkerBound<T> {
    fn clone(&self) -> Self {
        Self::new(T::clone(self))
    }
}

impl<T> Drop for WorkerBound<T> {
    fn drop(&mut self) {
        if let Some(value) = self.0.take()
            && !value.valid()
        {
            #[expect(clippy::mem_forget, reason = "its reference counts are another thread's")]
            std::mem::forget(value);
            selvedge_runtime::report_line(&format!(
                "leaked: a {} was dropped on another thread than its worker",
                std::any::type_name::<T>()
            ));
        }
    }
}

impl<T> fmt::Debug for WorkerBound<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WorkerBound")
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;
    use std::thread;

    use super::*;

    #[test]
    fn on_another_thread_it_is_not_to_be_had_and_its_drop_does_no_harm() {
        let value = Rc::new(1);
        let bound = WorkerBound::new(Rc::clone(&value));
        assert_eq!(bound.get(), Some(&value));
        thread::spawn(move || assert!(bound.get().is_none())).join().unwrap();
        // Leaked, not freed beside this thread's back.
        assert_eq!(Rc::strong_count(&value), 2);
        assert!(
            thread::spawn({
                let bound = WorkerBound::new(2);
                move || *bound
            })
            .join()
            .is_err()
        );
    }
}
