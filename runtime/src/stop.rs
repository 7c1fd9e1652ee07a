//! One signal to everybody: stop.

use async_channel::{Receiver, Sender};

/// Gives the signal, once.
#[derive(Debug, Clone)]
pub struct StopSource(Sender<()>);

/// Sees the signal; any number of clones on any threads.
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
