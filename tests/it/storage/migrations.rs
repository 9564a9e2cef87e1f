//! Migrations: once, whole, checked, and alike on both engines.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use futures_util::future::join_all;
use pollux::config::Database;

use super::{Store, on_both_engines, open_db, postgres};
use crate::harness::{Engine, TestApp};

/// The number of the lock that whoever migrates a server holds.
const LOCK: i64 = 0x0070_6f6c_6c75_7800;

/// What a database that can't be used says of itself.
async fn reason(store: &Store) -> String {
    let error = store.reopened().await.unwrap_err();
    std::error::Error::source(&error).unwrap().to_string()
}

fn steps(engine: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine);
    let mut names: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

async fn migrate_eight_times(engine: Engine) {
    let (home, lease) = (tempfile::tempdir().unwrap(), engine.lease().await);
    for opened in join_all((0..8).map(|_| open_db(&home, &lease))).await {
        opened.unwrap();
    }
    let store = Store { db: open_db(&home, &lease).await.unwrap(), home, lease, people: 0.into() };
    assert_eq!(store.count("schema_migrations").await, i64::try_from(steps("sqlite").len()).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_at_once_migrate_a_file_once() {
    migrate_eight_times(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_at_once_migrate_a_server_once() {
    if let Some(engine) = Engine::postgres().await {
        migrate_eight_times(engine).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_waits_while_another_process_migrates() {
    let Some(engine) = Engine::postgres().await else { return };
    let (home, lease) = (tempfile::tempdir().unwrap(), engine.lease().await);
    let other = postgres(lease.url().unwrap()).await;
    other.batch_execute(&format!("select pg_advisory_lock({LOCK})")).await.unwrap();
    let waiting = "select count(*) from pg_locks l join pg_database d on d.oid = l.database
        where d.datname = current_database() and l.locktype = 'advisory' and not l.granted";
    let release = async {
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
        while other.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 0 {
            assert!(tokio::time::Instant::now() < deadline, "nobody waits for the lock");
            tokio::task::yield_now().await;
        }
        let made = "select count(*) from pg_class where relname = 'users'";
        assert_eq!(other.query_one(made, &[]).await.unwrap().get::<_, i64>(0), 0);
        other.batch_execute(&format!("select pg_advisory_unlock({LOCK})")).await.unwrap();
    };
    let (opened, ()) = tokio::join!(open_db(&home, &lease), release);
    opened.unwrap();
}

#[tokio::test]
async fn a_step_that_fails_leaves_nothing_and_the_next_start_finishes() {
    for engine in [Some(Engine::Sqlite), Engine::postgres().await].into_iter().flatten() {
        let (home, lease) = (tempfile::tempdir().unwrap(), engine.lease().await);
        // The last table of the step is in the way of it.
        obstruct(&home, lease.url(), "create table jobs (id bigint)").await;
        open_db(&home, &lease).await.unwrap_err();
        obstruct(&home, lease.url(), "create table users (id bigint); drop table users; drop table jobs").await;
        let store = Store { db: open_db(&home, &lease).await.unwrap(), home, lease, people: 0.into() };
        assert_eq!(store.count("schema_migrations").await, i64::try_from(steps("sqlite").len()).unwrap());
        store.person().await;
    }
}

async fn obstruct(home: &tempfile::TempDir, url: Option<&str>, text: &str) {
    match url {
        Some(url) => postgres(url).await.batch_execute(text).await.unwrap(),
        None => rusqlite::Connection::open(home.path().join("pollux.db")).unwrap().execute_batch(text).unwrap(),
    }
}

on_both_engines! {
    async fn a_step_that_was_changed_is_refused_in_words(store) {
        store.execute("update schema_migrations set checksum = 'other'").await;
        let reason = reason(store).await;
        assert!(reason.contains("migration 0001_spine of the database is not the one this version knows"), "{reason}");
    }

    async fn a_database_of_a_newer_version_is_refused_in_words(store) {
        let newer = "insert into schema_migrations (number, name, checksum, applied_at)
            values (999, '0999_later', 'x', 0)";
        store.execute(newer).await;
        let reason = reason(store).await;
        assert!(reason.contains("newer than this version of pollux (it has had migration 0999_later)"), "{reason}");
    }

    async fn a_second_start_changes_nothing(store) {
        let person = store.person().await;
        let again = store.reopened().await.unwrap();
        assert!(again.user(person.id).await.unwrap().is_some());
    }
}

#[test]
fn both_engines_have_the_same_steps_in_order() {
    let names = steps("sqlite");
    assert_eq!(names, steps("postgres"));
    for (index, name) in names.iter().enumerate() {
        let number = format!("{:04}_", index + 1);
        assert!(name.starts_with(&number) && Path::new(name).extension().is_some_and(|end| end == "sql"), "{name}");
    }
}

#[tokio::test]
async fn both_engines_have_the_same_tables_columns_and_indexes() {
    let Some(engine) = Engine::postgres().await else { return };
    let (file, server) = (Store::open(&Engine::Sqlite).await, Store::open(&engine).await);
    let columns = "select m.name || '.' || p.name || case when p.\"notnull\" = 1 then '' else '?' end
        from sqlite_schema m join pragma_table_info(m.name) p where m.type = 'table'";
    let indexes = "select name from sqlite_schema where type = 'index' and sql is not null";
    let connection = rusqlite::Connection::open(file.file()).unwrap();
    let mut ours = BTreeSet::new();
    for text in [columns, indexes] {
        let mut select = connection.prepare(text).unwrap();
        ours.extend(select.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap));
    }
    let theirs = "select table_name || '.' || column_name || case when is_nullable = 'NO' then '' else '?' end
        from information_schema.columns where table_schema = 'public'
        union all select indexname from pg_indexes where schemaname = 'public'
          and indexname not like '%\\_key' and indexname not like '%\\_pkey'";
    let rows = postgres(server.lease.url().unwrap()).await.query(theirs, &[]).await.unwrap();
    let theirs: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
    // SQLite does not say of a primary key by itself that it is never null.
    ours.retain(|name| !name.starts_with("schema_migrations"));
    let theirs: BTreeSet<_> = theirs.into_iter().filter(|name| !name.starts_with("schema_migrations")).collect();
    assert_eq!(ours, theirs);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_file_and_its_companions_are_for_their_owner_alone() {
    let app = TestApp::start(Engine::Sqlite).await;
    app.user().await;
    let Database::Sqlite { file } = &app.house.app.config.database else { panic!("not a file") };
    let mut seen = 0;
    for entry in std::fs::read_dir(file.parent().unwrap()).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_file() && name.starts_with(file.file_stem().unwrap().to_str().unwrap()) {
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{name}");
            seen += 1;
        }
    }
    assert!(seen >= 3, "the file, its log and its lock are there");
}
