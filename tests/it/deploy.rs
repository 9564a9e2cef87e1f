//! What is checked in for those who deploy: every name in it is a setting, and what it starts would start.

use std::collections::BTreeSet;
use std::process::Command;

use pollux::config::{Config, Settings, names};

fn read(file: &str) -> String {
    std::fs::read_to_string(format!("{}/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn is_name(text: &str) -> bool {
    text.len() > 3 && text.starts_with(|first: char| first.is_ascii_uppercase()) && text.bytes().all(is_name_byte)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_'
}

/// The settings that the services of `compose.yaml` get, with what is to come from its caller filled in.
fn compose_settings() -> Vec<(String, String)> {
    let text = read("compose.yaml");
    let block = text.split("environment: &settings\n").nth(1).unwrap();
    let lines = block.lines().take_while(|line| line.starts_with("    "));
    let pairs = lines.map(|line| line.trim().split_once(": ").unwrap());
    let filled = |value: &str| match value.strip_prefix("${").and_then(|inner| inner.strip_suffix('}')) {
        Some(inner) => match inner.split_once(":-") {
            Some((_, default)) => default.to_owned(),
            None => "k7Qf2vXw9LmT4sZr8YbN1cJ6hGdP3aUe".to_owned(),
        },
        None => value.to_owned(),
    };
    pairs.map(|(name, value)| (name.to_owned(), filled(value))).collect()
}

fn image_settings() -> Vec<(String, String)> {
    let text = read("Dockerfile");
    let line = text.lines().find_map(|line| line.strip_prefix("ENV ")).unwrap();
    let pairs = line.split(' ').map(|pair| pair.split_once('=').unwrap());
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn compose_and_its_image_set_names_that_are_read_and_start() {
    let pairs = [image_settings(), compose_settings()].concat();
    assert!(pairs.len() > 10);
    for (name, _) in &pairs {
        assert!(names::is_read(name), "{name}");
    }
    let config = Config::read(&Settings::from_pairs(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))));
    let config = config.unwrap();
    assert!(config.redis.is_some());
    // In a container, what may read the metrics is what its ports are given to.
    assert!(config.notes.iter().all(|note| note.starts_with("METRICS_HOST")), "{:?}", config.notes);
}

#[test]
fn every_command_of_the_files_for_platforms_is_one_of_the_program() {
    let compose = read("compose.yaml");
    let of_compose = compose.lines().filter_map(|line| line.trim().strip_prefix("command: [")).take(2);
    let of_compose = of_compose.map(|line| line.trim_end_matches(']').replace(',', ""));
    let procfile = read("Procfile");
    let of_procfile = procfile.lines().map(|line| line.split("pollux ").nth(1).unwrap().to_owned());
    let commands: Vec<String> = of_compose.chain(of_procfile).collect();
    assert_eq!(commands, ["serve --no-worker", "worker", "migrate", "serve --no-worker", "worker"]);
    for command in commands {
        let help = Command::new(env!("CARGO_BIN_EXE_pollux")).args(command.split(' ')).arg("--help").output().unwrap();
        assert!(help.status.success(), "{command}");
    }
}

#[test]
fn the_image_is_built_from_all_that_the_program_is_made_of() {
    let dockerfile = read("Dockerfile");
    let copied: Vec<&str> =
        dockerfile.lines().filter_map(|line| line.strip_prefix("COPY ")?.split(' ').next()).collect();
    let let_in = read(".dockerignore");
    for path in copied.into_iter().filter(|path| !path.starts_with("--")) {
        assert!(std::fs::exists(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap(), "{path}");
        assert!(let_in.lines().any(|line| line.strip_prefix('!') == Some(path)), "{path} is kept out of the image");
    }
}

#[test]
fn the_readme_and_the_example_name_every_setting_and_no_other() {
    let known: BTreeSet<&str> = names::ALL.iter().flat_map(|setting| setting.0).copied().collect();
    let readme = read("README.md");
    let table = readme.split("| setting | default |").nth(1).unwrap().split("\n\n").next().unwrap();
    let cells: BTreeSet<&str> = table
        .lines()
        .filter_map(|line| line.split('|').nth(1))
        .flat_map(|cell| cell.split('`'))
        .filter(|text| is_name(text))
        .collect();
    assert_eq!(cells, known, "README.md");
    let example = read(".env.example");
    let lines = example.lines().filter_map(|line| line.strip_prefix('#')?.split_once('=').map(|(name, _)| name));
    let set: BTreeSet<&str> = lines.filter(|name| is_name(name) && !names::is_not_needed(name)).collect();
    assert_eq!(set, known, ".env.example");
}
