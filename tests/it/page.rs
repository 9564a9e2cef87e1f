//! The chat page as it is served: modules that name each other by addresses for ever, a small first load, and nowhere a
//! way for text to become markup.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::harness::{Client, Engine, TestApp};

/// What the first view may weigh in all, uncompressed.
const FIRST_LOAD: usize = 100_000;
/// The lines a file of the page may have.
const LINES: usize = 300;
/// Ways from text to markup or to code, and styles that the policy refuses.
const FORBIDDEN: [&str; 12] = [
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "document.write",
    "setHTMLUnsafe",
    "createContextualFragment",
    "DOMParser",
    "eval(",
    "new Function",
    "javascript:",
    " style=\"",
    "setAttribute(\"style\"",
];

/// A module as it is served.
struct Module {
    bytes: usize,
    imports: Vec<String>,
    later: Vec<String>,
}

/// Everything the page loads, by address.
struct Loaded {
    page: String,
    modules: BTreeMap<String, Module>,
}

/// The quoted texts that follow a word.
fn quoted_after<'a>(text: &'a str, word: &str) -> Vec<&'a str> {
    text.split(word).skip(1).filter_map(|rest| rest.split_once('"').map(|(address, _)| address)).collect()
}

async fn load() -> (TestApp, Client, Loaded) {
    let app = TestApp::start(Engine::Sqlite).await;
    let client = app.client();
    let page = client.get("/").await.expect(200).text;
    let mut waiting: Vec<String> = quoted_after(&page, "src=\"").into_iter().map(str::to_owned).collect();
    assert_eq!(waiting.len(), 1, "one script begins it all");
    let mut modules = BTreeMap::new();
    while let Some(address) = waiting.pop() {
        if modules.contains_key(&address) {
            continue;
        }
        assert!(address.starts_with("/assets/") && address.contains(".js?v="), "{address} is no address of a module");
        let answer = client.get(&address).await.expect(200);
        assert_eq!(answer.header("content-type"), "text/javascript; charset=utf-8", "{address}");
        assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable", "{address}");
        let own = |found: Vec<&str>| found.into_iter().map(str::to_owned).collect::<Vec<_>>();
        let (imports, later) =
            (own(quoted_after(&answer.text, "from \"")), own(quoted_after(&answer.text, "import(\"")));
        assert!(!answer.text.contains("\nimport \""), "{address} imports without a name");
        waiting.extend(imports.iter().chain(&later).cloned());
        modules.insert(address, Module { bytes: answer.text.len(), imports, later });
    }
    (app, client, Loaded { page, modules })
}

impl Loaded {
    /// The links of a kind, each as it is written.
    fn links(&self, kind: &str) -> impl Iterator<Item = &str> {
        let links = self.page.split("<link").skip(1).filter_map(|rest| rest.split_once('>')).map(|(link, _)| link);
        links.filter(move |link| link.contains(&format!("rel=\"{kind}\"")))
    }

    /// A module and all that is loaded with it at once.
    fn with_imports(&self, address: &str, above: &mut Vec<String>, found: &mut BTreeSet<String>) {
        assert!(!above.iter().any(|known| known == address), "a circle of imports: {above:?}");
        if !found.insert(address.to_owned()) {
            return;
        }
        above.push(address.to_owned());
        for import in &self.modules[address].imports {
            self.with_imports(import, above, found);
        }
        above.pop();
    }

    /// The modules of the first view.
    fn first(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        self.with_imports(quoted_after(&self.page, "src=\"")[0], &mut Vec::new(), &mut found);
        found
    }
}

#[tokio::test]
async fn the_modules_of_the_page_import_each_other_without_a_circle_by_addresses_that_last() {
    let (_app, _, loaded) = load().await;
    assert!(loaded.modules.len() > 20);
    for address in loaded.modules.keys() {
        loaded.with_imports(address, &mut Vec::new(), &mut BTreeSet::new());
    }
}

#[tokio::test]
async fn the_page_names_ahead_what_its_first_modules_import_further_down() {
    let (_app, _, loaded) = load().await;
    let preloads = loaded.links("modulepreload");
    let named: BTreeSet<String> = preloads.flat_map(|tag| quoted_after(tag, "href=\"")).map(str::to_owned).collect();
    let begun = quoted_after(&loaded.page, "src=\"")[0];
    let mut further = loaded.first();
    further.retain(|address| address != begun && !loaded.modules[begun].imports.contains(address));
    assert_eq!(named, further);
}

#[tokio::test]
async fn the_first_view_weighs_less_than_a_hundred_kilobytes() {
    let (_app, client, loaded) = load().await;
    let mut bytes = loaded.page.len();
    for style in loaded.links("stylesheet") {
        bytes += client.get(quoted_after(style, "href=\"")[0]).await.expect(200).text.len();
    }
    bytes += loaded.first().iter().map(|address| loaded.modules[address].bytes).sum::<usize>();
    crate::proof::figures(&format!("the first view of the page weighs {bytes} bytes"));
    assert!(bytes < FIRST_LOAD, "{bytes} bytes");
    assert!(loaded.modules.values().any(|module| !module.later.is_empty()), "nothing is left for later");
}

#[tokio::test]
async fn files_of_the_page_come_smaller_to_who_takes_them_so_and_are_the_same() {
    let (_app, client, loaded) = load().await;
    let address = loaded.modules.keys().max_by_key(|address| loaded.modules[*address].bytes).unwrap();
    let ask = async |coding: &str| {
        let request = client.request(reqwest::Method::GET, address).header("accept-encoding", coding);
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["vary"], "Accept-Encoding");
        let is_packed = response.headers().get("content-encoding").is_some_and(|coding| coding == "gzip");
        (is_packed, response.bytes().await.unwrap())
    };
    let (is_packed, plain) = ask("identity").await;
    assert!(!is_packed && plain.len() == loaded.modules[address].bytes);
    for coding in ["gzip", "br;q=1.0, gzip;q=0.8, *;q=0.1", "GZIP"] {
        let (is_packed, bytes) = ask(coding).await;
        assert!(is_packed && bytes.len() * 2 < plain.len(), "{coding}: {} of {} bytes", bytes.len(), plain.len());
        let mut unpacked = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut unpacked).unwrap();
        assert_eq!(unpacked, plain);
    }
    for coding in ["br", "gzip;q=0", "gzip;q=0, *"] {
        assert!(!ask(coding).await.0, "{coding}");
    }
}

#[tokio::test]
async fn every_module_that_is_written_is_loaded_by_the_page() {
    let (_app, _, loaded) = load().await;
    let served: BTreeSet<&str> = loaded.modules.keys().map(|address| address.split('?').next().unwrap()).collect();
    let written: Vec<String> = files()
        .into_iter()
        .filter(|path| path.to_str().unwrap().contains("web/app/"))
        .map(|path| format!("/assets/{}", path.file_name().unwrap().to_str().unwrap()))
        .collect();
    assert_eq!(served, written.iter().map(String::as_str).collect());
}

/// Every file of `web/`.
fn files() -> Vec<PathBuf> {
    let (mut folders, mut found) = (vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("web")], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() { folders.push(entry) } else { found.push(entry) }
        }
    }
    assert!(found.len() > 30);
    found
}

#[test]
fn no_file_of_the_page_turns_text_into_markup_or_code_or_is_long() {
    for path in files() {
        let text = std::fs::read_to_string(&path).unwrap();
        for word in FORBIDDEN {
            assert!(!text.contains(word), "{}: {word}", path.display());
        }
        assert!(text.lines().count() <= LINES, "{} is too long", path.display());
        assert!(!text.contains("http://") && !text.contains("https://"), "{} names another host", path.display());
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_page_to_a_browser_and_a_problem_to_a_program() {
    let app = TestApp::start(Engine::Sqlite).await;
    let client = app.client();
    let ask = async |path: &str, accept: &str| {
        client.send(client.request(reqwest::Method::GET, path).header("accept", accept)).await
    };
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    for path in ["/nothing", "/chatrooms/1/2", "/api/v1/nothing", "/assets/none.js"] {
        let page = ask(path, browser).await.expect(404);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{path}");
        assert_eq!(page.header("vary"), "Accept");
        assert!(page.header("content-security-policy").contains("require-trusted-types-for"), "{path}");
        assert!(page.text.contains("href=\"/\"") && !page.text.contains(path), "{path}: {}", page.text);
        for accept in ["*/*", "application/json", "text/html;q=0.5, application/json", "text/event-stream"] {
            ask(path, accept).await.expect_problem(404, "not_found");
        }
    }
    client.post("/nothing", serde_json::json!({})).await.expect_problem(404, "not_found");
    ask("/chatroom", browser).await.expect_problem(401, "authentication_required");
}
