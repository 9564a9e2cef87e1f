//! A look into the database past the server, to see what a request left there.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use tokio_postgres::{NoTls, SimpleQueryMessage};

use super::TestApp;
use super::process::Site;

impl TestApp {
    /// The rows of a query as texts; bytes as `\x` and hexadecimal digits, as PostgreSQL shows them.
    pub async fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        match self.lease.url() {
            Some(url) => rows_of_postgres(url, sql).await,
            None => rows_of_sqlite(&self.home.path().join("pollux.db"), sql),
        }
    }

    /// Runs SQL behind the server's back.
    pub async fn execute(&self, sql: &str) {
        match self.lease.url() {
            Some(url) => drop(rows_of_postgres(url, sql).await),
            None => execute_on_sqlite(&self.home.path().join("pollux.db"), sql),
        }
    }

    /// The one number that a query answers with.
    pub async fn count(&self, sql: &str) -> i64 {
        self.rows(sql).await[0][0].parse().unwrap()
    }

    /// Whether its database is a server.
    pub fn is_postgres(&self) -> bool {
        self.lease.url().is_some()
    }

    /// Every cell of every table, as a thief would read them.
    pub async fn dump(&self) -> Vec<String> {
        let tables = match self.lease.url() {
            Some(_) => "select table_name from information_schema.tables where table_schema = 'public'",
            None => "select name from sqlite_master where type = 'table'",
        };
        let mut cells = Vec::new();
        for table in self.rows(tables).await.concat() {
            cells.extend(self.rows(&format!("select * from {table}")).await.concat());
        }
        cells
    }
}

impl Site {
    /// The rows of a query as texts.
    pub async fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        match self.lease.url() {
            Some(url) => rows_of_postgres(url, sql).await,
            None => rows_of_sqlite(&self.home.path().join("pollux.db"), sql),
        }
    }

    /// Runs SQL behind the process's back.
    pub async fn execute(&self, sql: &str) {
        match self.lease.url() {
            Some(url) => drop(rows_of_postgres(url, sql).await),
            None => execute_on_sqlite(&self.home.path().join("pollux.db"), sql),
        }
    }

    /// Whether its database is a server.
    pub fn is_postgres(&self) -> bool {
        self.lease.url().is_some()
    }
}

fn execute_on_sqlite(file: &std::path::Path, sql: &str) {
    let connection = Connection::open(file).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    connection.execute_batch(sql).unwrap();
}

fn rows_of_sqlite(file: &std::path::Path, sql: &str) -> Vec<Vec<String>> {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut statement = connection.prepare(sql).unwrap();
    let width = statement.column_count();
    let rows = statement.query_map([], |row| (0..width).map(|index| row.get_ref(index).map(text)).collect());
    rows.unwrap().map(Result::unwrap).collect()
}

fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8(text.to_vec()).unwrap(),
        ValueRef::Blob(bytes) => bytes.iter().fold("\\x".to_owned(), |hex, byte| hex + format!("{byte:02x}").as_str()),
    }
}

async fn rows_of_postgres(url: &str, sql: &str) -> Vec<Vec<String>> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    let driving = tokio::spawn(connection);
    let messages = client.simple_query(sql).await.unwrap();
    drop(client);
    let _ = driving.await;
    let rows = messages.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    rows.map(|row| (0..row.len()).map(|index| row.get(index).unwrap_or_default().to_owned()).collect()).collect()
}
