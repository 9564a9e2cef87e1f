//! The scaled profile: two servers and two workers on one PostgreSQL and one Redis, each the real binary in a process of
//! its own, beside what the same PostgreSQL does with single rows and the same queue with jobs that are nothing.
//!
//! Yardstick and subject take turns in rounds; figures are medians. `BENCH_DATABASE_URL` and `BENCH_REDIS_URL` name
//! servers to use instead of private ones, `BENCH_ONLY` one of accept, drain and wake, `BENCH_ROUNDS` how many rounds;
//! `BENCH_STATEMENTS=1` shows which statements took a private PostgreSQL longest.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]
#![allow(clippy::cast_precision_loss, reason = "figures")]

#[path = "../common/mod.rs"]
mod common;
mod cost;
mod house;
mod load;
mod queue;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::Client;

use common::figures::{self, Figures, is_wanted, median};
use common::house::Process;
use common::places::{self, Postgres, Redis};
use cost::{Group, Watched};
use house::Settings;

const CLIENTS: usize = 64;
const ROUND: Duration = Duration::from_secs(3);

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let place = std::env::var("BENCH_DIR").map_or_else(|_| std::env::temp_dir(), Into::into);
    let home = tempfile::tempdir_in(place).unwrap();
    runtime.block_on(async {
        let postgres = Postgres::provide(home.path()).await;
        let redis = Redis::provide(home.path());
        let settings = Settings { postgres: &postgres, redis: &redis, home: home.path() };
        Bench::start(settings).await.run().await;
    });
}

struct Bench<'a> {
    settings: Settings<'a>,
    client: Client,
    /// The parent of every process of PostgreSQL.
    postmaster: u32,
    servers: [Process; 2],
    requests: Vec<Arc<[u8]>>,
}

/// A round of each, kept for the medians.
#[derive(Default)]
struct Rounds {
    single_rows: Vec<f64>,
    accepted: Vec<Figures>,
    no_ops: Vec<f64>,
    drained: Vec<f64>,
    accept_cost: Vec<Vec<(&'static str, f64)>>,
    reply_cost: Vec<Vec<(&'static str, f64)>>,
}

impl<'a> Bench<'a> {
    async fn start(settings: Settings<'a>) -> Self {
        let servers = [settings.server(), settings.server()];
        let client = settings.postgres.client().await;
        let backend = places::number(&client, "select cast(pg_backend_pid() as bigint)").await;
        let postmaster = cost::parent(u32::try_from(backend).unwrap()).unwrap();
        let requests = house::requests(servers[0].at());
        client.batch_execute("update users set tier = 'Pro'").await.unwrap();
        client.batch_execute("create table bench_rows (id bigserial primary key, body text not null)").await.unwrap();
        // Sessions are believed for a second, and with them the plan.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        Self { settings, client, postmaster, servers, requests }
    }

    async fn run(&self) {
        let is_profiled = std::env::var("BENCH_STATEMENTS").is_ok();
        if is_profiled {
            self.client.batch_execute("create extension pg_stat_statements").await.unwrap();
        }
        let mut kept = Rounds::default();
        for _ in 0..figures::rounds(3) {
            if is_wanted("accept") {
                kept.single_rows.push(load::single_rows(&self.settings.postgres.url, self.settings.home));
            }
            if is_wanted("accept") || is_wanted("drain") {
                self.accept(&mut kept).await;
            }
            if is_wanted("drain") {
                self.drain(&mut kept).await;
            }
            queue::clear(&self.client).await;
        }
        kept.print();
        if is_profiled {
            places::print_statements(&self.client).await;
        }
        if is_wanted("wake") {
            let addresses = self.addresses();
            let woken = queue::wake_ups(&self.client, &self.settings, addresses[0], &self.requests).await;
            println!(
                "\nwoken, idle: p50 {:.2} ms, p99 {:.2} ms of {:.0} (aim p99 < 20)",
                woken.p50_ms, woken.p99_ms, woken.count
            );
        }
    }

    async fn accept(&self, kept: &mut Rounds) {
        let watched = self.watched("servers", &self.servers);
        let before = watched.seconds();
        let accepted = load::messages(&self.addresses(), &self.requests).await;
        kept.accept_cost.push(watched.per_thousand(&before, accepted.count));
        kept.accepted.push(accepted);
    }

    /// Drains what was accepted, then as long a queue of nothing.
    async fn drain(&self, kept: &mut Rounds) {
        self.client.batch_execute("analyze jobs; analyze messages").await.unwrap();
        for is_no_op in [false, true] {
            if is_no_op {
                queue::clear(&self.client).await;
                queue::put_no_ops(&self.client).await;
            }
            let workers = [self.settings.worker(), self.settings.worker()];
            let watched = self.watched("workers", &workers);
            let drained = queue::drain(&self.client, || watched.seconds()).await;
            if is_no_op {
                kept.no_ops.push(drained.rate);
            } else {
                kept.reply_cost.push(watched.per_thousand(&drained.before, drained.count));
                kept.drained.push(drained.rate);
            }
        }
    }

    fn addresses(&self) -> Vec<SocketAddr> {
        self.servers.iter().filter_map(|server| server.address).collect()
    }

    fn watched(&self, name: &'static str, processes: &[Process]) -> Watched {
        let mut groups = vec![
            (name, Group::These(processes.iter().map(Process::id).collect())),
            ("PostgreSQL", Group::Family(self.postmaster)),
        ];
        groups.extend(self.settings.redis.process().map(|id| ("Redis", Group::These(vec![id]))));
        Watched::new(groups)
    }
}

impl Rounds {
    fn print(&self) {
        println!("\n{CLIENTS} clients, {} rounds of {} s each; medians\n", self.accepted.len(), ROUND.as_secs());
        println!("{:<30} {:>9} {:>9} {:>9}", "", "a second", "p50 ms", "p99 ms");
        let of = |figure: fn(&Figures) -> f64| median(self.accepted.iter().map(figure));
        let (rows, accepted) = (median(self.single_rows.iter().copied()), of(|round| round.rate));
        println!("{:<30} {rows:>9.0}", "single rows, pgbench");
        println!(
            "{:<30} {accepted:>9.0} {:>9.2} {:>9.2}   {:.2} of it (aim 0.5)",
            "messages accepted",
            of(|round| round.p50_ms),
            of(|round| round.p99_ms),
            accepted / rows
        );
        let (no_ops, drained) = (median(self.no_ops.iter().copied()), median(self.drained.iter().copied()));
        println!("{:<30} {no_ops:>9.0}", "jobs that are nothing");
        println!("{:<30} {drained:>9.0} {:>23.2} of it (aim 0.2)", "replies of 20 ms", drained / no_ops);
        print_cost("1,000 messages accepted", &self.accept_cost);
        print_cost("1,000 replies", &self.reply_cost);
    }
}

fn print_cost(what: &str, rounds: &[Vec<(&'static str, f64)>]) {
    let Some(first) = rounds.first() else { return };
    let told = first
        .iter()
        .enumerate()
        .map(|(index, (name, _))| format!("{name} {:.3}", median(rounds.iter().map(|round| round[index].1))));
    println!("processor seconds for {what}: {}", told.collect::<Vec<_>>().join(", "));
}
