//! The house stands as it is drawn: imports go down, and each kind of knowledge has one home.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What each module may import. What is not named here may not be imported.
const FLOORS: [(&str, &[&str]); 15] = [
    ("domain", &[]),
    ("error", &[]),
    ("config", &["domain", "error"]),
    ("storage", &["domain", "error", "config"]),
    ("live", &["domain", "error", "config"]),
    ("providers", &["domain", "error", "config"]),
    ("app", &["domain", "error", "config", "storage", "live", "providers"]),
    ("services", &["domain", "error", "config", "storage", "live", "providers", "app"]),
    ("serve", &["error"]),
    ("http", &["domain", "error", "config", "storage", "live", "providers", "app", "services", "serve"]),
    ("worker", &["domain", "error", "config", "storage", "live", "providers", "app", "services"]),
    ("fakes", &["domain", "error", "providers"]),
    (
        "start",
        &[
            "domain",
            "error",
            "config",
            "storage",
            "live",
            "providers",
            "app",
            "services",
            "http",
            "worker",
            "serve",
            "fakes",
        ],
    ),
    ("main", &["domain", "error", "config", "live", "app", "http", "worker", "serve", "start", "storage"]),
    ("lib", &[]),
];

/// A source file: its path under `src`, the module it belongs to, and its text without what is for tests alone.
struct Source {
    path: String,
    module: String,
    text: String,
    lines: usize,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut found): (Vec<PathBuf>, Vec<Source>) = (vec![root.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|end| end == "rs") {
                let path = entry.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                let module = path.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
                let whole = std::fs::read_to_string(&entry).unwrap();
                let text = whole.split("#[cfg(test)]\nmod tests").next().unwrap().to_owned();
                found.push(Source { path, module, text, lines: whole.lines().count() });
            }
        }
    }
    assert!(found.len() > 50);
    found
}

/// The lines of a text that are neither comments nor documentation.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with("//"))
}

/// The modules that a text names as `crate::module` or, in braces, `crate::{module, ...}`.
fn imports(text: &str) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    let code: String = code(text).collect::<Vec<_>>().join("\n");
    for root in ["crate::", "pollux::"] {
        for after in code.split(root).skip(1) {
            let grouped = after.strip_prefix('{').and_then(|rest| rest.split_once('}'));
            let paths: Vec<&str> = grouped.map_or_else(|| vec![after], |(inside, _)| inside.split(',').collect());
            for path in paths {
                let name: String = path.trim().chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
                named.insert(name);
            }
        }
    }
    named.retain(|name| FLOORS.iter().any(|(module, _)| module == name));
    named
}

#[test]
fn an_import_goes_down_and_never_up_or_sideways() {
    for source in sources() {
        let (_, below) = FLOORS
            .iter()
            .find(|(module, _)| *module == source.module)
            .unwrap_or_else(|| panic!("{} stands on no floor: give it one here", source.path));
        for import in imports(&source.text) {
            let sound = import == source.module || below.contains(&import.as_str());
            assert!(sound, "{} imports {import}, which does not lie below it", source.path);
        }
    }
}

#[test]
fn imports_are_found_however_they_are_written() {
    let text = "use crate::{error, http::json};\nlet x = crate::worker::run();\n// crate::live\nuse crate::Nothing;";
    assert_eq!(imports(text), ["error", "http", "worker"].map(ToOwned::to_owned).into());
}

#[test]
fn only_storage_knows_sql() {
    let openings =
        ["\"select ", "\"insert into ", "\"update ", "\"delete from ", "\"create table ", "\"pragma ", "\"with "];
    for source in sources().iter().filter(|source| source.module != "storage") {
        for line in code(&source.text) {
            let line = line.to_ascii_lowercase();
            assert!(!openings.iter().any(|opening| line.contains(opening)), "{}: {line}", source.path);
            // The settings read a database's address by the one reader there is.
            let line = if source.module == "config" { line.replace("tokio_postgres::config", "") } else { line };
            assert!(!line.contains("rusqlite") && !line.contains("tokio_postgres"), "{}: {line}", source.path);
        }
    }
}

#[test]
fn sql_is_never_put_together_from_values() {
    let words = ["select ", "insert ", "update ", "delete ", "create ", "lock "];
    for source in sources().iter().filter(|source| source.module == "storage") {
        for piece in source.text.split("format!(").skip(1) {
            let argument = piece.split(");").next().unwrap_or_default();
            let literal: String = argument.split('"').skip(1).step_by(2).collect::<String>().to_ascii_lowercase();
            if !words.iter().any(|word| literal.contains(word)) {
                continue;
            }
            // Locks by a number of ours, and the wrapping of a whole text of ours.
            let sound = ["pg_advisory_xact_lock({", "pollux_require("].iter().any(|known| literal.contains(known));
            assert!(sound, "{}: {literal}", source.path);
        }
    }
}

#[test]
fn only_the_doors_speak_in_status_codes() {
    // The stand-ins of other services are servers too.
    for source in sources().iter().filter(|source| !["http", "fakes"].contains(&source.module.as_str())) {
        for line in code(&source.text) {
            assert!(!line.contains("StatusCode::") || source.module == "serve", "{}: {line}", source.path);
            assert!(!line.contains("IntoResponse"), "{}: {line}", source.path);
        }
    }
}

#[test]
fn only_one_file_reads_the_clock() {
    let readings = ["SystemTime::now", "Timestamp::now", "Zoned::now", "now_v7", "UNIX_EPOCH"];
    for source in sources().iter().filter(|source| source.path != "domain/time.rs") {
        for line in code(&source.text) {
            assert!(!readings.iter().any(|reading| line.contains(reading)), "{}: {line}", source.path);
        }
    }
}

#[test]
fn files_stay_small_enough_to_be_read_at_once() {
    for source in sources() {
        assert!(source.lines <= 300, "{} has {} lines", source.path, source.lines);
    }
}

#[test]
fn what_reads_or_changes_things_of_a_user_says_whose_or_under_which_lease() {
    let owners =
        ["own: OwnRoom", "owner: UserId", "user_id: UserId", "job: &Job", "attempt: i64", "new: &New", "new: New"];
    for source in sources().iter().filter(|source| source.module == "storage") {
        for signature in source.text.split("pub async fn ").skip(1) {
            let signature = signature.split('{').next().unwrap_or_default();
            let is_of_a_user = ["ChatroomId", "MessageId", "SessionId", "JobId"]
                .iter()
                .any(|id| signature.split("->").next().unwrap_or_default().contains(id));
            let says = owners.iter().any(|owner| signature.contains(owner));
            assert!(!is_of_a_user || says, "{}: {signature}", source.path);
        }
    }
}
