//! Every statement, prepared on both engines, and how the hot ones find their rows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use pollux::storage::{Sql, catalogue, postgres_catalogue};

use super::{Store, postgres};
use crate::harness::Engine;

/// Run by requests and workers all the time: their plans are looked at one by one.
const HOT: [&str; 30] = [
    "SESSION",
    "USER_BY_ID",
    "SPACED",
    "CHALLENGE_ADD",
    "OLDEST_REPLACED",
    "GUESS_BY_ID",
    "GUESS_NEWEST",
    "MISSES",
    "CREDENTIALS_BY_PHONE",
    "PASSWORD_FREE_AT",
    "MISS_COUNTED",
    "ROOMS_PAGE",
    "MESSAGES_FORWARD",
    "MESSAGES_BACKWARD",
    "MESSAGE",
    "ROOM_MOVED_ON",
    "KEY_OVER",
    "KEY_KEPT",
    "KEY",
    "UNIT_TAKEN",
    "EXCHANGE_ADD",
    "JOB_ADD",
    "ANY_DUE",
    "DUE_MADE_READY",
    "ORPHANS_RESCUED",
    "CLAIMED",
    "REPLIES_BEGUN",
    "REPLY_CONTEXT",
    "REPLY_FINAL",
    "RENEWED",
];
/// Housekeeping that may read a table from end to end: seldom, and of tables that stay small.
const MAY_SCAN: [&str; 4] = ["PING", "DEPTHS", "OLD_PHONES_SWEPT", "ALL_PENDING"];

#[test]
fn names_of_statements_are_unique() {
    let mut seen = BTreeSet::new();
    for (name, _) in catalogue().chain(postgres_catalogue()) {
        assert!(seen.insert(name), "{name}");
    }
    for name in HOT.iter().chain(&MAY_SCAN) {
        assert!(seen.contains(name), "{name}");
    }
}

#[tokio::test]
async fn every_statement_is_understood_by_sqlite_and_the_hot_ones_find_rows_by_index() {
    let store = Store::open(&Engine::Sqlite).await;
    let connection = rusqlite::Connection::open(store.file()).unwrap();
    let mut plans = BTreeMap::new();
    for (name, sql) in catalogue() {
        connection.prepare(sql.sqlite()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut explain = connection.prepare(&format!("explain query plan {}", sql.sqlite())).unwrap();
        let steps = explain.raw_query().mapped(|row| row.get::<_, String>(3)).map(Result::unwrap).collect::<Vec<_>>();
        plans.insert(name, steps);
    }
    let scans = |steps: &[String]| steps.iter().any(|step| is_full_scan(step));
    for (name, steps) in &plans {
        assert!(!scans(steps) || MAY_SCAN.contains(name), "{name} reads a whole table: {steps:#?}");
    }
    let shown = HOT.iter().fold(String::new(), |mut shown, name| {
        let _ = write!(shown, "{name}\n  {}\n", plans[name].join("\n  "));
        shown
    });
    insta::assert_snapshot!("sqlite_plans", shown);
}

/// A table read from end to end. A partial index read so is what it is for; `c`, `h`, `q`, `due` and `waiting` are no tables.
fn is_full_scan(step: &str) -> bool {
    let Some(scanned) = step.strip_prefix("SCAN ") else { return false };
    let is_inner = ["c", "h", "q", "due", "waiting"].contains(&scanned)
        || scanned.starts_with('(')
        || scanned.contains("CONSTANT ROW");
    let is_partial = ["jobs_ready", "jobs_waiting", "jobs_running", "jobs_dead"].iter().any(|i| scanned.contains(i));
    !is_inner && !is_partial
}

#[tokio::test]
async fn every_statement_is_understood_by_postgres_and_finds_rows_by_index() {
    let Some(engine) = Engine::postgres().await else { return };
    let store = Store::open(&engine).await;
    let client = postgres(store.lease.url().unwrap()).await;
    client.batch_execute("set enable_seqscan = off; set plan_cache_mode = force_generic_plan").await.unwrap();
    for (name, sql) in catalogue() {
        let prepared = client.prepare(sql.postgres()).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let parameters = prepared.params().len();
        let text = sql.sqlite();
        if !text.trim_start().starts_with("select") && !text.contains("returning") {
            client.prepare(sql.guarded(parameters)).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        }
        no_scan(&client, name, sql, parameters).await;
    }
    for (name, sql) in postgres_catalogue() {
        let prepared = client.prepare(sql.postgres()).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        no_scan(&client, name, sql, prepared.params().len()).await;
    }
}

async fn no_scan(client: &tokio_postgres::Client, name: &str, sql: &Sql, parameters: usize) {
    let plan = explain(client, sql.postgres(), parameters).await;
    let scans = plan.iter().any(|line| line.contains("Seq Scan on"));
    assert!(!scans || MAY_SCAN.contains(&name), "{name} reads a whole table: {plan:#?}");
}

async fn explain(client: &tokio_postgres::Client, text: &str, parameters: usize) -> Vec<String> {
    client.batch_execute(&format!("prepare looked_at as {text}")).await.unwrap();
    let nulls = vec!["null"; parameters].join(", ");
    let arguments = if parameters == 0 { String::new() } else { format!("({nulls})") };
    let answers = client.simple_query(&format!("explain (costs off) execute looked_at{arguments}")).await.unwrap();
    client.batch_execute("deallocate looked_at").await.unwrap();
    answers
        .iter()
        .filter_map(|answer| match answer {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(ToOwned::to_owned),
            _ => None,
        })
        .collect()
}
