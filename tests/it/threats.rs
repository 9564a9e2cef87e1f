//! The threats this service stands, and the tests that show it: two tables that are checked against the sources, so
//! that no proof can be renamed or dropped without this being changed too. `docs/security.md` tells the same in prose.

mod attacks;
mod inputs;

use std::collections::BTreeSet;
use std::path::Path;

use attacks::{ATTACKS, NOT_BUILT as ATTACKS_NOT_BUILT};
use inputs::{INPUTS, NOT_BUILT as INPUTS_NOT_BUILT};
use pollux::error::Code;
use pollux::http::error::status_and_title;
use serde_json::Value;

/// The numbers of the threats that belong here: codes, passwords and sessions; streams and caches; payments; transport
/// and pages; what the model wrote that goes to it again.
fn numbers() -> BTreeSet<String> {
    (1..=24).chain([26, 29, 36, 37]).chain(41..=58).chain([74]).map(|number| format!("T{number}")).collect()
}

/// The text of a file of tests or of the service: `src::domain::otp` or `signin::races`.
fn source_of(module: &str) -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (root, module) = match module.strip_prefix("src::") {
        Some(module) => (root.join("src"), module),
        None => (root.join("tests/it"), module),
    };
    let path = root.join(module.replace("::", "/"));
    [path.with_extension("rs"), path.join("mod.rs")].iter().find_map(|file| std::fs::read_to_string(file).ok())
}

/// True when the line that declares a test is one that is run: by an attribute before it, or on every engine.
fn is_run(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let Some(at) = lines.iter().position(|line| {
        let declared = line.trim_start_matches("async ").strip_prefix("fn ").or_else(|| line.strip_prefix("mod "));
        declared.and_then(|rest| rest.strip_prefix(name)).is_some_and(|rest| rest.starts_with(['(', ' ']))
    }) else {
        return false;
    };
    let has_attribute = lines[..at]
        .iter()
        .rev()
        .take_while(|line| !line.is_empty() && **line != "}")
        .any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"));
    let is_of_macro = ["on_both_engines! {", "on_each_engine! {", "in_both_shops! {", "proptest! {"]
        .iter()
        .any(|opening| text.contains(opening));
    has_attribute || is_of_macro || lines[at].starts_with("mod ")
}

/// What is wrong with the name of a test, if anything.
fn fault_of(test: &str) -> Option<String> {
    let Some((module, name)) = test.rsplit_once("::") else { return Some(format!("{test} names no module")) };
    let Some(source) = source_of(module) else { return Some(format!("{test}: there is no such file")) };
    (!is_run(&source, name)).then(|| format!("{test}: there is no such test"))
}

#[test]
fn a_proof_that_is_gone_is_noticed() {
    for gone in ["guesses_survive", "signin::races::guesses_survive", "signin::nowhere::guesses_survive_a_restart"] {
        assert!(fault_of(gone).is_some(), "{gone}");
    }
    assert_eq!(fault_of("signin::races::guesses_survive_a_restart"), None);
}

#[test]
fn every_attack_has_tests_that_exist() {
    let faults: Vec<_> = ATTACKS
        .iter()
        .flat_map(|(number, attack, tests)| {
            assert!(!tests.is_empty() && !attack.is_empty(), "{number} has no test");
            tests.iter().filter_map(|test| fault_of(test))
        })
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_attack_stands_in_the_table_once_or_is_said_not_to_concern_us_yet() {
    let told: Vec<String> = ATTACKS.iter().map(|(number, ..)| (*number).to_owned()).collect();
    let once: BTreeSet<String> = told.iter().cloned().collect();
    assert_eq!(told.len(), once.len());
    let not_built = ATTACKS_NOT_BUILT.iter().map(|(number, _)| (*number).to_owned());
    assert_eq!(once.into_iter().chain(not_built).collect::<BTreeSet<_>>(), numbers());
    for (number, why) in ATTACKS_NOT_BUILT {
        assert!(why.len() > 20 && why.ends_with('.'), "{number}: {why}");
    }
}

#[test]
fn every_attack_is_told_in_the_document() {
    let document = include_str!("../../docs/security.md");
    for number in numbers() {
        assert!(document.contains(&format!("| {number} |")), "docs/security.md does not tell of {number}");
    }
}

#[test]
fn every_bad_input_has_a_test_that_exists_and_tells_its_code() {
    let mut faults = Vec::new();
    for (_, _, _, code, test) in INPUTS {
        faults.extend(fault_of(test));
        let text = source_of(test.rsplit_once("::").unwrap().0).unwrap_or_default();
        if !text.contains(code) {
            faults.push(format!("{test} says nothing of {code}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(INPUTS_NOT_BUILT.iter().all(|(_, _, why)| why.ends_with('.')));
}

#[test]
fn every_bad_input_names_a_served_route_and_the_status_of_its_code() {
    let document: Value = serde_json::from_str(&pollux::http::openapi::text()).unwrap();
    for (route, input, status, code, _) in INPUTS {
        if let Some((method, path)) = route.split_once(' ') {
            let operation = &document["paths"][path][method.to_lowercase()];
            assert!(operation.is_object(), "{route}");
            assert!(operation["responses"].get(status.to_string()).is_some(), "{route} does not tell of {status}");
        }
        let known = Code::ALL.iter().find(|known| known.as_str() == *code);
        let expected = match (known, *code) {
            (Some(known), _) => status_and_title(*known).0.as_u16(),
            (None, "") => (*status).min(299),
            // A flaw of one member.
            (None, _) => 422,
        };
        assert_eq!(*status, expected, "{route}: {input}");
    }
}
