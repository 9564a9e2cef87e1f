//! What the first view weighs on its way.

use super::Stage;
use crate::proof::figures;

/// The most that may come before a newcomer can act, and before somebody signed in can write.
const MAX_BYTES: u64 = 100 * 1024;

/// The document and all files of the page by then: how many, their bytes, and their bytes with the heads of the answers.
const CAME: &str = r#"
const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
const isFile = ({ name, entryType }) => entryType === "navigation" || new URL(name).pathname.startsWith("/assets/");
const sum = (part) => all.filter(isFile).reduce((sum, entry) => sum + entry[part], 0);
return [all.filter(isFile).length, sum("encodedBodySize"), sum("transferSize")];
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_view_is_light() {
    let Some(stage) = Stage::demo(&[]).await else { return };
    let page = &stage.browser;
    page.sign_in().await;
    let came = page.eval(CAME).await;
    let [files, bytes, with_heads] = [0, 1, 2].map(|index: usize| came[index].as_u64().unwrap());
    figures(&format!(
        "page: {with_heads} bytes with heads (at most {MAX_BYTES}), {bytes} without, in {files} files to an empty room"
    ));
    assert!(files > 3 && with_heads > bytes, "the files of the page were counted");
    assert!(with_heads < MAX_BYTES, "{with_heads} bytes in {files} files");
    stage.end().await;
}
