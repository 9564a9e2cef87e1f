//! The lists, filtered and page by page.

use serde_json::{Value, json};

use super::calls::Answer;
use super::form::Form;
use super::reply::Reply;
use super::shapes::{number, text};
use super::world::World;

impl World {
    pub(super) fn list_subscriptions(&self, form: &Form) -> Answer {
        form.only(&[
            "collection_method",
            "created",
            "customer",
            "ending_before",
            "limit",
            "price",
            "starting_after",
            "status",
        ])?;
        if let Some(customer) = form.get("customer") {
            self.known_customer(customer)?;
        }
        let is_wanted = |object: &Value| {
            let status = text(object, "status");
            let of_status =
                form.get("status").map_or(status != "canceled", |wanted| wanted == "all" || wanted == status);
            of_status && form.get("customer").is_none_or(|customer| text(object, "customer") == customer)
        };
        let all = self.subscriptions.iter().map(|one| &one.object).filter(|object| is_wanted(object));
        page("/v1/subscriptions", all.rev(), form)
    }

    pub(super) fn list_prices(&self, form: &Form) -> Answer {
        form.only(&[
            "active",
            "created",
            "currency",
            "ending_before",
            "limit",
            "lookup_keys",
            "product",
            "recurring",
            "starting_after",
            "type",
        ])?;
        let keys = form.list("lookup_keys");
        let is_wanted = |price: &&Value| keys.is_empty() || keys.contains(&text(price, "lookup_key"));
        page("/v1/prices", self.prices.iter().filter(is_wanted), form)
    }

    pub(super) fn list_events(&self, form: &Form) -> Answer {
        form.only(&["created", "delivery_success", "ending_before", "limit", "starting_after", "type", "types"])?;
        let (since, types) = (form.number("created[gte]")?.unwrap_or(0), form.list("types"));
        let all = self.events.iter().filter(|event| {
            let kind = text(&event.body, "type");
            let of_type = types.is_empty() || types.contains(&kind);
            let of_success = form.get("delivery_success").is_none_or(|wanted| (wanted == "true") == event.is_delivered);
            of_type && of_success && number(&event.body, "created").is_some_and(|created| created >= since)
        });
        page("/v1/events", all.map(|event| &event.body).rev(), form)
    }
}

/// A page of a list, newest first.
fn page<'a>(url: &str, all: impl Iterator<Item = &'a Value>, form: &Form) -> Answer {
    let limit = form.number("limit")?.unwrap_or(10);
    let limit = usize::try_from(limit).ok().filter(|limit| (1..=100).contains(limit));
    let limit = limit.ok_or_else(|| Reply::invalid("", "limit", "This value must be between 1 and 100."))?;
    let all: Vec<_> = all.collect();
    let after = |last: &str| all.iter().position(|object| text(object, "id") == last).map_or(all.len(), |at| at + 1);
    let start = form.get("starting_after").map_or(0, after);
    let data: Vec<_> = all.iter().skip(start).take(limit).collect();
    Ok(json!({"object": "list", "data": data, "has_more": start + data.len() < all.len(), "url": url}))
}
