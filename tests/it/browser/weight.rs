//! What the first view weighs on its way.

use super::Stage;

/// The most that may come before a newcomer can act, and before somebody signed in can write.
const MAX_BYTES: u64 = 100 * 1024;

/// Bytes that came over the wire for the document and all files of the page, heads included.
const CAME: &str = r#"
const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
const files = all.filter(({ name, entryType }) => entryType === "navigation" || new URL(name).pathname.startsWith("/assets/"));
return [files.reduce((sum, { transferSize }) => sum + transferSize, 0), files.length];
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_view_is_light() {
    let Some(stage) = Stage::demo(&[]).await else { return };
    let page = &stage.browser;
    page.sign_in().await;
    let came = page.eval(CAME).await;
    let (bytes, files) = (came[0].as_u64().unwrap(), came[1].as_u64().unwrap());
    crate::proof::figures(&format!("page: {bytes} bytes in {files} files to an empty room (at most {MAX_BYTES})"));
    assert!(files > 3, "the files of the page were counted");
    assert!(bytes < MAX_BYTES, "{bytes} bytes in {files} files");
    stage.end().await;
}
