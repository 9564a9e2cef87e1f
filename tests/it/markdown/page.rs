//! What the page's modules do with trees and growing text: run by Node's own test runner, where there is a Node.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::proof::figures;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Past the test runner, which keeps what passing tests print.
fn say(words: &str) {
    let _ = writeln!(std::io::stdout().lock(), "\nsuite: {words}");
}

/// Lays the modules and their tests side by side, as Node knows no addresses of ours.
fn lay_out(home: &Path) {
    for folder in ["web/app", "tests/page"] {
        for file in std::fs::read_dir(Path::new(ROOT).join(folder)).unwrap().map(|entry| entry.unwrap().path()) {
            if file.extension().is_some_and(|end| end == "js" || end == "mjs") {
                let text = std::fs::read_to_string(&file).unwrap().replace("\"/assets/", "\"./");
                std::fs::write(home.join(file.file_name().unwrap()), text).unwrap();
            }
        }
    }
    std::fs::write(home.join("package.json"), "{\"type\":\"module\"}").unwrap();
}

#[test]
fn the_pages_modules_hold_what_their_tests_say() {
    let version = Command::new("node").arg("--version").stderr(Stdio::null()).output();
    let Some(version) = version.ok().filter(|told| told.status.success()) else {
        return say("modules of the page not run: there is no Node here");
    };
    let home = tempfile::tempdir().unwrap();
    lay_out(home.path());
    let told = Command::new("node").args(["--test", "--test-reporter=tap"]).current_dir(home.path()).output().unwrap();
    let words = String::from_utf8_lossy(&told.stdout);
    assert!(told.status.success(), "{words}");
    let passed = words.lines().find_map(|line| line.strip_prefix("# pass ")).unwrap();
    assert!(passed.parse::<usize>().unwrap() >= 7, "{words}");
    for line in words.lines().filter_map(|line| line.split_once("figures: ")) {
        figures(line.1);
    }
    say(&format!(
        "modules of the page ran: {passed} tests, by Node {}",
        String::from_utf8_lossy(&version.stdout).trim()
    ));
}

/// What a name of a colour stands for in a style, by day and by night.
fn colours(style: &str, name: &str) -> [f64; 2] {
    let told = style.split(&format!("--{name}: light-dark(#")).nth(1).and_then(|rest| rest.split(')').next()).unwrap();
    let (day, night) = told.split_once(", #").unwrap();
    [day, night].map(luminance)
}

/// How bright a colour is, as WCAG 2 has it.
fn luminance(hex: &str) -> f64 {
    let parts = [0, 2, 4].map(|at| f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0);
    let linear = parts.map(|part| if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) });
    0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
}

#[test]
fn colours_of_code_can_be_read_by_day_and_by_night() {
    let (base, own) = (include_str!("../../../web/style.css"), include_str!("../../../web/markdown.css"));
    let inks = [(own, "comment"), (own, "string"), (own, "number"), (own, "word"), (base, "faint"), (base, "ink")];
    let ground = colours(base, "raised");
    for (style, name) in inks {
        for (ink, ground) in colours(style, name).into_iter().zip(ground) {
            let contrast = (ink.max(ground) + 0.05) / (ink.min(ground) + 0.05);
            assert!(contrast >= 4.5, "{name}: {contrast:.2}");
        }
    }
    assert!((luminance("ffffff") - 1.0).abs() < 1e-9 && luminance("000000") < 1e-9);
}
