//! What the program says when it can't start, and of its commands: which setting to set.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pollux::config::names;

use super::Visit;

fn pollux(home: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pollux"));
    command.args(arguments).env_clear().current_dir(home).env("DATA_DIR", home).env("METRICS_PORT", "0");
    let child = command.envs(settings.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let (mut child, deadline) = (child.unwrap(), Instant::now() + Duration::from_secs(20));
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("it goes on with {arguments:?} {settings:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
}

/// A command, settings, and the setting that is to be named.
type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);

/// True where a text names a setting that is read.
fn names_a_setting(text: &str) -> bool {
    let words = text.split(|c: char| !c.is_ascii_uppercase() && !c.is_ascii_digit() && c != '_');
    words.into_iter().any(names::is_read)
}

#[test]
fn all_faults_of_the_settings_are_listed_and_each_names_its_setting() {
    let home = tempfile::tempdir().unwrap();
    let faults =
        [("PORT", "x1"), ("WORKER_CONCURRENCY", "0"), ("DATABASE_URL", "mysql://hunter2"), ("HOST", "nowhere")];
    let visit = Visit::to(home.path(), &faults);
    visit.is_ill();
    for (name, value) in faults {
        visit.says("FAIL  settings: ", &[name]);
        assert!(value.len() < 2 || !visit.lines.contains(value), "{}", visit.lines);
    }
    assert_eq!(visit.lines.lines().filter(|line| names_a_setting(line)).count(), visit.lines.lines().count());
}

#[test]
fn every_refused_start_says_which_setting_to_set() {
    let home = tempfile::tempdir().unwrap();
    let (folder, file) = (home.path().join("folder"), home.path().join("file"));
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(&file, [7; 8192]).unwrap();
    let under_file = file.join("data").display().to_string();
    let broken = format!("sqlite:///{}", file.display());
    let no_file = format!("sqlite:///{}/", folder.display());
    let nowhere = format!("sqlite:///{under_file}/pollux.db");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let postgres = format!("postgresql://pollux:hunter2@127.0.0.1:{port}1/pollux");
    let away = "postgresql://pollux:hunter2@127.0.0.1:1/pollux";
    let strong = ("JWT_SECRET", crate::harness::SECRET);
    let no_header = "AIza\u{7f}yA1b2C3d4E5f6";
    let stripe = [
        ("STRIPE_SECRET_KEY", "sk_test_\u{7f}1b2"),
        ("STRIPE_API_BASE", "http://127.0.0.1:1"),
        ("STRIPE_WEBHOOK_SECRET", "whsec_a1"),
        ("STRIPE_PRICE_ID_PRO", "price_1"),
    ];
    let cases: &[Case<'_>] = &[
        (&[], &[("DATA_DIR", &under_file)], "DATA_DIR"),
        (&["migrate"], &[("DATA_DIR", &under_file)], "DATA_DIR"),
        (&[], &[("DATABASE_URL", &broken)], "DATABASE_URL"),
        (&[], &[("DATABASE_URL", &no_file)], "DATABASE_URL"),
        (&[], &[("DATABASE_URL", &nowhere)], "DATABASE_URL"),
        (&[], &[("DATABASE_URL", &postgres), strong], "DATABASE_URL"),
        (&["worker"], &[("DATABASE_URL", away), strong], "DATABASE_URL"),
        (&["migrate"], &[("DATABASE_URL", away), strong], "DATABASE_URL"),
        (&[], &[("PORT", &port)], "PORT"),
        (&[], &[("GEMINI_API_KEY", no_header), ("GEMINI_BASE_URL", "http://127.0.0.1:1")], "GEMINI_API_KEY"),
        (&[], &stripe, "STRIPE_SECRET_KEY"),
        (&["worker"], &[], "DATABASE_URL"),
        (&["serve", "--no-worker"], &[], "DATABASE_URL"),
        (&["billing", "reconcile"], &[("PAYMENTS", "off")], "PAYMENTS"),
        (&["billing", "reconcile"], &[], "PAYMENTS"),
    ];
    for (arguments, settings, name) in cases {
        let ended = pollux(home.path(), arguments, settings);
        let told = String::from_utf8(ended.stderr).unwrap();
        let reason =
            told.split_once("pollux can't start: ").unwrap_or_else(|| panic!("{arguments:?} {settings:?}: {told}")).1;
        assert!(!ended.status.success() && reason.contains(name) && names_a_setting(reason), "{settings:?}: {told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[test]
fn a_signing_key_that_is_not_fit_is_refused_by_its_name() {
    let home = tempfile::tempdir().unwrap();
    let key = home.path().join("signing.key");
    for make in [|key: &Path| std::fs::write(key, "short").unwrap(), |key: &Path| std::fs::create_dir(key).unwrap()] {
        make(&key);
        let told = String::from_utf8(pollux(home.path(), &[], &[]).stderr).unwrap();
        assert!(told.contains("JWT_SECRET"), "{told}");
        std::fs::remove_file(&key).ok();
    }
}

#[test]
fn each_command_says_which_settings_it_goes_by() {
    let home = tempfile::tempdir().unwrap();
    let all: &[(&[&str], &[&str])] = &[
        (&[], &[".env.example"]),
        (
            &["serve"],
            &["HOST", "PORT", "DATA_DIR", "DATABASE_URL", "GEMINI_API_KEY", "CODE_DELIVERY", "STRIPE_SECRET_KEY"],
        ),
        (&["worker"], &["DATABASE_URL", "WORKER_CONCURRENCY", "JWT_SECRET"]),
        (&["migrate"], &["DATABASE_URL", "DATA_DIR"]),
        (&["openapi"], &["No setting"]),
        (&["jobs"], &["DATABASE_URL", "DATA_DIR"]),
        (&["jobs", "list"], &["DATABASE_URL", "DATA_DIR"]),
        (&["jobs", "retry"], &["DATABASE_URL", "DATA_DIR"]),
        (&["jobs", "discard"], &["DATABASE_URL", "DATA_DIR"]),
        (&["billing"], &["PAYMENTS", "STRIPE_SECRET_KEY"]),
        (&["billing", "reconcile"], &["PAYMENTS", "DATABASE_URL"]),
        (&["doctor"], &["DATA_DIR", "DATABASE_URL", ".env.example"]),
    ];
    for (command, words) in all {
        let arguments: Vec<_> = command.iter().copied().chain(["--help"]).collect();
        let ended = pollux(home.path(), &arguments, &[]);
        let told = String::from_utf8(ended.stdout).unwrap();
        assert!(ended.status.success() && words.iter().all(|word| told.contains(word)), "{command:?}: {told}");
        for line in
            told.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1).take_while(|line| !line.is_empty())
        {
            let name = line.split_whitespace().next().unwrap();
            let path: Vec<_> = command.iter().copied().chain([name]).collect();
            assert!(all.iter().any(|(known, _)| *known == path.as_slice()), "{path:?} is not in this list");
        }
    }
}
