//! Finding what a person finds: by role and name, as assistive software is told them, or by a selector, but only what
//! is to be seen. Everything waits until it is there.

use serde_json::{Value as Json, json};
use thirtyfour::prelude::*;

use super::{Browser, SOON};

/// The one visible element of a role and a name; within the topmost dialog, where one is open. The elements that can have
/// a role are chosen by their kind first, as a browser is slow to compute a role for each of thousands.
const BY_ROLE: &str = r#"
const [role, name] = arguments;
const kinds = {
  button: "button, summary", link: "a", textbox: "input, textarea", searchbox: "input", dialog: "dialog",
  heading: "h1, h2, h3, h4, h5, h6",
};
const isMeant = (it) => it.computedRole === role && it.computedName === name;
const isShown = (it) => it.checkVisibility({ visibilityProperty: true, opacityProperty: true });
const scope = document.querySelector("dialog:modal") ?? document.body;
const near = [scope, ...scope.querySelectorAll(`${kinds[role] ?? "[role]"}, [role=${role}]`)];
return near.filter((it) => isShown(it) && isMeant(it)).pop() ?? null;
"#;

/// The first visible element of a selector.
const BY_SELECTOR: &str = r"
const isShown = (it) => it.checkVisibility({ visibilityProperty: true, opacityProperty: true });
return [...document.querySelectorAll(arguments[0])].find(isShown) ?? null;
";

impl Browser {
    /// The visible element of a role and name.
    pub async fn find(&self, role: &str, name: &str) -> WebElement {
        let (what, arguments) = (format!("a {role} «{name}»"), vec![json!(role), json!(name)]);
        self.wait_for(&what, BY_ROLE, arguments).await
    }

    /// The first visible element of a selector.
    pub async fn see(&self, selector: &str) -> WebElement {
        self.wait_for(selector, BY_SELECTOR, vec![json!(selector)]).await
    }

    /// Whether an element of that role and name is to be seen at this moment.
    pub async fn has(&self, role: &str, name: &str) -> bool {
        self.element(BY_ROLE, vec![json!(role), json!(name)]).await.is_some()
    }

    /// Whether something of a selector is to be seen at this moment.
    pub async fn shows(&self, selector: &str) -> bool {
        self.element(BY_SELECTOR, vec![json!(selector)]).await.is_some()
    }

    /// Waits until nothing of a selector is to be seen.
    pub async fn gone(&self, selector: &str) {
        let what = format!("the end of {selector}");
        self.eventually(&what, async || (!self.shows(selector).await).then_some(())).await;
    }

    /// The text of the first visible element of a selector, as it is shown.
    pub async fn text(&self, selector: &str) -> String {
        self.see(selector).await.text().await.unwrap()
    }

    /// Waits until the text of a selector's first visible element holds these words, and answers with the whole.
    pub async fn reads(&self, selector: &str, words: &str) -> String {
        self.eventually(&format!("«{words}» in {selector}"), async || {
            let element = self.element(BY_SELECTOR, vec![json!(selector)]).await?;
            element.text().await.ok().filter(|text| text.contains(words))
        })
        .await
    }

    /// Looks again and again; a failure tells what the page showed.
    pub async fn eventually<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let deadline = tokio::time::Instant::now() + SOON;
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            let is_time_left = tokio::time::Instant::now() < deadline;
            assert!(is_time_left, "not within {SOON:?}: {what}\n{}", self.state().await);
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// The value of a script, which is the body of a function.
    pub async fn eval(&self, script: &str) -> Json {
        self.eval_with(script, vec![]).await
    }

    /// As [`Self::eval`], with `arguments`.
    pub async fn eval_with(&self, script: &str, arguments: Vec<Json>) -> Json {
        self.driver().execute(script, arguments).await.unwrap().json().clone()
    }

    /// Waits until a script's value is neither null nor false, and answers with it.
    pub async fn until(&self, what: &str, script: &str) -> Json {
        self.eventually(what, async || {
            let value = self.eval(script).await;
            (!value.is_null() && value != false).then_some(value)
        })
        .await
    }

    async fn wait_for(&self, what: &str, script: &str, arguments: Vec<Json>) -> WebElement {
        self.eventually(what, async || self.element(script, arguments.clone()).await).await
    }

    async fn element(&self, script: &str, arguments: Vec<Json>) -> Option<WebElement> {
        let found = self.driver().execute(script, arguments).await.unwrap();
        if found.json().is_null() { None } else { Some(found.element().unwrap()) }
    }

    /// What a failure wants to know: where the page is, what it shows and what the console said.
    async fn state(&self) -> String {
        let shown = self.eval("return document.body.innerText").await;
        let complaints = self.complaints().await;
        format!("at {}\nshown: {}\nconsole: {complaints:?}", self.place().await, shown.as_str().unwrap_or_default())
    }
}
