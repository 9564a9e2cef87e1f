//! The worker as it runs in production, and waiting for what it does.

use std::time::Duration;

use pollux::app::App;
use pollux::worker;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// A worker at work, until it is stopped or dropped.
#[derive(Debug)]
pub struct Working {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Working {
    /// Starts a worker that gives running jobs `grace` to end when it is stopped.
    pub fn start(app: &App, grace: Duration) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(worker::run(app.clone(), stop.clone(), CancellationToken::new(), grace));
        Self { stop, task }
    }

    /// Tells it to stop, softly.
    pub fn begin_to_stop(&self) {
        self.stop.cancel();
    }

    /// Stops it softly and waits until it has ended.
    pub async fn stop(mut self) {
        self.stop.cancel();
        (&mut self.task).await.unwrap();
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.stop.cancel();
        self.task.abort();
    }
}

/// Looks again and again until there is something to be seen, and fails when there is nothing within `limit`.
pub async fn until<T, F>(limit: Duration, what: &str, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + limit;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}
