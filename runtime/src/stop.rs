//! One signal to everybody: stop.

use async_channel::{Receiver, Sender};

/// Gives the signal, once.
///
/// ```
/// use selvedge_runtime::{StopSource, block_on, spawn};
///
/// block_on(|| async {
///     let (stop, stopped) = StopSource::new();
///     let task = spawn("background", async move {
///         stopped.stopped().await;
///         "it has put its things away"
///     });
///     stop.stop();
///     assert_eq!(task.await, Ok("it has put its things away"));
/// });
/// ```
#[derive(Debug, Clone)]
pub struct StopSource(Sender<()>);

/// Sees the signal; any number of clones on any threads.
///
/// ```
/// use selvedge_runtime::StopSource;
///
/// let (stop, stopped) = StopSource::new();
/// let another = stopped.clone();
/// assert!(!stopped.is_stopped());
/// // Nobody could give the signal any more.
/// drop(stop);
/// assert!(stopped.is_stopped() && another.is_stopped());
/// ```
#[derive(Debug, Clone)]
pub struct StopSignal(Receiver<()>);

impl StopSource {
    /// A source and its signal. The signal is also given when the last source is dropped.
    pub fn new() -> (Self, StopSignal) {
        let (sender, receiver) = async_channel::bounded(1);
        (Self(sender), StopSignal(receiver))
    }

    /// Gives the signal; again has no effect.
    pub fn stop(&self) {
        self.0.close();
    }
}

impl StopSignal {
    /// Whether the signal was given.
    pub fn is_stopped(&self) -> bool {
        self.0.is_closed()
    }

    /// Waits for the signal.
    pub async fn stopped(&self) {
        // Nothing is ever sent: the channel's end is the signal.
        let _ = self.0.recv().await;
    }
}
