//! The collection as a reader runs it: from top to bottom, against the program with nothing set.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use pollux::domain::time::Clock;
use serde_json::Value;

use super::FILE;
use crate::harness::binary::Binary;
use crate::harness::{Engine, TestApp};

/// The script that brings Newman in says which one.
const SCRIPT: &str = include_str!("../../../.ci/postman");

/// How Newman is called here: by its name, or out of what npm has kept of an earlier run; nothing is fetched.
fn newman() -> Option<&'static [String]> {
    static FOUND: OnceLock<Option<Vec<String>>> = OnceLock::new();
    let version = SCRIPT.lines().find_map(|line| line.strip_prefix("version=")).unwrap();
    let found = FOUND.get_or_init(|| {
        let kept = ["npx", "--offline", "--yes", &format!("newman@{version}")].map(ToOwned::to_owned).to_vec();
        let found = [vec!["newman".to_owned()], kept].into_iter().find(|words| answers(words));
        let words = found.as_ref().map(|words| words.join(" "));
        say(&words.map_or_else(
            || "collection not run: there is no Newman here; .ci/postman brings it in".to_owned(),
            |words| format!("collection ran, by {words}"),
        ));
        found
    });
    found.as_deref()
}

fn answers(words: &[String]) -> bool {
    let asked = command(words).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}

/// Past the test runner, which keeps what passing tests print.
fn say(words: &str) {
    let _ = writeln!(std::io::stdout().lock(), "\nsuite: {words}");
}

fn command(words: &[String]) -> Command {
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).stdin(Stdio::null());
    command
}

/// Runs the collection, and answers with what Newman wrote down of it.
fn run(newman: &[String], home: &Path, arguments: &[&str]) -> Value {
    let report = home.join("report.json");
    let mut command = command(newman);
    command.args(["run", FILE, "--bail", "--reporters", "cli,json", "--reporter-json-export"]).arg(&report);
    let told = command.args(arguments).output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stdout));
    let report: Value = serde_json::from_str(&std::fs::read_to_string(report).unwrap()).unwrap();
    assert_eq!(report["run"]["failures"], serde_json::json!([]));
    report["run"]["stats"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_collection_runs_from_sign_up_to_pro_and_out_again() {
    let Some(newman) = newman() else { return };
    let (server, home) = (Binary::start(&[]).await, tempfile::tempdir().unwrap());
    let base_url = format!("base_url=http://{}", server.client().address);
    // Twice, as a reader may press the button again: the second time it is somebody new.
    let stats = run(newman, home.path(), &["--env-var", &base_url, "--iteration-count", "2"]);
    let items = 2 * super::requests().len() as u64;
    assert_eq!(stats["items"]["total"], items);
    assert!(stats["assertions"]["total"].as_u64().unwrap() > items, "{stats}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_the_collection_signs_is_taken() {
    const SECRET: &str = "whsec_7Vb3Nq9Xk2Lw";
    let Some(newman) = newman() else { return };
    let home = tempfile::tempdir().unwrap();
    let settings = [
        ("PAYMENTS", "stripe"),
        ("STRIPE_SECRET_KEY", "sk_test_a1b2c3d4e5f6"),
        ("STRIPE_WEBHOOK_SECRET", SECRET),
        ("STRIPE_PRICE_ID_PRO", "price_pro"),
        ("STRIPE_API_BASE", "http://127.0.0.1:9"),
    ];
    // Newman signs by the clock on the wall.
    let app = TestApp::start_at(Engine::Sqlite, Clock::System, &settings).await;
    let (base_url, secret) = (format!("base_url=http://{}", app.address), format!("webhook_secret={SECRET}"));
    run(newman, home.path(), &["--folder", "webhook", "--env-var", &base_url, "--env-var", &secret]);
    assert_eq!(app.count("select count(*) from billing_events").await, 1);
}
