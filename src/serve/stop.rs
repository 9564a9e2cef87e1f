//! How serving ends: first softly, then at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

/// The switch that ends serving; all clones are one switch.
#[derive(Clone, Default)]
pub struct Stop(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Read by every connection whenever it wakes, so it must not be behind the token's lock.
    begun: AtomicBool,
    soft: CancellationToken,
    hard: CancellationToken,
}

impl Stop {
    /// A switch that has not been used.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins the soft stop: no new connections, running requests finish, streams are asked to end.
    pub fn begin(&self) {
        self.0.begun.store(true, Ordering::SeqCst);
        self.0.soft.cancel();
    }

    /// Ends everything now, without waiting for the drain time: for a second signal.
    pub fn cut(&self) {
        self.begin();
        self.0.hard.cancel();
    }

    /// True once a stop has begun; costs one load.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        self.0.begun.load(Ordering::Relaxed)
    }

    /// Waits for the soft stop.
    pub fn begun(&self) -> WaitForCancellationFuture<'_> {
        self.0.soft.cancelled()
    }

    /// Waits for the moment from which nothing may go on.
    pub fn is_cut(&self) -> WaitForCancellationFuture<'_> {
        self.0.hard.cancelled()
    }
}

/// The request extension by which long answers learn that they should end soon.
///
/// It is made anew for each request, so it costs one count on memory of its own connection and nothing shared.
#[derive(Clone)]
pub struct StopSignal(Arc<Stop>);

impl StopSignal {
    pub(super) fn new(stop: Stop) -> Self {
        Self(Arc::new(stop))
    }

    /// A token that is cancelled when the soft stop begins; never cancel it yourself.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.0.0.soft.clone()
    }

    /// True once long answers should end.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        self.0.is_begun()
    }
}
