//! What can go wrong on the way: letters that come twice, late, in another order, or never; and some that are no letters
//! of ours at all.

use std::time::Duration;

use rand::seq::SliceRandom as _;
use serde_json::{Value, json};

use super::FakeStripe;
use super::post::Letter;
use super::shapes::{set, text};
use crate::domain::time::Timestamp;

/// How a letter's signature is wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Forgery {
    /// Not at all.
    #[default]
    None,
    /// Signed with a secret that is not ours.
    WrongSecret,
    /// Signed ten minutes ago.
    Old,
    /// Signed ten minutes ahead.
    Future,
}

impl FakeStripe {
    /// The events whose letters are in the post, in the order they will go out.
    #[must_use]
    pub fn in_post(&self) -> Vec<String> {
        self.world().letters.iter().map(|letter| letter.event_id.clone()).collect()
    }

    /// Brings the post into another order.
    pub fn shuffle_post(&self, dice: &mut impl rand::Rng) {
        self.world().letters.make_contiguous().shuffle(dice);
    }

    /// Lets two letters change places.
    pub fn swap_in_post(&self, one: usize, other: usize) {
        let mut world = self.world();
        if one.max(other) < world.letters.len() {
            world.letters.swap(one, other);
        }
    }

    /// Lets a letter come twice.
    pub fn duplicate_in_post(&self, index: usize) {
        let mut world = self.world();
        if let Some(letter) = world.letters.get(index).cloned() {
            world.letters.push_back(letter);
        }
    }

    /// Holds a letter back.
    pub fn delay_in_post(&self, index: usize, span: Duration) {
        let span = i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
        if let Some(letter) = self.world().letters.get_mut(index) {
            letter.due = letter.due.saturating_add(span);
        }
    }

    /// Loses a letter.
    pub fn drop_from_post(&self, index: usize) {
        self.world().letters.remove(index);
    }

    /// Loses every letter.
    pub fn empty_post(&self) {
        self.world().letters.clear();
    }

    /// Tells of the same change once more, under another event id.
    pub fn tell_twice(&self, index: usize) {
        self.act(|world| {
            let event_id = world.letters.get(index).map(|letter| letter.event_id.clone()).unwrap_or_default();
            let Some(event) = world.events.iter().find(|event| text(&event.body, "id") == event_id) else { return };
            let mut again = event.body.clone();
            set(&mut again, "id", world.id("evt_"));
            world.publish(again);
        });
    }

    /// Sends a letter with a wrong signature; whoever takes it is cheated.
    pub fn forge(&self, event: &Value, forgery: Forgery) {
        self.act(|world| {
            let due = world.now();
            world.letters.push_back(Letter { forgery, ..Letter::new(event, due) });
        });
    }

    /// Sends any event, rightly signed.
    pub fn send(&self, event: Value) {
        self.act(|world| world.publish(event));
    }

    /// Sends an event of a type that nobody has heard of.
    pub fn send_unknown(&self) {
        self.act(|world| {
            let object = json!({"id": "issfr_1", "object": "radar.early_fraud_warning", "charge": "ch_1"});
            let now = world.now();
            world.emit("radar.early_fraud_warning.created", &object, None, now);
        });
    }

    /// Sends a thin notification, which names an object and holds nothing of it.
    pub fn send_thin(&self, subscription_id: &str) {
        self.act(|world| {
            let created = Timestamp::from_millis(world.now().saturating_mul(1_000));
            let body = json!({
                "id": world.id("evt_test_"), "object": "v2.core.event", "type": "v1.customer.subscription.updated",
                "livemode": false, "created": created, "context": null, "reason": null,
                "related_object": {"id": subscription_id, "type": "subscription",
                    "url": format!("/v1/subscriptions/{subscription_id}")},
            });
            let due = world.now();
            world.letters.push_back(Letter::new(&body, due));
        });
    }
}
