//! Jobs: what the queue holds, whose turn it is, and when a failed one is tried again.

use std::time::Duration;

use super::ids::{ChallengeId, ChatroomId, JobId, MessageId, SubjectId, UserId};
use super::plan::Tier;
use super::time::Timestamp;

/// How long a worker holds a job without renewing.
pub const LEASE: Duration = Duration::from_secs(15);
/// How often a worker renews.
pub const HEARTBEAT: Duration = Duration::from_secs(5);
/// From acceptance to the moment a reply is given up.
pub const DEADLINE: Duration = Duration::from_mins(10);
/// The longest one call of the model may take, whatever the model itself promises.
pub const LONGEST_CALL: Duration = Duration::from_mins(3);
/// Tries of a reply for faults of the model.
pub const TRIES: u32 = 5;
/// Tries of a reply whose answer came out empty.
pub const EMPTY_TRIES: u32 = 3;
/// Tries of a job that panics.
pub const PANICS: u32 = 3;
/// Tries of a job whose process dies.
pub const DEATHS: u32 = 10;
/// How far back the turns of a user who sends a lot can get.
pub const FURTHEST_TURN: Duration = Duration::from_mins(1);
/// From this many deaths on a job is suspected of killing its process: two such jobs never run at the same time, so
/// that the guilty one does not take the innocent with it.
pub const SUSPECT_DEATHS: u32 = 3;
/// How far ahead of all replies other work stands: it is short, and somebody waits for it.
const HEAD_START: Duration = Duration::from_hours(1);
/// How far behind all replies work stands that nobody waits for.
const BACKGROUND: Duration = Duration::from_hours(24);
/// How long such work is worth doing.
const BACKGROUND_PATIENCE: Duration = Duration::from_hours(1);
/// Tries of such work for faults of the model, and of ours.
pub const BACKGROUND_TRIES: u32 = 2;
/// How far apart the turns of one user are, so that others come between.
const TURN_SPACING: Duration = Duration::from_secs(2);

/// The kinds of work; matched in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobKind {
    /// Write a reply.
    Reply,
    /// Read a user's subscriptions from the payment provider and mirror them.
    SyncCustomer,
    /// Find out whose charge an event is about, and go on from there.
    FindCustomer,
    /// Compare every paying user with the payment provider.
    Reconcile,
    /// Send the text of a code.
    SendCode,
    /// Erase what a closed account leaves.
    EraseAccount,
    /// Find a title for a room that nobody named.
    TitleRoom,
    /// Bring the summary of a long room up to date.
    SummariseRoom,
}

impl JobKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Reply,
        Self::SyncCustomer,
        Self::FindCustomer,
        Self::Reconcile,
        Self::SendCode,
        Self::EraseAccount,
        Self::TitleRoom,
        Self::SummariseRoom,
    ];

    /// The text that storage keeps.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reply => "reply",
            Self::SyncCustomer => "sync_customer",
            Self::FindCustomer => "find_customer",
            Self::Reconcile => "reconcile",
            Self::SendCode => "send_code",
            Self::EraseAccount => "erase_account",
            Self::TitleRoom => "title_room",
            Self::SummariseRoom => "summarise_room",
        }
    }

    /// True for work that nobody waits for: it is done where replies leave room for it.
    #[must_use]
    pub const fn is_background(self) -> bool {
        matches!(self, Self::TitleRoom | Self::SummariseRoom)
    }

    /// The reverse of [`Self::as_str`]; none for a kind that a newer version wrote.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A job under this worker's lease.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What is to be done; none when a newer version wrote it.
    pub kind: Option<JobKind>,
    /// What it is about.
    pub subject: SubjectId,
    /// Whose it is, where it is somebody's.
    pub user_id: Option<UserId>,
    /// The room of a reply.
    pub chatroom_id: Option<ChatroomId>,
    /// The place of a reply in its room; 0 for other work.
    pub seq: i64,
    /// The lease's number: every write of the job carries it.
    pub attempt: i64,
    /// Tries that ended in a fault of the model.
    pub errors: u32,
    /// Tries that ended in a panic of the job.
    pub panics: u32,
    /// Tries that ended with the process.
    pub deaths: u32,
    /// What the last failed try ended in.
    pub last_error: Option<String>,
    /// When to give up.
    pub deadline_at: Timestamp,
    /// The place in a trace that it goes on from, where its request was traced.
    pub trace_parent: Option<String>,
}

impl Job {
    /// The reply that a job of that kind is about.
    #[must_use]
    pub fn reply(&self) -> MessageId {
        MessageId::from_bytes(self.subject.bytes())
    }

    /// The challenge whose code a job sends.
    #[must_use]
    pub fn challenge(&self) -> ChallengeId {
        ChallengeId::from_bytes(self.subject.bytes())
    }

    /// The room that a job about a room is about.
    #[must_use]
    pub fn room(&self) -> ChatroomId {
        ChatroomId::from_bytes(self.subject.bytes())
    }

    /// The user that a job about an account is about.
    #[must_use]
    pub fn account(&self) -> UserId {
        UserId::from_bytes(self.subject.bytes())
    }
}

/// A job about to be put into the queue, of any kind but a reply, which is enqueued with its message.
#[derive(Clone, Copy, Debug)]
pub struct NewJob {
    /// Its id.
    pub id: JobId,
    /// What is to be done.
    pub kind: JobKind,
    /// What it is about.
    pub subject: SubjectId,
    /// Whose it is, where it is somebody's.
    pub user_id: Option<UserId>,
    /// The present.
    pub now: Timestamp,
    /// When to give up.
    pub deadline_at: Timestamp,
}

impl NewJob {
    /// A job about a user's account.
    #[must_use]
    pub fn about_account(kind: JobKind, user_id: UserId, now: Timestamp, patience: Duration) -> Self {
        let (id, subject) = (JobId::new(now), SubjectId::from_bytes(user_id.bytes()));
        Self { id, kind, subject, user_id: Some(user_id), now, deadline_at: now + patience }
    }

    /// A job that sends a code, given up when the code is over. It is nobody's, so that nothing tells who has an
    /// account.
    #[must_use]
    pub fn about_code(challenge: ChallengeId, now: Timestamp, expires_at: Timestamp) -> Self {
        let (id, subject) = (JobId::new(now), SubjectId::from_bytes(challenge.bytes()));
        Self { id, kind: JobKind::SendCode, subject, user_id: None, now, deadline_at: expires_at }
    }

    /// A job that erases what a closed account leaves. It is the closed account's, and about the one that its rooms went
    /// over to.
    #[must_use]
    pub fn about_remains(closed: UserId, holder: UserId, now: Timestamp, patience: Duration) -> Self {
        let (id, subject) = (JobId::new(now), SubjectId::from_bytes(holder.bytes()));
        Self { id, kind: JobKind::EraseAccount, subject, user_id: Some(closed), now, deadline_at: now + patience }
    }

    /// A job about a room. It is not bound to the room as a reply is, so that no reply waits for it; its id is the room's,
    /// where there is but one in the life of a room.
    #[must_use]
    pub fn about_room(kind: JobKind, room: ChatroomId, owner: UserId, now: Timestamp) -> Self {
        let id = if kind == JobKind::TitleRoom { JobId::from_bytes(room.bytes()) } else { JobId::new(now) };
        let subject = SubjectId::from_bytes(room.bytes());
        Self { id, kind, subject, user_id: Some(owner), now, deadline_at: now + BACKGROUND_PATIENCE }
    }

    /// A job about the whole installation.
    #[must_use]
    pub fn about_all(kind: JobKind, now: Timestamp, patience: Duration) -> Self {
        let id = JobId::new(now);
        Self { id, kind, subject: SubjectId::from_bytes(id.bytes()), user_id: None, now, deadline_at: now + patience }
    }

    /// Its place in the queue: before all replies, or behind them all.
    #[must_use]
    pub fn turn_at(&self) -> Timestamp {
        if self.kind.is_background() { self.now + BACKGROUND } else { self.now - HEAD_START }
    }
}

/// The earliest turn of a job accepted at `now`; the earliest turn goes first. Those of Basic stand back a fixed time
/// behind Pro, and a user's own turns keep a distance from each other, so Pro goes first, users share, and waiting alone
/// brings every job to the front.
#[must_use]
pub fn turn_base(now: Timestamp, tier: Tier) -> Timestamp {
    now + tier.stands_back()
}

/// The distance between two turns of one user, in milliseconds.
#[must_use]
pub fn turn_spacing_ms() -> i64 {
    i64::try_from(TURN_SPACING.as_millis()).unwrap_or(0)
}

/// How long to wait before the next try: 1 s growing by 2 up to 60 s, half of it by chance (`0.0..1.0`), and never
/// less than what the model asked for.
#[must_use]
pub fn backoff(failures: u32, asked: Option<Duration>, chance: f64) -> Duration {
    let full = Duration::from_secs(1_u64 << failures.saturating_sub(1).min(6)).min(Duration::from_mins(1));
    let jittered = full.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0);
    asked.map_or(jittered, |asked| asked + full.mul_f64(chance.clamp(0.0, 1.0) / 10.0)).max(jittered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_as_it_was_stored() {
        for kind in JobKind::ALL {
            assert_eq!(JobKind::from_stored(kind.as_str()), Some(kind));
        }
        assert_eq!(JobKind::from_stored("of_a_newer_version"), None);
    }

    #[test]
    fn waits_double_and_stay_under_a_minute() {
        let full: Vec<_> = (1..=8).map(|failures| backoff(failures, None, 1.0).as_secs()).collect();
        assert_eq!(full, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(backoff(1, None, 0.0), Duration::from_millis(500));
    }

    #[test]
    fn a_wait_the_model_asked_for_is_kept() {
        assert!(backoff(1, Some(Duration::from_secs(45)), 0.0) >= Duration::from_secs(45));
    }

    #[test]
    fn a_basic_job_stands_behind_pro_but_ages_past_it() {
        let early = Timestamp::from_millis(0);
        let later = early + Duration::from_secs(30);
        assert!(turn_base(early, Tier::Pro) < turn_base(early, Tier::Basic));
        assert!(turn_base(early, Tier::Basic) < turn_base(later, Tier::Pro));
    }
}
