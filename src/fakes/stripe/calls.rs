//! The calls, each as strict with its parameters as the original.

use axum::http::Method;
use reqwest::Url;
use serde_json::{Value, json};

use super::form::{Form, missing};
use super::reply::Reply;
use super::shapes::{Shape, set, text};
use super::world::World;

pub(super) type Answer = Result<Value, Reply>;

const SESSION: &[&str] = &[
    "allow_promotion_codes",
    "allowed_payment_method_types",
    "automatic_tax",
    "billing_address_collection",
    "cancel_url",
    "client_reference_id",
    "currency",
    "customer",
    "customer_email",
    "customer_update",
    "expires_at",
    "line_items",
    "locale",
    "metadata",
    "mode",
    "payment_method_collection",
    "subscription_data",
    "success_url",
    "ui_mode",
];
const PORTAL: &[&str] = &["after_expiration", "configuration", "customer", "flow_data", "locale", "return_url"];
const UPDATE: &[&str] = &[
    "cancel_at",
    "cancel_at_period_end",
    "cancellation_details",
    "default_payment_method",
    "description",
    "items",
    "metadata",
    "pause_collection",
    "payment_behavior",
    "proration_behavior",
    "trial_end",
];

impl World {
    /// Makes a call, or says why not.
    pub(super) fn call(&mut self, method: &Method, path: &[&str], form: &Form) -> Answer {
        match (method.as_str(), path) {
            ("POST", ["customers"]) => self.create_customer(form),
            ("GET", ["customers", id]) => self.customers.get(*id).cloned().ok_or_else(|| lost("customer", id)),
            ("DELETE", ["customers", id]) => self.delete_customer(id),
            ("POST", ["checkout", "sessions"]) => self.create_session(form),
            ("GET", ["checkout", "sessions", id]) => self.find_session(id).map(|index| self.sessions[index].clone()),
            ("POST", ["checkout", "sessions", id, "expire"]) => self.expire_open(id),
            ("POST", ["billing_portal", "sessions"]) => self.create_portal(form),
            ("GET", ["subscriptions"]) => self.list_subscriptions(form),
            ("GET", ["subscriptions", id]) => {
                self.find_subscription(id).map(|index| self.subscriptions[index].object.clone())
            }
            ("POST", ["subscriptions", id]) => self.update_subscription(id, form),
            ("DELETE", ["subscriptions", id]) => self.cancel_subscription(id, form),
            ("GET", ["prices"]) => self.list_prices(form),
            ("GET", ["prices", id]) => self.price(id).cloned().ok_or_else(|| lost("price", id)),
            ("GET", ["charges", id]) => find(&self.charges, id).ok_or_else(|| lost("charge", id)),
            ("GET", ["events"]) => self.list_events(form),
            ("POST", ["webhook_endpoints"]) => self.create_endpoint(form),
            _ => Err(unknown_url(method, path)),
        }
    }

    fn create_customer(&mut self, form: &Form) -> Answer {
        form.only(&["description", "email", "metadata", "name", "phone", "preferred_locales"])?;
        let members = json!({
            "description": form.get("description"), "email": form.get("email"), "name": form.get("name"),
            "phone": form.get("phone"), "metadata": form.map("metadata"),
        });
        let customer = self.make(Shape::Customer, members);
        self.customers.insert(text(&customer, "id").to_owned(), customer.clone());
        Ok(customer)
    }

    pub(super) fn delete_customer(&mut self, id: &str) -> Answer {
        let customer = self.customer(id).cloned().ok_or_else(|| lost("customer", id))?;
        let now = self.now();
        for index in 0..self.subscriptions.len() {
            if text(&self.subscriptions[index].object, "customer") == id {
                self.end(index, now);
            }
        }
        let deleted = json!({"id": id, "object": "customer", "deleted": true});
        self.customers.insert(id.to_owned(), deleted.clone());
        self.emit("customer.deleted", &customer, None, now);
        Ok(deleted)
    }

    fn create_session(&mut self, form: &Form) -> Answer {
        form.only(SESSION)?;
        let mode = form.required("mode")?;
        let price = form.get("line_items[0][price]").ok_or_else(|| missing("line_items"))?;
        let success_url = address(form, "success_url")?.ok_or_else(|| missing("success_url"))?;
        let cancel_url = address(form, "cancel_url")?;
        if self.price(price).is_none() {
            return Err(Reply::no_such(400, "price", "line_items[0][price]", price));
        }
        let customer = form.required("customer")?;
        self.known_customer(customer)?;
        let reference = reference(form)?;
        let (now, expires_at) = (self.now(), self.expiry(form)?);
        let id = self.id(Shape::Session.prefix());
        let url = format!("{}/c/pay/{id}", self.settings.pages_url);
        let session = Shape::Session.with(&id, json!({
            "mode": mode, "customer": customer, "client_reference_id": reference, "metadata": form.map("metadata"),
            "success_url": success_url, "cancel_url": cancel_url, "created": now, "expires_at": expires_at, "url": url,
        }));
        self.wanted.insert(id, (price.to_owned(), form.map("subscription_data[metadata]")));
        self.sessions.push(session.clone());
        Ok(session)
    }

    fn expiry(&self, form: &Form) -> Result<i64, Reply> {
        let now = self.now();
        let asked = form.number("expires_at")?.unwrap_or(now + 24 * 3_600);
        let is_near = asked < now + 30 * 60 - 5;
        if is_near || asked > now + 24 * 3_600 + 5 {
            let message = "The `expires_at` timestamp must be between 30 minutes and 24 hours from now.";
            return Err(Reply::invalid("", "expires_at", message));
        }
        Ok(asked)
    }

    fn find_session(&self, id: &str) -> Result<usize, Reply> {
        self.session(id).ok_or_else(|| lost("checkout.session", id))
    }

    fn expire_open(&mut self, id: &str) -> Answer {
        let index = self.find_session(id)?;
        if text(&self.sessions[index], "status") != "open" {
            let message = "Only Checkout Sessions with a status in [\"open\"] can be expired.";
            return Err(Reply::invalid("", "", message));
        }
        self.expire_session(index, self.now());
        Ok(self.sessions[index].clone())
    }

    fn create_portal(&mut self, form: &Form) -> Answer {
        form.only(PORTAL)?;
        let customer = form.required("customer")?;
        self.known_customer(customer)?;
        let return_url = address(form, "return_url")?;
        let id = self.id(Shape::Portal.prefix());
        let url = format!("{}/p/session/{id}", self.settings.pages_url);
        let created = self.now();
        let portal = Shape::Portal.with(
            &id,
            json!({
                "customer": customer, "return_url": return_url, "url": url, "created": created,
            }),
        );
        self.portals.push(portal.clone());
        Ok(portal)
    }

    pub(super) fn known_customer(&self, id: &str) -> Result<(), Reply> {
        self.customer(id).map(|_| ()).ok_or_else(|| Reply::no_such(400, "customer", "customer", id))
    }

    fn find_subscription(&self, id: &str) -> Result<usize, Reply> {
        self.subscription(id).ok_or_else(|| lost("subscription", id))
    }

    fn update_subscription(&mut self, id: &str, form: &Form) -> Answer {
        form.only(UPDATE)?;
        let index = self.find_subscription(id)?;
        if self.subscriptions[index].is_over() {
            let message = "A canceled subscription can only update its cancellation_details and metadata.";
            return Err(Reply::invalid("", "", message));
        }
        let (at_period_end, cancel_at) = (form.get("cancel_at_period_end"), form.raw("cancel_at"));
        if at_period_end.is_some() && cancel_at.is_some() {
            let message = "You may only specify one of these parameters: cancel_at, cancel_at_period_end.";
            return Err(Reply::invalid("", "", message));
        }
        let (now, moment) = (self.now(), form.number("cancel_at")?);
        self.change(index, now, |one| match (at_period_end, cancel_at) {
            (Some("true"), _) => one.plan_end(one.period_end(), true, now),
            (Some(_), _) if one.object["cancel_at_period_end"] == true => one.plan_end(None, false, now),
            (_, Some(_)) => one.plan_end(moment, false, now),
            _ => {}
        });
        Ok(self.subscriptions[index].object.clone())
    }

    fn cancel_subscription(&mut self, id: &str, form: &Form) -> Answer {
        form.only(&["cancellation_details", "invoice_now", "prorate"])?;
        let index = self.find_subscription(id)?;
        if self.subscriptions[index].is_over() {
            return Err(lost("subscription", id));
        }
        set(&mut self.subscriptions[index].object, "cancellation_details.reason", "cancellation_requested");
        self.end(index, self.now());
        Ok(self.subscriptions[index].object.clone())
    }

    fn create_endpoint(&mut self, form: &Form) -> Answer {
        form.only(&["api_version", "description", "enabled_events", "metadata", "url"])?;
        let url = address(form, "url")?.ok_or_else(|| missing("url"))?.to_owned();
        let enabled = form.list("enabled_events");
        if enabled.is_empty() {
            return Err(missing("enabled_events"));
        }
        let endpoint = json!({"url": url, "enabled_events": enabled, "secret": self.settings.webhook_secret.as_str()});
        self.settings.webhook_url = Some(url);
        Ok(self.make(Shape::Endpoint, endpoint))
    }
}

fn find(all: &[Value], id: &str) -> Option<Value> {
    all.iter().find(|object| text(object, "id") == id).cloned()
}

fn lost(what: &str, id: &str) -> Reply {
    Reply::no_such(404, what, "id", id)
}

fn address<'a>(form: &'a Form, name: &str) -> Result<Option<&'a str>, Reply> {
    let Some(text) = form.get(name) else { return Ok(None) };
    let is_page = Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    if is_page { Ok(Some(text)) } else { Err(Reply::invalid("url_invalid", name, "Not a valid URL")) }
}

fn reference(form: &Form) -> Result<Option<&str>, Reply> {
    let Some(text) = form.get("client_reference_id") else { return Ok(None) };
    let is_name = text.len() <= 200 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if is_name { Ok(Some(text)) } else { Err(Reply::invalid("", "client_reference_id", "Invalid client_reference_id")) }
}

fn unknown_url(method: &Method, path: &[&str]) -> Reply {
    let message = format!("Unrecognized request URL ({method}: /v1/{}).", path.join("/"));
    Reply::error(404, "invalid_request_error", "", "", &message)
}
