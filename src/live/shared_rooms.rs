//! First pages of room lists in Redis, for all processes. A user's pages stand in one hash beside a generation, which is
//! a random text: a write of the user replaces it, and a page counts only under the generation it was read in. So whoever
//! was still reading the database while the user wrote, before a restart of Redis or after one, puts a page there
//! that nobody believes.

use std::time::Duration;

use super::cache::Page;
use super::redis::Redis;
use crate::domain::ids::UserId;
use crate::domain::time::Timestamp;

const GENERATION: &str = "generation";

/// What makes a page good: read it before the database, and hand it in with what was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    owner: UserId,
    generation: Vec<u8>,
    /// See `Session::rooms_epoch`.
    epoch: i64,
}

/// The lists that processes share.
#[derive(Clone, Debug)]
pub struct SharedRooms {
    redis: Redis,
    life: Duration,
}

impl SharedRooms {
    /// Pages there live for `life` at the most.
    #[must_use]
    pub fn new(redis: Redis, life: Duration) -> Self {
        Self { redis, life }
    }

    /// The page of `owner` for that page size, and the ticket for putting one there; nothing while Redis is away.
    pub async fn find(
        &self,
        (owner, epoch): (UserId, i64),
        limit: u32,
        now: Timestamp,
    ) -> Option<(Ticket, Option<Page>)> {
        let key = self.key(owner);
        let mut commands = redis::pipe();
        commands.cmd("HSETNX").arg(&key).arg(GENERATION).arg(fresh_generation()).ignore();
        commands.cmd("HMGET").arg(&key).arg(GENERATION).arg(field(limit));
        commands.cmd("PEXPIRE").arg(&key).arg(self.life_ms()).ignore();
        let ((generation, stored),): ((Vec<u8>, Option<Vec<u8>>),) = self.redis.ask(&commands).await?;
        let ticket = Ticket { owner, generation, epoch };
        let page = stored.and_then(|stored| ticket.open(&stored, now.as_millis() - self.life_ms()));
        Some((ticket, page))
    }

    /// Puts a page there that was read from the database under `ticket`.
    pub async fn put(&self, ticket: &Ticket, limit: u32, page: &Page, read_at: Timestamp) {
        let mut commands = redis::pipe();
        commands.cmd("HSET").arg(self.key(ticket.owner)).arg(field(limit)).arg(ticket.seal(page, read_at)).ignore();
        let _: Option<()> = self.redis.ask(&commands).await;
    }

    /// Makes every page of `owner` one that nobody believes; false when that could not be said.
    pub async fn forget(&self, owner: UserId) -> bool {
        let key = self.key(owner);
        let mut commands = redis::pipe();
        commands.cmd("HSET").arg(&key).arg(GENERATION).arg(fresh_generation()).ignore();
        commands.cmd("PEXPIRE").arg(&key).arg(self.life_ms()).ignore();
        self.redis.ask::<()>(&commands).await.is_some()
    }

    fn key(&self, owner: UserId) -> String {
        self.redis.key(&format!("rooms:{owner}"))
    }

    fn life_ms(&self) -> i64 {
        i64::try_from(self.life.as_millis()).unwrap_or(i64::MAX)
    }
}

impl Ticket {
    /// Owner, generation, epoch, time and tag stand before the body; the generation is as long as the ticket's.
    fn seal(&self, page: &Page, read_at: Timestamp) -> Vec<u8> {
        let tag_length = u8::try_from(page.etag.len()).unwrap_or_default();
        let mut bytes = self.head();
        bytes.extend(read_at.as_millis().to_be_bytes());
        bytes.push(tag_length);
        bytes.extend(&page.etag.as_bytes()[..tag_length.into()]);
        bytes.extend(&page.body);
        bytes
    }

    fn open(&self, stored: &[u8], not_before_ms: i64) -> Option<Page> {
        let rest = stored.strip_prefix(self.head().as_slice())?;
        let (read_at, rest) = rest.split_first_chunk::<8>()?;
        if i64::from_be_bytes(*read_at) < not_before_ms {
            return None;
        }
        let (tag_length, rest) = rest.split_first()?;
        let (etag, body) = rest.split_at_checked(usize::from(*tag_length))?;
        Some(Page { etag: String::from_utf8(etag.to_vec()).ok()?, body: body.to_vec().into() })
    }

    fn head(&self) -> Vec<u8> {
        [self.owner.bytes().as_slice(), self.generation.as_slice(), &self.epoch.to_be_bytes()].concat()
    }
}

fn fresh_generation() -> Vec<u8> {
    rand::random::<[u8; 16]>().to_vec()
}

fn field(limit: u32) -> String {
    format!("page{limit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_255_200_000);

    fn ticket() -> Ticket {
        Ticket { owner: UserId::new(NOW), generation: fresh_generation(), epoch: 1 }
    }

    fn page() -> Page {
        Page { body: bytes::Bytes::from_static(b"{}"), etag: "\"tag\"".to_owned() }
    }

    #[test]
    fn a_page_is_believed_under_its_own_ticket_alone() {
        let right = ticket();
        let sealed = right.seal(&page(), NOW);
        let opened = right.open(&sealed, NOW.as_millis()).unwrap();
        assert_eq!((opened.etag.as_str(), opened.body.as_ref()), ("\"tag\"", b"{}".as_slice()));
        for wrong in [
            Ticket { owner: UserId::new(NOW), ..right.clone() },
            Ticket { generation: fresh_generation(), ..right.clone() },
            Ticket { epoch: 2, ..right.clone() },
        ] {
            assert!(wrong.open(&sealed, 0).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn an_old_page_and_a_cut_one_are_not_believed() {
        let ticket = ticket();
        let sealed = ticket.seal(&page(), NOW);
        assert!(ticket.open(&sealed, NOW.as_millis() + 1).is_none());
        for length in 0..sealed.len() - 2 {
            assert!(ticket.open(&sealed[..length], 0).is_none(), "{length}");
        }
    }
}
