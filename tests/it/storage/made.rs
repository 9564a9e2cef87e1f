//! Things about to be stored, with what no test cares about filled in.

use std::time::Duration;

use pollux::domain::ids::{ChallengeId, ChatroomId, JobId, MessageId, SessionId, UserId};
use pollux::domain::otp::Purpose;
use pollux::domain::phone::Phone;
use pollux::domain::plan::{DailyLimit, Tier};
use pollux::domain::text::Name;
use pollux::domain::time::Timestamp;
use pollux::storage::{NewChallenge, NewChatroom, NewSession, Proof};

/// Somebody with an account.
pub struct Person {
    pub id: UserId,
    pub phone: Phone,
    pub session: SessionId,
}

/// A message about to be sent.
#[derive(Clone)]
pub struct Saying {
    pub user: UserId,
    pub room: ChatroomId,
    pub message: MessageId,
    pub reply: MessageId,
    pub job: JobId,
    pub tier: Tier,
    pub limit: DailyLimit,
    pub now: Timestamp,
}

impl Saying {
    pub fn new(person: &Person, room: ChatroomId, now: Timestamp) -> Self {
        let (message, reply) = (MessageId::new(now), MessageId::new(now));
        // The job of a reply has the reply's id.
        let job = JobId::from_bytes(reply.bytes());
        Self { user: person.id, room, message, reply, job, tier: Tier::Basic, limit: None, now }
    }

    pub fn pro(self) -> Self {
        Self { tier: Tier::Pro, ..self }
    }

    pub fn limited(self, limit: u32) -> Self {
        Self { limit: Some(limit), ..self }
    }
}

pub fn new_challenge(id: ChallengeId, phone: &Phone, now: Timestamp) -> NewChallenge<'_> {
    let expires_at = now + Duration::from_mins(5);
    let purpose = Purpose::Login;
    NewChallenge { id, phone, address: "address", purpose, code_mac: [1; 32], digits: 6, now, expires_at, text: None }
}

pub fn new_session(phone: &Phone, challenge: ChallengeId, now: Timestamp) -> NewSession<'_> {
    NewSession {
        phone,
        proof: Proof::Code { challenge, purpose: Purpose::Login },
        address: "address",
        id: SessionId::new(now),
        user_id: UserId::new(now),
        refresh_hash: rand::random(),
        device_hash: rand::random(),
        now,
        expires_at: now + Duration::from_hours(24),
    }
}

pub fn new_room(person: &Person, now: Timestamp) -> NewChatroom {
    NewChatroom {
        id: ChatroomId::new(now),
        user_id: person.id,
        name: Some(Name::parse("A room").unwrap()),
        instructions: None,
        model: None,
        now,
    }
}

pub fn minutes(count: u64) -> Duration {
    Duration::from_mins(count)
}
