//! What is kept of changes under their keys, so that the same change is made once: a first answer, its replay, a
//! refusal for other parameters, a refusal while the first one runs.

use super::reply::Reply;
use super::world::World;

/// Answers are kept for a day.
const KEPT_FOR: i64 = 24 * 3_600;

/// What is known of a key.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    fingerprint: String,
    since: i64,
    answer: Option<(Reply, String)>,
}

/// What became of a call's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOutcome {
    /// Not used before: the change is made.
    New,
    /// Used before for the same change: its answer came again.
    Replayed,
    /// Used before for another change: refused.
    Mismatched,
    /// The first call still runs: refused.
    InFlight,
}

impl World {
    /// Takes a key for a change; an answer here means that the change is not made.
    pub(super) fn take_key(&mut self, key: &str, fingerprint: &str) -> (KeyOutcome, Option<Reply>) {
        let now = self.now();
        self.kept.retain(|_, kept| kept.since + KEPT_FOR > now);
        let Some(kept) = self.kept.get(key) else {
            let kept = Kept { fingerprint: fingerprint.to_owned(), since: now, answer: None };
            self.kept.insert(key.to_owned(), kept);
            return (KeyOutcome::New, None);
        };
        if kept.fingerprint != fingerprint {
            return (KeyOutcome::Mismatched, Some(mismatch()));
        }
        match &kept.answer {
            None => (KeyOutcome::InFlight, Some(in_flight())),
            Some((answer, request_id)) => {
                let again = answer.clone().header("idempotent-replayed", "true").header("original-request", request_id);
                (KeyOutcome::Replayed, Some(again))
            }
        }
    }

    /// Lets go of a key that no answer was kept under.
    pub(super) fn forget_key(&mut self, key: Option<&str>) {
        if let Some(key) = key.filter(|key| self.kept.get(*key).is_some_and(|kept| kept.answer.is_none())) {
            self.kept.remove(key);
        }
    }

    /// Keeps the answer of a change that was made; what was refused beforehand may be asked again.
    pub(super) fn keep_answer(&mut self, key: &str, answer: &Reply, request_id: &str) {
        if matches!(answer.status, 400 | 401 | 403 | 404 | 429) {
            self.kept.remove(key);
        } else if let Some(kept) = self.kept.get_mut(key) {
            kept.answer = Some((answer.clone(), request_id.to_owned()));
        }
    }
}

fn mismatch() -> Reply {
    let message = "Keys for idempotent requests can only be used with the same parameters they were first used with. \
                   Try using a key other than the one you used if you meant to execute a different request.";
    Reply::error(400, "idempotency_error", "", "", message)
}

fn in_flight() -> Reply {
    let message = "There is currently another in-progress request using this idempotency key.";
    Reply::error(409, "invalid_request_error", "idempotency_key_in_use", "", message)
        .header("stripe-should-retry", "true")
}
