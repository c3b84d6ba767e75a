//! How a running server is asked to stop, and how it goes. After SIGTERM it drains first, after SIGINT it does not; then it
//! accepts nobody any more and lets requests under way finish. Any further signal ends what it is waiting for.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::Signal;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;

use crate::flow::Signet;
use crate::http::newcomers::Newcomers;

/// The signals that end a server, heard from the moment this exists: a signal that comes before anybody waits for it is
/// kept. The framework would begin to listen only after it has answered its first requests, and die of one until then.
#[derive(Debug)]
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
}

struct Asked {
    signal: &'static str,
    /// A supervisor, which can wait until nobody sends anything here any more; not somebody at a terminal.
    politely: bool,
}

impl Signals {
    /// Inside of a runtime.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub(super) fn hear() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
        })
    }

    /// The stop was asked for, and whoever sends requests here had `drain` to notice it: from here on no connection is
    /// let in, and requests under way come to their end.
    pub(super) async fn goodbye(&mut self, signet: Arc<Signet>, drain: Duration, newcomers: Newcomers) {
        let asked = self.next().await;
        tracing::info!(event = "stopping", signal = asked.signal);
        signet.stop();
        if asked.politely {
            if !drain.is_zero() {
                // Whoever asks again does not want to wait.
                drop(tokio::time::timeout(drain, self.next()).await);
            }
            newcomers.settle().await;
        }
        tracing::info!(event = "closing", "accepts nobody any more");
    }

    /// The next signal of any kind.
    pub(super) async fn again(&mut self) {
        self.next().await;
    }

    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked { signal: "SIGTERM", politely: true },
            _ = self.interrupt.recv() => Asked { signal: "SIGINT", politely: false },
            _ = self.quit.recv() => Asked { signal: "SIGQUIT", politely: false },
        }
    }
}
