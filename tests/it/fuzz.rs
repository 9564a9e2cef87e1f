//! The fuzz targets of `fuzz/` over their corpus: as it is kept, and with some thousands of changes to it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::proof;

#[path = "../../fuzz/targets.rs"]
mod targets;

/// Bytes that readers stumble over.
const ODD: &[u8] = b"\0\n\r\t \"'\\${}[]=\xff";
const LONGEST: usize = 8 * 1024;

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// Runs a target, and shows the bytes that it fails on.
fn run(name: &str, data: &[u8]) {
    let outcome = catch_unwind(AssertUnwindSafe(|| targets::run(name, data)));
    assert!(outcome.is_ok(), "{name} fails on b\"{}\"", data.escape_ascii());
}

/// Changes bytes as readers are broken: bits, odd bytes, pieces cut, doubled, moved, or taken from elsewhere.
fn mutate(data: &mut Vec<u8>, other: &[u8], dice: &mut SmallRng) {
    let at = dice.random_range(0..=data.len());
    let end = dice.random_range(at..=data.len().min(at + 32));
    match dice.random_range(0..7) {
        0 if at < data.len() => data[at] ^= 1 << dice.random_range(0..8),
        1 if at < data.len() => data[at] = ODD[dice.random_range(0..ODD.len())],
        2 => data.insert(at, dice.random()),
        3 => data.insert(at, ODD[dice.random_range(0..ODD.len())]),
        4 => drop(data.drain(at..end)),
        5 => drop(data.splice(at..at, data[at..end].to_vec())),
        _ => drop(data.splice(at.., other[other.len().min(at)..].iter().copied())),
    }
    data.truncate(LONGEST);
}

#[test]
fn every_target_has_a_corpus_and_a_program_and_holds_on_it() {
    let manifest = include_str!("../../fuzz/Cargo.toml");
    assert_eq!(manifest.matches("[[bin]]").count(), targets::TARGETS.len());
    for (name, _) in targets::TARGETS {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
        let files = corpus(name);
        assert!(files.len() >= 9, "{name} has {} files", files.len());
        for data in files {
            run(name, &data);
        }
    }
}

#[test]
fn every_target_holds_on_thousands_of_changes_to_its_corpus() {
    let seed = std::env::var("POLLUX_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_121);
    let rounds = proof::size(1_000, 200_000);
    for (name, _) in targets::TARGETS {
        let (mut dice, files) = (SmallRng::seed_from_u64(seed), corpus(name));
        for _ in 0..rounds {
            let mut data = files[dice.random_range(0..files.len())].clone();
            for _ in 0..dice.random_range(1..=4) {
                let other = &files[dice.random_range(0..files.len())];
                mutate(&mut data, other, &mut dice);
            }
            run(name, &data);
        }
        proof::figures(&format!("fuzz {name}: {rounds} changes of {} files, POLLUX_SEED={seed}", files.len()));
    }
}
