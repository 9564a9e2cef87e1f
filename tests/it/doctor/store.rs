//! The data directory, the database, its schema, and Redis.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{Visit, listing};
use crate::harness::{Engine, TestApp};

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// A data directory whose database was made and closed.
fn used() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_pollux"));
    command.arg("migrate").env_clear().current_dir(home.path()).env("DATA_DIR", home.path());
    assert!(command.status().unwrap().success());
    home
}

#[test]
fn an_empty_machine_is_well_and_stays_empty() {
    let home = tempfile::tempdir().unwrap();
    chmod(home.path(), 0o700);
    let visit = Visit::to(home.path(), &[]);
    visit.is_well().says("ok    settings: all can be read", &[]);
    visit.says("ok    data directory: ", &["by its owner alone"]).says("ok    disk space: ", &["MiB are free"]);
    visit.says("ok    database: ", &["the first start makes it"]).says("ok    signing key: ", &["JWT_SECRET"]);
    visit.says("warn  model: ", &["GEMINI_API_KEY"]).says("warn  codes: ", &["CODE_DELIVERY"]);
    visit.says("warn  payments: ", &["STRIPE_SECRET_KEY"]).says("ok    clock: ", &["could not be compared"]);
    assert!(visit.lines.contains("sync: a page is synced to disk in "), "{}", visit.lines);
    assert_eq!(listing(home.path()), []);
    let missing = home.path().join("none");
    Visit::to(home.path(), &[("DATA_DIR", missing.to_str().unwrap()), ("JWT_SECRET", "")])
        .is_well()
        .says("ok    data directory: ", &["the first start makes it"])
        .says("ok    signing key: ", &["the first start makes it"]);
    assert_eq!(listing(home.path()), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_at_work_is_not_disturbed() {
    let app = TestApp::start(Engine::Sqlite).await;
    app.user().await;
    let visit = Visit::of(&app.command(&["doctor"], &[]));
    visit.is_well().says("ok    migrations: the schema is this version's", &[]);
    visit.says("ok    durability: journal mode WAL", &["synchronous FULL"]);
    app.user().await;
    let Some(engine) = Engine::postgres().await else { return };
    let app = TestApp::start(engine).await;
    let visit = Visit::of(&app.command(&["doctor"], &[]));
    visit.is_well().says("ok    database: PostgreSQL ", &["answers"]).says("ok    clock: ", &["PostgreSQL"]);
    visit.says("ok    migrations: the schema is this version's", &[]).says("ok    connections: ", &["are free"]);
    visit.says("ok    durability: ", &["fsync is on", "synchronous_commit = on"]);
    app.user().await;
}

#[test]
fn a_file_is_looked_at_and_left_as_it_was() {
    let home = used();
    let before = listing(home.path());
    Visit::to(home.path(), &[]).is_well().says("ok    migrations: the schema is this version's", &[]);
    Visit::to(home.path(), &[("JWT_SECRET", "")]).is_well();
    assert_eq!(listing(home.path()), before);
}

#[test]
fn files_that_others_can_read_are_told() {
    let home = used();
    chmod(home.path(), 0o755);
    let key = home.path().join("signing.key");
    std::fs::write(&key, "k7Qf2vXw9LmT4sZr8YbN1cJ6hGdP3aUe").unwrap();
    chmod(&key, 0o600);
    let by_file = [("JWT_SECRET", "")];
    let visit = Visit::to(home.path(), &by_file);
    visit.is_well().says("warn  data directory: ", &["chmod 700"]).says("ok    signing key: the one in DATA_DIR", &[]);
    chmod(&key, 0o644);
    chmod(&home.path().join("pollux.db"), 0o644);
    let visit = Visit::to(home.path(), &by_file);
    visit.is_ill().says("FAIL  database: ", &["chmod 600"]).says("FAIL  signing key: ", &["chmod 600", "JWT_SECRET"]);
    std::fs::write(&key, "changeme").unwrap();
    chmod(&key, 0o600);
    Visit::to(home.path(), &by_file).says("FAIL  signing key: ", &["shorter than 32 bytes"]);
}

#[test]
fn a_schema_that_is_not_this_versions_is_told() {
    let home = used();
    let change = |text: &str| {
        let connection = rusqlite::Connection::open(home.path().join("pollux.db")).unwrap();
        connection.execute_batch(text).unwrap();
    };
    let last = "(select max(number) from schema_migrations)";
    change(&format!("create table kept as select * from schema_migrations where number = {last}"));
    change(&format!("delete from schema_migrations where number = {last}"));
    Visit::to(home.path(), &[]).is_well().says("warn  migrations: 1 steps are to be made", &["pollux migrate"]);
    change("insert into schema_migrations select * from kept");
    change("insert into schema_migrations values (9999, '9999_of_tomorrow', '', 0)");
    Visit::to(home.path(), &[]).is_ill().says("FAIL  migrations: ", &["9999_of_tomorrow", "newer"]);
    change("update schema_migrations set checksum = 'other' where number = 1");
    Visit::to(home.path(), &[]).is_ill().says("FAIL  migrations: ", &["changed by something else"]);
    change("pragma journal_mode = delete");
    Visit::to(home.path(), &[]).is_ill().says("FAIL  durability: journal mode rollback", &[]);
    std::fs::write(home.path().join("pollux.db"), [7; 8192]).unwrap();
    Visit::to(home.path(), &[]).is_ill().says("FAIL  database: ", &["DATA_DIR"]);
}

#[test]
fn a_place_that_can_not_be_written_or_is_full_is_told() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    std::fs::write(&file, "").unwrap();
    let visit = Visit::to(home.path(), &[("DATA_DIR", file.to_str().unwrap())]);
    visit.is_ill().says("FAIL  data directory: ", &["no directory", "DATA_DIR"]);
    let visit = Visit::to(home.path(), &[("DATA_DIR", "/proc")]);
    visit.is_ill().says("FAIL  disk space: 0 MiB", &["DATA_DIR"]);
}

#[tokio::test]
async fn a_server_of_postgres_that_is_empty_or_away_is_told() {
    let home = tempfile::tempdir().unwrap();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("postgresql://pollux:hunter2@{nobody}/pollux");
    let visit = Visit::to(home.path(), &[("DATABASE_URL", &url)]);
    visit.is_ill().says("FAIL  database: ", &["DATABASE_URL"]);
    assert!(!visit.lines.contains("hunter2"));
    let Some(engine) = Engine::postgres().await else { return };
    let lease = engine.lease().await;
    let url = lease.url().unwrap();
    Visit::to(home.path(), &[("DATABASE_URL", url)]).is_well().says("ok    migrations: there are no tables yet", &[]);
    // A pooler that drops what a session asks for looks like this.
    let user = format!("{url}?options=-c%20synchronous_commit%3Doff");
    Visit::to(home.path(), &[("DATABASE_URL", &user)]).is_well().says("ok    durability: ", &["= on"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_asked_where_it_is_set() {
    let Some(engine) = Engine::postgres().await else { return };
    let (lease, home) = (engine.lease().await, tempfile::tempdir().unwrap());
    let Some((_, right)) = lease.settings().into_iter().find(|(name, _)| *name == "REDIS_URL") else { return };
    let visit = |redis: &str| Visit::to(home.path(), &[("DATABASE_URL", lease.url().unwrap()), ("REDIS_URL", redis)]);
    visit(&right).is_well().says("ok    redis: it answers; version ", &["pollux:"]);
    let address = reqwest::Url::parse(&right).unwrap();
    let (host, port) = (address.host_str().unwrap(), address.port().unwrap_or(6379));
    let refused = visit(&format!("redis://nobody:hunter3@{host}:{port}/0"));
    refused.is_ill().says("FAIL  redis: ", &["REDIS_URL"]);
    assert!(!refused.lines.contains("hunter"));
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    visit(&format!("redis://{nobody}/0")).is_ill().says("FAIL  redis: ", &["REDIS_URL"]);
    visit("rediss://127.0.0.1:1/0").is_ill().says("FAIL  redis: ", &["REDIS_URL"]);
}
