//! The pages a customer sees: plain forms, no scripts. They say that no money is taken, because none is.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use serde_json::Value;

use super::controls::Payment;
use super::form::Form;
use super::shapes::text;
use super::{FakeStripe, World};

const CHECKOUT: &str = r#"<p><b>This is a demo. It takes no money and asks for no card.</b></p>
<form method="post">
<button name="outcome" value="paid">Pay</button>
<button name="outcome" value="later">Pay by a slow bank transfer</button>
<button name="outcome" value="declined">Let the card be declined</button>
<button name="outcome" value="back">Go back without paying</button>
<button name="outcome" value="expired">Let this page expire</button>
</form>"#;
const PORTAL: &str = r#"<p><b>This is a demo. No money was taken.</b></p>
<form method="post">
<button name="action" value="cancel">Cancel at the end of the period</button>
<button name="action" value="renew">Don't cancel after all</button>
<button name="action" value="break">Let the card stop working</button>
<button name="action" value="mend">Let the card work again</button>
<button name="action" value="back">Go back</button>
</form>"#;

pub(super) async fn show_checkout(State(fake): State<FakeStripe>, Path(id): Path<String>) -> Response {
    match fake.act(|world| world.find_open(&id)) {
        Some(_) => page(StatusCode::OK, "Demo checkout", CHECKOUT),
        None => gone(),
    }
}

pub(super) async fn finish_checkout(State(fake): State<FakeStripe>, Path(id): Path<String>, body: Bytes) -> Response {
    let form = Form::parse(&String::from_utf8_lossy(&body));
    let Some(session) = fake.act(|world| world.find_open(&id)) else { return gone() };
    let success = text(&session, "success_url").replace("{CHECKOUT_SESSION_ID}", &id);
    let cancel = text(&session, "cancel_url");
    match form.get("outcome").unwrap_or("") {
        "paid" => fake.pay(&id, Payment::Paid),
        "later" => fake.pay(&id, Payment::Later),
        "declined" => {
            let told = format!("<p>Your card was declined.</p>{CHECKOUT}");
            return page(StatusCode::PAYMENT_REQUIRED, "Demo checkout", &told);
        }
        "expired" => {
            fake.expire(&id);
            return redirect(cancel);
        }
        _ => return redirect(cancel),
    };
    redirect(&success)
}

pub(super) async fn show_portal(State(fake): State<FakeStripe>, Path(id): Path<String>) -> Response {
    match fake.world().find_portal(&id) {
        Some(_) => page(StatusCode::OK, "Demo subscription", PORTAL),
        None => gone(),
    }
}

pub(super) async fn use_portal(State(fake): State<FakeStripe>, Path(id): Path<String>, body: Bytes) -> Response {
    let form = Form::parse(&String::from_utf8_lossy(&body));
    let Some(portal) = fake.world().find_portal(&id) else { return gone() };
    for subscription in fake.act(|world| world.running_of(text(&portal, "customer"))) {
        match form.get("action").unwrap_or("") {
            "cancel" => fake.cancel_in_portal(&subscription),
            "renew" => fake.renew_in_portal(&subscription),
            "break" => fake.set_card(&subscription, false),
            "mend" => fake.set_card(&subscription, true),
            _ => {}
        }
    }
    redirect(text(&portal, "return_url"))
}

impl World {
    fn find_open(&self, id: &str) -> Option<Value> {
        self.sessions.iter().find(|one| text(one, "id") == id && text(one, "status") == "open").cloned()
    }

    fn find_portal(&self, id: &str) -> Option<Value> {
        self.portals.iter().find(|portal| text(portal, "id") == id).cloned()
    }

    fn running_of(&self, customer: &str) -> Vec<String> {
        let mine = self.subscriptions.iter().filter(|one| text(&one.object, "customer") == customer && !one.is_over());
        mine.map(|one| text(&one.object, "id").to_owned()).collect()
    }
}

fn gone() -> Response {
    page(StatusCode::NOT_FOUND, "Nothing here", "<p>This page was used already, or its time is over.</p>")
}

/// Back to the caller; without an address the page just says so.
fn redirect(to: &str) -> Response {
    if to.is_empty() {
        return page(StatusCode::OK, "Done", "<p>Done. You can close this page.</p>");
    }
    (StatusCode::SEE_OTHER, [("location", to), ("cache-control", "no-store")]).into_response()
}

fn page(status: StatusCode, title: &str, body: &str) -> Response {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\">\n<title>{title}</title>\n<h1>{title}</h1>\n{body}\n</html>\n"
    );
    let headers = [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("content-security-policy", "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    ];
    (status, headers, html).into_response()
}
