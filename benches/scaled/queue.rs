//! What workers do: drain replies, drain jobs that are nothing, and wake up.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio_postgres::Client;

use super::common::figures::Figures;
use super::common::places::number;
use super::house::Settings;
use super::load::send;
use super::{CLIENTS, ROUND};

/// How long workers have to come up before one counts.
const RISE: Duration = Duration::from_millis(700);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Jobs of a kind that no version knows: a worker claims one, does nothing, and takes it out of the queue.
const NO_OPS: &str = "insert into jobs (id, kind, subject, seq, state, turn_at, run_at, created_at, deadline_at)
    select decode(md5(n::text), 'hex'), 'no_op', decode(md5(n::text), 'hex'), 0, 'ready', n, 0, 0, 9000000000000
    from generate_series(1, 60000) n";
const WAKE_UPS: usize = 300;
/// Notes when a claim wrote; the note's own commit is the claim's.
const WATCH_CLAIMS: &str = "create table bench_claims (reply bytea);
    create function bench_claimed() returns trigger language plpgsql as
      $$ begin insert into bench_claims values (new.id); return null; end $$;
    create trigger bench_claimed after update on messages for each row when (new.status = 'generating')
      execute function bench_claimed()";
const WAKE_UP_TIMES: &str = "select cast(extract(epoch from
      pg_xact_commit_timestamp(c.xmin) - pg_xact_commit_timestamp(said.xmin)) * 1e6 as bigint)
    from bench_claims c join messages reply on reply.id = c.reply join messages said on said.id = reply.reply_to";

/// Empties what rounds leave behind, so that each begins alike.
pub async fn clear(client: &Client) {
    let emptied = "truncate messages, jobs, usage; update chatrooms set last_seq = 0, open_replies = 0";
    client.batch_execute(emptied).await.unwrap();
    for tidied in ["vacuum analyze chatrooms", "vacuum analyze messages", "vacuum analyze jobs", "checkpoint"] {
        client.batch_execute(tidied).await.unwrap();
    }
}

pub async fn put_no_ops(client: &Client) {
    client.batch_execute(NO_OPS).await.unwrap();
    client.batch_execute("analyze jobs").await.unwrap();
}

/// Jobs that two workers end a second, once they are up, while there is plenty to do.
pub struct Drained {
    pub rate: f64,
    pub count: f64,
    /// What the watched processes had spent when counting began.
    pub before: Vec<f64>,
}

/// Counts until the round is over or the queue nearly empty; `spent` is asked when counting begins.
pub async fn drain(client: &Client, spent: impl FnOnce() -> Vec<f64>) -> Drained {
    let all = depth(client).await;
    while depth(client).await == all {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    tokio::time::sleep(RISE).await;
    let (before, began, first) = (spent(), Instant::now(), depth(client).await);
    let mut last = (first, began.elapsed());
    while last.1 < ROUND {
        tokio::time::sleep(LOOK_EVERY).await;
        let left = depth(client).await;
        if left < all / 20 {
            break;
        }
        last = (left, began.elapsed());
    }
    let count = (first - last.0) as f64;
    Drained { rate: count / last.1.as_secs_f64(), count, before }
}

async fn depth(client: &Client) -> i64 {
    number(client, "select count(*) from jobs").await
}

/// From the commit of a message to the commit of its claim in an idle worker, by the database's clock.
pub async fn wake_ups(client: &Client, settings: &Settings<'_>, server: SocketAddr, requests: &[Arc<[u8]>]) -> Figures {
    clear(client).await;
    client.batch_execute(WATCH_CLAIMS).await.unwrap();
    let _workers = [settings.worker(), settings.worker()];
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (mut stream, mut page) = (TcpStream::connect(server).await.unwrap(), vec![0; 1 << 13]);
    stream.set_nodelay(true).unwrap();
    let began = Instant::now();
    for index in 0..WAKE_UPS {
        send(&mut stream, &requests[index * CLIENTS % requests.len()], &mut page).await;
        // Long enough for the reply to be final, and never in step with the workers' own looks at the queue.
        tokio::time::sleep(Duration::from_millis(45 + (index as u64 * 7) % 23)).await;
    }
    let took = began.elapsed();
    while depth(client).await > 0 {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let rows = client.query(WAKE_UP_TIMES, &[]).await.unwrap();
    let spans = rows.iter().map(|row| Duration::from_micros(row.get::<_, i64>(0).unsigned_abs())).collect();
    client.batch_execute("drop trigger bench_claimed on messages; drop table bench_claims").await.unwrap();
    Figures::of(spans, took)
}
