//! The breaker before the model: when calls fail in a row, or our key is refused, nobody calls for a while; then one
//! goes ahead and tells the others.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::domain::time::Timestamp;

/// Failures in a row that open it.
const FAILURES: u32 = 10;
/// How long it stays open before one call is let through.
const PAUSE: Duration = Duration::from_secs(5);

/// Whether a model may be called; each model by itself, so that a wrong name of one plan does not stop the other.
#[derive(Debug, Default)]
pub struct Breaker(Mutex<HashMap<String, State>>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    open_until: Option<Timestamp>,
}

impl Breaker {
    /// None when a call may go ahead, else the moment to ask again. Of those that ask after a pause, one goes ahead.
    pub fn ask(&self, model: &str, now: Timestamp) -> Option<Timestamp> {
        let mut states = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let state = states.get_mut(model)?;
        let until = state.open_until?;
        if now < until {
            return Some(until);
        }
        state.open_until = Some(now + PAUSE);
        None
    }

    /// True while calls pause, or wait for one to tell that they may go on; asking does not make one go ahead.
    pub fn is_paused(&self, model: &str) -> bool {
        let states = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        states.get(model).is_some_and(|state| state.open_until.is_some())
    }

    /// A call went well: everybody may call.
    pub fn succeeded(&self, model: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(model);
    }

    /// A call failed for a reason that the next one would meet too; `at_once` when one such failure says it all.
    /// True when this opened it.
    pub fn failed(&self, model: &str, now: Timestamp, at_once: bool) -> bool {
        let mut states = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let state = states.entry(model.to_owned()).or_default();
        state.failures += 1;
        if !at_once && state.failures < FAILURES {
            return false;
        }
        let opened = state.open_until.is_none();
        state.open_until = Some(now + PAUSE);
        opened
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_255_200_000);

    #[test]
    fn it_opens_after_failures_in_a_row_and_closes_after_a_success() {
        let breaker = Breaker::default();
        for _ in 1..FAILURES {
            assert!(!breaker.failed("m", NOW, false));
        }
        assert_eq!(breaker.ask("m", NOW), None);
        assert!(breaker.failed("m", NOW, false));
        assert_eq!(breaker.ask("m", NOW), Some(NOW + PAUSE));
        assert_eq!(breaker.ask("other", NOW), None);
        breaker.succeeded("m");
        assert_eq!(breaker.ask("m", NOW), None);
    }

    #[test]
    fn after_a_pause_one_call_goes_ahead() {
        let breaker = Breaker::default();
        assert!(breaker.failed("m", NOW, true));
        let later = NOW + PAUSE;
        assert!(breaker.is_paused("m") && !breaker.is_paused("other"), "and who only looks does not go ahead");
        assert_eq!(breaker.ask("m", later), None);
        assert_eq!(breaker.ask("m", later), Some(later + PAUSE));
    }
}
