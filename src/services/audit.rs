//! The audit trail: every security event is a row for those who look back, and a log line and a count for those who
//! watch.

use std::net::IpAddr;

use crate::app::App;
use crate::domain::audit::{Event, Whose};
use crate::live::limiter;

/// Notes an event that has no transaction of its own. Never fails: what was told of stands, and the line is written
/// even when the row can't be.
pub async fn note(app: &App, event: Event) {
    log(app, &event);
    if let Err(error) = app.db.add_security_event(&event).await {
        tracing::error!(event = event.kind.as_str(), error = %error, "A security event could not be stored.");
    }
}

/// Tells of an event whose row was written with its cause.
pub fn log(app: &App, event: &Event) {
    app.metrics.security_event(event.kind.as_str());
    let user = match &event.whose {
        Whose::User(id) => Some(tracing::field::display(id)),
        Whose::Nobody | Whose::Number(_) => None,
    };
    let session = event.session_id.map(tracing::field::display);
    let (kind, address, detail) = (event.kind.as_str(), event.address.as_deref(), event.detail);
    if event.kind.is_suspicious() {
        tracing::warn!(target: "security", event = kind, user, session, address, detail, "A security event.");
    } else {
        tracing::info!(target: "security", event = kind, user, session, address, detail, "A security event.");
    }
}

/// The keyed name under which a client's network is noted and counted.
#[must_use]
pub fn address_name(app: &App, address: IpAddr) -> String {
    app.keys.address_name(&limiter::network(address).to_string())
}
