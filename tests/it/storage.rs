//! Every method of the store on both engines, without the rest of the house.

mod audit;
mod auth;
mod catalogue;
mod chats;
mod claims;
mod engine;
mod idempotency;
mod jobs;
mod made;
mod migrations;
mod queue;
mod replies;
mod sessions;
mod titles;
mod usage;

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use pollux::domain::ids::{ChallengeId, ChatroomId, JobId};
use pollux::domain::job::Job;
use pollux::domain::otp::SendCaps;
use pollux::domain::phone::Phone;
use pollux::domain::time::Timestamp;
use pollux::storage::{Db, NewExchange, NewKey, NewReply, Refusal, WriteError};

use self::made::{Person, Saying, minutes, new_challenge, new_room, new_session};
use crate::harness::engine::Lease;
use crate::harness::{Engine, NOON};

const WORKER: [u8; 16] = [7; 16];
/// Where each request of these tests stands in a trace.
const TRACE_PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const NO_CAPS: SendCaps =
    SendCaps { phone_hour: 99, phone_day: 99, address_hour: 999, block_hour: 999, global_hour: 9_999 };

/// A database of one test's own, and a way to look behind its back.
struct Store {
    db: Db,
    home: tempfile::TempDir,
    lease: Lease,
    people: AtomicU32,
}

impl Store {
    async fn open(engine: &Engine) -> Self {
        let (home, lease) = (tempfile::tempdir().unwrap(), engine.migrated_lease().await);
        let db = open_db(&home, &lease).await.unwrap();
        Self { db, home, lease, people: AtomicU32::new(0) }
    }

    async fn reopened(&self) -> pollux::error::Result<Db> {
        open_db(&self.home, &self.lease).await
    }

    fn file(&self) -> PathBuf {
        self.home.path().join("pollux.db")
    }

    fn is_postgres(&self) -> bool {
        self.lease.url().is_some()
    }

    fn fresh_phone(&self) -> Phone {
        let number = self.people.fetch_add(1, Ordering::SeqCst);
        Phone::parse(&format!("+1500{number:07}"), None).unwrap()
    }

    /// Runs SQL text behind the store's back.
    async fn execute(&self, text: &str) {
        match self.lease.url() {
            Some(url) => postgres(url).await.batch_execute(text).await.unwrap(),
            None => rusqlite::Connection::open(self.file()).unwrap().execute_batch(text).unwrap(),
        }
    }

    /// The one number that a query answers with.
    async fn number(&self, text: &str) -> i64 {
        match self.lease.url() {
            Some(url) => postgres(url).await.query_one(text, &[]).await.unwrap().get(0),
            None => rusqlite::Connection::open(self.file()).unwrap().query_one(text, [], |row| row.get(0)).unwrap(),
        }
    }

    async fn count(&self, table: &str) -> i64 {
        self.number(&format!("select count(*) from {table}")).await
    }

    async fn challenge(&self, phone: &Phone, now: Timestamp) -> ChallengeId {
        let id = ChallengeId::new(now);
        self.db.add_challenge(new_challenge(id, phone, now), NO_CAPS).await.unwrap();
        id
    }

    async fn sign_in(&self, phone: &Phone, now: Timestamp) -> Person {
        let challenge = self.challenge(phone, now).await;
        let session = new_session(phone, challenge, now);
        let (id, phone) = (session.id, phone.clone());
        let user = self.db.begin_session(session).await.unwrap().user;
        Person { id: user.id, phone, session: id }
    }

    async fn person(&self) -> Person {
        self.sign_in(&self.fresh_phone(), NOON).await
    }

    async fn pro(&self) -> Person {
        let person = self.person().await;
        self.db.reassess(person.id, pollux::domain::plan::Tier::Pro, None, NOON).await.unwrap();
        person
    }

    async fn room(&self, person: &Person) -> ChatroomId {
        self.db.add_chatroom(&new_room(person, NOON), None).await.unwrap().id
    }

    async fn accept(&self, saying: &Saying, key: Option<NewKey>) -> Result<u32, WriteError> {
        let asked = NewReply {
            user_id: saying.user,
            chatroom_id: saying.room,
            message_id: saying.message,
            reply_id: saying.reply,
            tier: saying.tier,
            limit: saying.limit,
            day: saying.now.day(),
            now: saying.now,
            trace_parent: Some(TRACE_PARENT.to_owned()),
        };
        self.db.accept_message(&NewExchange { content: "Why is the sky blue?", asked }, key).await
    }

    /// Sends a message that is accepted.
    async fn say(&self, person: &Person, room: ChatroomId) -> Saying {
        let saying = Saying::new(person, room, NOON);
        self.accept(&saying, None).await.unwrap();
        saying
    }

    async fn claim(&self, limit: i64, now: Timestamp) -> Vec<Job> {
        self.db.claim_jobs(WORKER, limit, now).await.unwrap()
    }

    /// The state of each job, by its id.
    async fn state(&self, job: JobId) -> String {
        let hex = job.to_string().replace('-', "");
        let found = ["blocked", "ready", "waiting", "running", "dead"];
        for state in found {
            let id = if self.is_postgres() { format!("'\\x{hex}'::bytea") } else { format!("x'{hex}'") };
            let text = format!("select count(*) from jobs where id = {id} and state = '{state}'");
            if self.number(&text).await == 1 {
                return state.to_owned();
            }
        }
        "gone".to_owned()
    }
}

async fn open_db(home: &tempfile::TempDir, lease: &Lease) -> pollux::error::Result<Db> {
    match lease.url() {
        Some(url) => Db::open_postgres(url, NOON).await,
        None => Db::open_sqlite(&home.path().join("pollux.db"), NOON).await,
    }
}

async fn postgres(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Insists that a write was refused, and says with what.
#[track_caller]
fn refusal<T: Debug>(outcome: Result<T, WriteError>) -> Refusal {
    match outcome {
        Err(WriteError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

/// Runs one test on both engines: `async fn a_sentence(store) { ... }`.
macro_rules! on_both_engines {
    ($($(#[$meta:meta])* async fn $test:ident($store:ident) $body:block)+) => {$(
        $(#[$meta])*
        mod $test {
            #[allow(unused_imports)]
            use super::*;

            async fn run($store: &$crate::storage::Store) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                run(&$crate::storage::Store::open(&$crate::harness::Engine::Sqlite).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                if let Some(engine) = $crate::harness::Engine::postgres().await {
                    run(&$crate::storage::Store::open(&engine).await).await;
                }
            }
        }
    )+};
}
use on_both_engines;
