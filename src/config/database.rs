//! Where the data lives, and whether processes share state: `SQLite` alone, or `PostgreSQL` and Redis.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};

use super::names;
use super::net::{encode_host, percent_encode};
use super::reader::{Found, Reader};
use super::redis::Redis;

/// The durable truth: which of the two profiles is chosen.
#[derive(Clone, Debug)]
pub enum Database {
    /// The embedded profile: one file, one process.
    Sqlite {
        /// The database file.
        file: PathBuf,
    },
    /// The scaled profile.
    Postgres {
        /// An address that `tokio_postgres` reads; what other drivers call their options is translated.
        url: SecretString,
    },
}

const WRITE_IT_SO: &str = "write postgresql://user:password@host:5432/name, with special characters percent-encoded";

pub(super) fn read(reader: &mut Reader<'_>, data_dir: &Path) -> Database {
    let embedded = Database::Sqlite { file: data_dir.join("pollux.db") };
    if let Some(found) = reader.first(names::DATABASE_URL) {
        return read_url(reader, found).unwrap_or(embedded);
    }
    let names = [names::DB_HOST, names::DB_PORT, names::DB_NAME, names::DB_USER, names::DB_PASSWORD];
    if !reader.parts_are_set(&names) {
        return embedded;
    }
    let port = reader.port(names::DB_PORT, 5432);
    let [host, name, user, password] = [names::DB_HOST, names::DB_NAME, names::DB_USER, names::DB_PASSWORD]
        .map(|setting| reader.first(setting).map_or("", |found| found.value));
    let host = encode_host(host);
    let user = if user.is_empty() { "postgres".to_owned() } else { percent_encode(user) };
    let password = if password.is_empty() { String::new() } else { format!(":{}", percent_encode(password)) };
    let name = if name.is_empty() { String::new() } else { format!("/{}", percent_encode(name)) };
    Database::Postgres { url: format!("postgresql://{user}{password}@{host}:{port}{name}").into() }
}

/// Refuses or explains pairs of stores that make no profile.
pub(super) fn check_profile(reader: &mut Reader<'_>, database: &Database, redis: Option<&Redis>) {
    match (database, redis) {
        (Database::Sqlite { .. }, Some(_)) => {
            let name = reader.first(names::REDIS_URL).map_or("REDIS_HOST", |found| found.name);
            reader.fault(format!("{name} needs PostgreSQL beside it: set DATABASE_URL, or leave {name} empty"));
        }
        (Database::Postgres { .. }, None) => {
            reader.note("PostgreSQL without Redis: shared state is kept in the process, so run one, or set REDIS_URL");
        }
        (Database::Postgres { .. }, Some(_)) | (Database::Sqlite { .. }, None) => {}
    }
}

fn read_url(reader: &mut Reader<'_>, found: Found<'_>) -> Option<Database> {
    let (scheme, rest) = found.value.split_once(':').unwrap_or(("", ""));
    let scheme = scheme.to_ascii_lowercase();
    match scheme.split('+').next() {
        Some("postgres" | "postgresql") => read_postgres_url(reader, found, rest),
        Some("sqlite") => read_sqlite_url(reader, found, rest),
        _ => {
            reader.fault(format!("{} must begin with postgresql:// or sqlite://", found.name));
            None
        }
    }
}

/// Reads the forms in use: two slashes and a path, three and a relative one, four and an absolute one; three slashes
/// and a path of several parts is an absolute one, as people mean it.
fn read_sqlite_url(reader: &mut Reader<'_>, found: Found<'_>, rest: &str) -> Option<Database> {
    let path = rest.split('?').next().unwrap_or_default();
    let path = path.strip_prefix("//").unwrap_or(path);
    let relative = path.strip_prefix('/').filter(|inner| {
        inner.starts_with('/') || inner.starts_with("./") || inner.starts_with("../") || !inner.contains('/')
    });
    let file = relative.unwrap_or(path);
    if file.is_empty() || file.contains(":memory:") || file.ends_with('/') {
        reader.fault(format!("{} must name a file: sqlite:///./data/pollux.db, for example", found.name));
        return None;
    }
    Some(Database::Sqlite { file: PathBuf::from(file) })
}

fn read_postgres_url(reader: &mut Reader<'_>, found: Found<'_>, rest: &str) -> Option<Database> {
    let (base, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut options = Vec::new();
    for (name, value) in query.split('&').filter_map(|option| option.split_once('=')) {
        match translate(name, value) {
            Translated::Kept(option) => options.push(option),
            Translated::Dropped => {}
            Translated::Unknown => {
                reader.note(format!("an option in {} is of another driver and is left out", found.name));
            }
        }
    }
    let query = if options.is_empty() { String::new() } else { format!("?{}", options.join("&")) };
    let url = SecretString::from(format!("postgresql:{base}{query}"));
    let parsed = url.expose_secret().parse::<tokio_postgres::Config>();
    if !parsed.is_ok_and(|config| !config.get_hosts().is_empty()) {
        reader.fault(format!("{} is not an address of PostgreSQL: {WRITE_IT_SO}", found.name));
        return None;
    }
    Some(Database::Postgres { url })
}

enum Translated {
    Kept(String),
    Dropped,
    Unknown,
}

/// Says an option of another driver in our driver's words. Certificates are always checked over TLS, so the modes
/// that ask for it are no more than `require`.
fn translate(name: &str, value: &str) -> Translated {
    const OURS: &[&str] = &[
        "application_name",
        "channel_binding",
        "connect_timeout",
        "dbname",
        "host",
        "hostaddr",
        "keepalives",
        "keepalives_idle",
        "keepalives_interval",
        "keepalives_retries",
        "load_balance_hosts",
        "options",
        "password",
        "port",
        "sslnegotiation",
        "target_session_attrs",
        "tcp_user_timeout",
        "user",
    ];
    match (name, value) {
        ("sslmode" | "ssl", "verify-ca" | "verify-full" | "require" | "true" | "1") => kept("sslmode=require"),
        ("sslmode" | "ssl", "allow" | "prefer") => kept("sslmode=prefer"),
        ("sslmode" | "ssl", "disable" | "false" | "0") => kept("sslmode=disable"),
        ("schema", "public") | ("pgbouncer" | "connection_limit" | "pool_timeout", _) => Translated::Dropped,
        ("schema", schema) => kept(&format!("options=-c%20search_path%3D{schema}")),
        _ if OURS.contains(&name) => kept(&format!("{name}={value}")),
        _ => Translated::Unknown,
    }
}

fn kept(option: &str) -> Translated {
    Translated::Kept(option.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings::Settings;

    fn database(pairs: &[(&str, &str)]) -> Result<String, String> {
        let settings = Settings::from_pairs(pairs.iter().copied());
        let mut reader = Reader::new(&settings);
        let text = match read(&mut reader, Path::new("/data")) {
            Database::Sqlite { file } => file.display().to_string(),
            Database::Postgres { url } => url.expose_secret().to_owned(),
        };
        reader.finish().map(|_| text).map_err(|faults| faults.to_string())
    }

    fn from_url(url: &str) -> String {
        database(&[("DATABASE_URL", url)]).unwrap()
    }

    #[test]
    fn every_spelling_of_postgres_is_said_in_our_drivers_words() {
        let plain = "postgresql://u:p%40@db:5432/chat";
        for scheme in ["postgres", "postgresql", "postgresql+asyncpg", "postgresql+psycopg2", "PostgreSQL"] {
            assert_eq!(from_url(&format!("{scheme}://u:p%40@db:5432/chat")), plain, "{scheme}");
        }
        assert_eq!(from_url(&format!("{plain}?schema=public")), plain);
        assert_eq!(from_url(&format!("{plain}?ssl=require&x=1")), format!("{plain}?sslmode=require"));
        let own_schema = format!("{plain}?options=-c%20search_path%3Dapp&sslmode=require&connect_timeout=5");
        assert_eq!(from_url(&format!("{plain}?schema=app&sslmode=verify-full&connect_timeout=5")), own_schema);
    }

    #[test]
    fn every_spelling_of_a_sqlite_file_names_that_file() {
        for (url, file) in [
            ("sqlite://pollux.db", "pollux.db"),
            ("sqlite:///pollux.db", "pollux.db"),
            ("sqlite:///./data/a.db", "./data/a.db"),
            ("sqlite:////var/lib/a.db", "/var/lib/a.db"),
            ("sqlite:///var/lib/a.db", "/var/lib/a.db"),
            ("sqlite+aiosqlite:///./a.db?mode=rwc", "./a.db"),
        ] {
            assert_eq!(from_url(url), file, "{url}");
        }
    }

    #[test]
    fn other_stores_and_broken_addresses_are_refused_without_showing_them() {
        for url in
            ["mysql://u:hunter2@h/d", "hunter2", "postgresql://u:hunter2@h:port/d", "sqlite://", "sqlite:///:memory:"]
        {
            let told = database(&[("DATABASE_URL", url)]).unwrap_err();
            assert!(told.contains("DATABASE_URL") && !told.contains("hunter2"), "{url}: {told}");
        }
    }

    #[test]
    fn parts_make_an_address_that_survives_special_characters() {
        let parts = [("DB_HOST", "db"), ("DB_NAME", "chat"), ("DB_USER", "me@x"), ("DB_PASSWORD", "p:/@ #?")];
        let url = database(&parts).unwrap();
        assert_eq!(url, "postgresql://me%40x:p%3A%2F%40%20%23%3F@db:5432/chat");
        let parsed: tokio_postgres::Config = url.parse().unwrap();
        assert_eq!(parsed.get_password(), Some("p:/@ #?".as_bytes()));
        assert_eq!(database(&[("DB_HOST", "::1")]).unwrap(), "postgresql://postgres@[::1]:5432");
        assert!(database(&[("DB_NAME", "chat")]).unwrap_err().contains("DB_HOST"));
    }

    #[test]
    fn nothing_set_is_a_file_in_the_data_directory() {
        assert_eq!(database(&[]).unwrap(), "/data/pollux.db");
    }
}
