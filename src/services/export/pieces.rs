//! The parts of an export: what a user is told of what is known of him, in words that stay.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::ids::{EventId, SessionId, UserId};
use crate::domain::plan::Tier;
use crate::domain::subscription::SubscriptionView;
use crate::domain::time::Timestamp;
use crate::domain::user::{SignedInBy, User};
use crate::storage::{PastEvent, PastSession};

/// The account.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExportedAccount {
    /// Its id.
    #[schema(example = "0193d1f6-6c1e-7c52-9a0e-1f0c7f0f4a11")]
    pub id: UserId,
    /// Its number, in E.164 form.
    #[schema(example = "+15005550006")]
    pub mobile: String,
    /// What its owner is called.
    #[schema(example = "Asha")]
    pub name: Option<String>,
    /// The language of texts to the phone.
    #[schema(example = "pt-BR")]
    pub locale: Option<String>,
    /// The plan.
    pub subscription_tier: Tier,
    /// Whether a password is set; the password itself is known to nobody.
    #[schema(example = false)]
    pub has_password: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What the payment provider knows the user by, and what was read there last.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExportedBilling {
    /// The customer.
    #[schema(example = "cus_a1")]
    pub customer_id: String,
    /// All subscriptions, those that are over included.
    pub subscriptions: Vec<ExportedSubscription>,
}

/// A subscription, as it was read from the payment provider.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExportedSubscription {
    /// The provider's name for it.
    #[schema(example = "sub_a1")]
    pub id: String,
    /// Where it stands.
    #[schema(example = "active")]
    pub status: String,
    /// The price.
    #[schema(example = "price_pro")]
    pub price_id: String,
    /// When the period began.
    pub current_period_start: Option<Timestamp>,
    /// When the period ends.
    pub current_period_end: Option<Timestamp>,
    /// When it ends for good, where that was asked for.
    pub ends_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A session, live or over.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExportedSession {
    /// Its id.
    #[schema(example = "0193d1f6-6c1e-7c52-9a0e-1f0c7f0f4a11")]
    pub id: SessionId,
    /// What it was begun by.
    pub proof: SignedInBy,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it was begun or last refreshed.
    pub last_seen_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// When it was ended, if it was.
    pub ended_at: Option<Timestamp>,
}

/// Something that happened to the safety of the account.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExportedEvent {
    /// What happened.
    #[schema(example = "signed_in_by_code")]
    pub kind: String,
    /// In which session.
    #[schema(example = "0193d1f6-6c1e-7c52-9a0e-1f0c7f0f4a11")]
    pub session_id: Option<SessionId>,
    /// What else there is to know.
    #[schema(example = json!(null))]
    pub detail: Option<String>,
    /// When.
    pub at: Timestamp,
    #[serde(skip)]
    #[schema(ignore)]
    pub(super) id: EventId,
}

impl ExportedAccount {
    pub(super) fn new(user: &User, locale: Option<String>) -> Self {
        Self {
            id: user.id,
            mobile: user.phone.as_str().to_owned(),
            name: user.name.clone(),
            locale,
            subscription_tier: user.tier,
            has_password: user.has_password,
            created_at: user.created_at,
        }
    }
}

impl From<SubscriptionView> for ExportedSubscription {
    fn from(view: SubscriptionView) -> Self {
        Self {
            ends_at: view.will_end_at(),
            status: view.status.as_str().to_owned(),
            current_period_start: view.current_period_start,
            current_period_end: view.current_period_end,
            ended_at: view.ended_at,
            created_at: view.created,
            id: view.id,
            price_id: view.price_id,
        }
    }
}

impl From<PastSession> for ExportedSession {
    fn from(session: PastSession) -> Self {
        Self {
            id: session.id,
            proof: session.by,
            created_at: session.created_at,
            last_seen_at: session.seen_at,
            expires_at: session.expires_at,
            ended_at: session.ended_at,
        }
    }
}

impl From<PastEvent> for ExportedEvent {
    fn from(event: PastEvent) -> Self {
        Self { kind: event.kind, session_id: event.session_id, detail: event.detail, at: event.at, id: event.id }
    }
}
