//! Taking payments, as the rest of the house sees it: a customer, a checkout, a portal, and the state to mirror.

use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::domain::ids::UserId;
use crate::domain::subscription::SubscriptionView;
use crate::domain::time::Timestamp;

/// What a call to the provider comes to.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, PaymentError>>;

/// Somebody who takes money and keeps subscriptions: Stripe, or its stand-in.
pub trait Payments: Send + Sync {
    /// Makes the customer of a user and returns its id; asked again within a day it returns the same one.
    fn make_customer<'a>(&'a self, wanted: &'a NewCustomer) -> Answer<'a, String>;

    /// Opens a page on which a customer can subscribe; the same `attempt` opens the same page.
    fn open_checkout<'a>(&'a self, wanted: &'a NewCheckout) -> Answer<'a, Checkout>;

    /// Looks at a checkout.
    fn checkout<'a>(&'a self, id: &'a str) -> Answer<'a, Checkout>;

    /// Closes a checkout that is open, so that it can't be paid any more.
    fn expire_checkout<'a>(&'a self, id: &'a str) -> Answer<'a, Checkout>;

    /// Opens a page on which a customer manages a subscription; its address lives briefly, so ask at every click.
    fn open_portal<'a>(&'a self, customer_id: &'a str, return_url: &'a str) -> Answer<'a, String>;

    /// Reads all subscriptions of a customer, ended ones too; none where the customer was deleted.
    fn subscriptions<'a>(&'a self, customer_id: &'a str) -> Answer<'a, Vec<SubscriptionView>>;

    /// Ends a subscription, now or later, or takes such an end back; returns how it stands then.
    fn set_end<'a>(&'a self, subscription_id: &'a str, end: End) -> Answer<'a, SubscriptionView>;

    /// Reads a price, for a word in the log at start.
    fn price<'a>(&'a self, price_id: &'a str) -> Answer<'a, Price>;

    /// Tells whose charge it is: a dispute names nothing else.
    fn customer_of_charge<'a>(&'a self, charge_id: &'a str) -> Answer<'a, Option<String>>;

    /// Lists events since a moment, newest first, kept for thirty days: how lost ones are found.
    fn events<'a>(&'a self, query: &'a EventQuery) -> Answer<'a, Vec<Event>>;
}

/// The customer that is wanted for a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCustomer {
    /// Whose it is; also what makes asking twice harmless.
    pub user_id: UserId,
    /// The number the user signs in with.
    pub phone: String,
    /// What the user is called.
    pub name: Option<String>,
    /// The customer of that user that the provider does not know any more.
    pub instead_of: Option<String>,
}

/// The checkout that is wanted. Price and addresses come from the configuration alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCheckout {
    /// Whose subscription it will be.
    pub user_id: UserId,
    /// The customer of that user.
    pub customer_id: String,
    /// What is bought.
    pub price_id: String,
    /// Where a paid checkout returns to; `{CHECKOUT_SESSION_ID}` in it is filled in by the provider.
    pub success_url: String,
    /// Where an abandoned checkout returns to.
    pub cancel_url: String,
    /// When the page closes by itself, 30 minutes to 24 hours ahead; nothing is 24 hours.
    pub expires_at: Option<Timestamp>,
    /// The idempotency key of this attempt.
    pub attempt: String,
}

/// A checkout as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkout {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub status: CheckoutStatus,
    /// False while a payment is on its way, as with a bank transfer.
    pub is_paid: bool,
    /// The page, only while open.
    pub url: Option<String>,
    /// When it closes by itself.
    pub expires_at: Timestamp,
    /// The customer it was opened for.
    pub customer_id: Option<String>,
    /// The subscription that came of it.
    pub subscription_id: Option<String>,
    /// The user it was opened for.
    pub user_id: Option<UserId>,
}

/// Where a checkout stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckoutStatus {
    /// Waits for the customer.
    Open,
    /// The customer finished it.
    Complete,
    /// Nobody can finish it any more.
    Expired,
    /// A status from after our time.
    Unknown(String),
}

/// When a subscription is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With the period that is paid.
    AtPeriodEnd,
    /// At once, without money back.
    Now,
    /// Not at all: takes back an end that was set and has not come.
    Never,
}

/// A price as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// Its id.
    pub id: String,
    /// False when nobody can buy at it.
    pub is_active: bool,
    /// True when it is paid again every period.
    pub is_recurring: bool,
    /// The currency, in three small letters.
    pub currency: String,
    /// The amount, in the smallest unit of the currency.
    pub unit_amount: Option<i64>,
    /// False for a price of the test mode.
    pub livemode: bool,
}

/// Which events to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventQuery {
    /// No older than this.
    pub since: Timestamp,
    /// Only those that reached nobody.
    pub only_undelivered: bool,
}

/// What an event says: that something changed, and whose it is. What changed is read from the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its id; the same one may come several times.
    pub id: String,
    /// Its type, as it came.
    pub event_type: String,
    /// When it was made, in whole seconds.
    pub created: Timestamp,
    /// False in the test mode.
    pub livemode: bool,
    /// What to do about it.
    pub kind: EventKind,
    /// What it is about.
    pub object_id: Option<String>,
    /// Whose it is.
    pub customer_id: Option<String>,
    /// The charge by which a dispute's customer is found.
    pub charge_id: Option<String>,
    /// The user we wrote down when the customer or the checkout was made.
    pub user_id: Option<UserId>,
    /// Where the customer can confirm a payment.
    pub action_url: Option<String>,
}

/// What to do about an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A checkout is finished: bind the customer to the user, then read the state.
    CheckoutCompleted,
    /// A checkout will never be finished: close our record of it.
    CheckoutExpired,
    /// Read the state.
    Sync,
    /// A payment failed: read the state and tell the user.
    PaymentFailed,
    /// The customer must confirm a payment: tell the user where.
    ActionRequired,
    /// A trial is about to end: tell the user.
    TrialEnding,
    /// Money went back: read the state and write it down for the operator.
    Refunded,
    /// A payment is contested: read the state, write it down and alarm the operator.
    Disputed,
    /// Nothing to do, but remember the id.
    Ignored,
}

impl EventKind {
    /// True when the customer's subscriptions are to be read anew.
    #[must_use]
    pub const fn syncs(self) -> bool {
        use EventKind::{CheckoutCompleted, Disputed, PaymentFailed, Refunded, Sync};
        matches!(self, CheckoutCompleted | Sync | PaymentFailed | Refunded | Disputed)
    }

    /// True when the user should hear of it.
    #[must_use]
    pub const fn is_for_user(self) -> bool {
        matches!(self, Self::PaymentFailed | Self::ActionRequired | Self::TrialEnding)
    }

    /// True when the operator should find it written down.
    #[must_use]
    pub const fn is_for_operator(self) -> bool {
        matches!(self, Self::Refunded | Self::Disputed)
    }
}

/// Why a call came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault}: {note}")]
pub struct PaymentError {
    /// The kind of failure, which decides what happens next.
    pub fault: PaymentFault,
    /// When the provider asked us to come back, where it did.
    pub retry_after: Option<Duration>,
    /// For the log: status, code and request id, never the text of the outside's answer.
    pub note: String,
}

/// The kinds of failure that we treat differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PaymentFault {
    /// Refused as wrong or impossible: trying again changes nothing.
    #[error("the payment provider refused the request")]
    Refused,
    /// What the call was about is not there.
    #[error("the payment provider knows no such thing")]
    NotFound,
    /// Network trouble, too many calls, a fault of theirs: the same call may succeed later.
    #[error("the payment provider was away")]
    Away,
    /// Key, permission or price is wrong: nothing works until the operator acts.
    #[error("the payment provider refuses our key, account or price")]
    Misconfigured,
}

impl PaymentError {
    /// True when the same call may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.fault == PaymentFault::Away
    }
}
