//! `pollux doctor`, as the real process: what is well and what is not, each on a line, with nothing changed and no secret
//! shown.

mod outside;
mod store;
mod words;

use std::path::Path;
use std::process::{Command, Output};

use crate::harness::SECRET;

/// What the doctor said, and how it ended.
struct Visit {
    lines: String,
    code: i32,
}

impl Visit {
    /// The doctor's visit to a data directory, with further settings. It blocks; what it asks must run on other threads.
    fn to(home: &Path, settings: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pollux"));
        command.arg("doctor").env_clear().current_dir(home);
        command.env("DATA_DIR", home).env("JWT_SECRET", SECRET).envs(settings.iter().copied());
        Self::of(&command.output().unwrap())
    }

    fn of(output: &Output) -> Self {
        let lines = String::from_utf8(output.stdout.clone()).unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.is_empty(), "{told}");
        for line in lines.lines() {
            assert!(["ok    ", "warn  ", "FAIL  "].iter().any(|mark| line.starts_with(mark)), "{line}");
            assert_eq!(line.starts_with("ok"), !line.contains("What to do: "), "{line}");
        }
        Self { lines, code: output.status.code().unwrap() }
    }

    /// Checks that there is a line that begins so and goes on with these words.
    fn says(&self, beginning: &str, words: &[&str]) -> &Self {
        let found =
            self.lines.lines().any(|line| line.starts_with(beginning) && words.iter().all(|word| line.contains(word)));
        assert!(found, "{beginning} {words:?}:\n{}", self.lines);
        self
    }

    /// Checks that nothing failed.
    fn is_well(&self) -> &Self {
        assert!(self.code == 0 && !self.lines.contains("FAIL"), "{}", self.lines);
        self
    }

    /// Checks that something failed.
    fn is_ill(&self) -> &Self {
        assert!(self.code == 1 && self.lines.contains("FAIL"), "{}", self.lines);
        self
    }
}

/// What stands in a directory: names and lengths.
fn listing(folder: &Path) -> Vec<(String, u64)> {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let mut all: Vec<_> =
        entries.map(|entry| (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().len())).collect();
    all.sort();
    all
}
