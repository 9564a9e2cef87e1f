//! axe-core, which knows the rules of accessibility. `.ci/axe` brings it in; nothing is fetched here.

use std::path::PathBuf;
use std::sync::OnceLock;

use serde_json::Value as Json;

use crate::harness::browser::Browser;
use crate::harness::engine::found;

/// The script that brings it in says which one.
const SCRIPT: &str = include_str!("../../../.ci/axe");

/// Everything that is wrong with the page as it stands, but for what is only unlucky.
const CHECK: &str = r#"
const { violations } = await axe.run(document, { resultTypes: ["violations"] });
const isSerious = ({ impact }) => impact === "serious" || impact === "critical";
const told = ({ id, help, nodes }) => ({ id, help, at: nodes.map(({ target, failureSummary }) => [target.join(" "), failureSummary]) });
return violations.filter(isSerious).map(told);
"#;

/// The text of axe-core.
pub struct Axe(String);

impl Axe {
    /// Where it is here; nothing where it is not, which is said, and fails where it must be.
    pub fn find() -> Option<Self> {
        static FOUND: OnceLock<Option<String>> = OnceLock::new();
        let place = FOUND.get_or_init(|| found("axe", place()));
        place.as_ref().map(|place| Self(std::fs::read_to_string(place).unwrap()))
    }

    /// Insists that the page has no serious fault.
    pub async fn check(&self, page: &Browser, state: &str) {
        if page.eval("return typeof axe === 'undefined'").await == true {
            page.eval(&format!("{}\nwindow.axe = axe;", self.0)).await;
        }
        let faults = page.eval(CHECK).await;
        assert_eq!(faults, Json::Array(Vec::new()), "{state}: {faults:#}");
    }
}

/// Where `.ci/axe` puts it, or where a variable says.
fn place() -> Result<String, String> {
    let named = std::env::var_os("TEST_AXE").map(PathBuf::from);
    let file = named.or_else(kept).filter(|file| file.is_file());
    file.map(|file| file.display().to_string())
        .ok_or_else(|| "there is no axe-core here; .ci/axe brings it in".to_owned())
}

fn kept() -> Option<PathBuf> {
    let version = SCRIPT.lines().find_map(|line| line.strip_prefix("version="))?;
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    Some(cache.join(format!("pollux/axe-core-{version}/node_modules/axe-core/axe.min.js")))
}
