//! A database that was migrated once, of which those of most tests are copies. Nothing tells the last test of a run, so what an
//! earlier run left is dropped by a later one.

use std::time::Duration;

use pollux::domain::time::Clock;
use pollux::storage::Db;
use tokio::sync::OnceCell;
use tokio_postgres::{NoTls, SimpleQueryMessage};

use super::{address_of, execute};
use crate::harness::NOON;
use crate::harness::work::until;

const PREFIX: &str = "pollux_it_template_";
/// Longer than any run takes, so that nobody's is dropped while he uses it.
const LEFT_AFTER_SECS: i64 = 6 * 3_600;

/// The name of this process's.
pub(super) async fn of(server: &str) -> &'static str {
    static NAME: OnceCell<String> = OnceCell::const_new();
    NAME.get_or_init(|| make(server)).await
}

async fn make(server: &str) -> String {
    let now = Clock::System.now().as_secs();
    for old in left(server).await.into_iter().filter(|name| now - made_at(name) > LEFT_AFTER_SECS) {
        let _ = execute(server, &format!("drop database if exists {old} with (force)")).await;
    }
    let name = format!("{PREFIX}{now}_{:08x}", rand::random::<u32>());
    execute(server, &format!("create database {name}")).await.unwrap();
    drop(Db::open_postgres(&address_of(server, &name), NOON).await.unwrap());
    // Only what nobody is connected to can be copied.
    let close = format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'");
    until(Duration::from_secs(10), "an end of its connections", || async {
        execute(server, &close).await.unwrap();
        let copied = execute(server, &format!("create database {name}_try template {name}")).await;
        copied.ok()
    })
    .await;
    execute(server, &format!("drop database {name}_try")).await.unwrap();
    name
}

/// Those of earlier runs, and of runs beside this one.
async fn left(server: &str) -> Vec<String> {
    let (client, connection) = tokio_postgres::connect(server, NoTls).await.unwrap();
    let driving = tokio::spawn(connection);
    let asked = format!("select datname from pg_database where datname like '{PREFIX}%'");
    let rows = client.simple_query(&asked).await.unwrap();
    drop(client);
    let _ = driving.await;
    let names = rows.iter().filter_map(|row| match row {
        SimpleQueryMessage::Row(row) => row.get(0).map(ToOwned::to_owned),
        _ => None,
    });
    names.collect()
}

/// When it was made, in seconds since 1970, as its name says.
fn made_at(name: &str) -> i64 {
    name[PREFIX.len()..].split('_').next().and_then(|secs| secs.parse().ok()).unwrap_or(0)
}
