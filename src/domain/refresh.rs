//! Refresh tokens: each is good once, and what one that comes again means.

use std::time::Duration;

use super::ids::{SessionId, UserId};
use super::time::Timestamp;

/// What the store knows of a refresh token that was given out.
#[derive(Clone, Debug)]
pub struct GivenToken {
    /// The session it belongs to.
    pub session_id: SessionId,
    /// Whose session that is.
    pub user_id: UserId,
    /// When the session ends by itself.
    pub expires_at: Timestamp,
    /// When the session was ended, if it was.
    pub ended_at: Option<Timestamp>,
    /// How many tokens of the session have been used.
    pub session_step: i64,
    /// How many had been used before this one.
    pub step: i64,
    /// When this one was used, if it was.
    pub spent_at: Option<Timestamp>,
    /// The digest of the token that is good now.
    pub current: Vec<u8>,
}

/// What a refresh token is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is the one that is good now.
    Good,
    /// It was used a moment ago and its successor was not: the answer was lost, or two requests went out at once.
    Repeated,
    /// It was used before: somebody has a copy.
    Reused,
    /// Its session is over.
    Over,
}

impl GivenToken {
    /// What it is worth now.
    #[must_use]
    pub fn standing(&self, now: Timestamp, grace: Duration) -> Standing {
        if self.ended_at.is_some() || now >= self.expires_at {
            return Standing::Over;
        }
        match self.spent_at {
            None => Standing::Good,
            Some(spent_at) if self.step + 1 == self.session_step && now < spent_at + grace => Standing::Repeated,
            Some(_) => Standing::Reused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_255_200_000);
    const GRACE: Duration = Duration::from_secs(10);
    const TICK: Duration = Duration::from_millis(1);

    fn given(step: i64, spent_at: Option<Timestamp>) -> GivenToken {
        let (session_id, user_id, expires_at) = (SessionId::new(NOW), UserId::new(NOW), NOW + GRACE * 9);
        GivenToken { session_id, user_id, expires_at, ended_at: None, session_step: 2, step, spent_at, current: vec![] }
    }

    #[test]
    fn a_token_is_good_until_it_is_used_and_for_a_grace_afterwards() {
        assert_eq!(given(2, None).standing(NOW, GRACE), Standing::Good);
        let used = given(1, Some(NOW));
        assert_eq!(used.standing(NOW, GRACE), Standing::Repeated);
        assert_eq!(used.standing(NOW + GRACE.saturating_sub(TICK), GRACE), Standing::Repeated);
        assert_eq!(used.standing(NOW + GRACE, GRACE), Standing::Reused);
        assert_eq!(used.standing(NOW, Duration::ZERO), Standing::Reused);
    }

    #[test]
    fn two_steps_back_is_never_a_lost_answer() {
        assert_eq!(given(0, Some(NOW)).standing(NOW, GRACE), Standing::Reused);
    }

    #[test]
    fn whatever_was_used_is_worth_nothing_once_the_session_is_over() {
        for token in [given(2, None), given(1, Some(NOW)), given(0, Some(NOW))] {
            assert_eq!(token.standing(token.expires_at, GRACE), Standing::Over);
            assert_ne!(token.standing(token.expires_at - TICK, GRACE), Standing::Over);
            assert_eq!(GivenToken { ended_at: Some(NOW), ..token }.standing(NOW, GRACE), Standing::Over);
        }
    }
}
