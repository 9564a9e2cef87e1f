//! What a subscription entitles to. Stripe's state is read and mirrored; these rules turn it into a plan, and nothing
//! else does.

use std::time::Duration;

use super::plan::Tier;
use super::time::Timestamp;

/// A subscription as it was read: the members the rules below need, and no others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionView {
    /// Stripe's name for it.
    pub id: String,
    /// Where it stands.
    pub status: Status,
    /// The price of its first item; empty where it has none.
    pub price_id: String,
    /// When the current period began.
    pub current_period_start: Option<Timestamp>,
    /// When the current period ends, the latest of all its items.
    pub current_period_end: Option<Timestamp>,
    /// True when it ends with the current period.
    pub cancel_at_period_end: bool,
    /// When it is to end; in flexible billing the portal sets this alone.
    pub cancel_at: Option<Timestamp>,
    /// When its end was asked for.
    pub canceled_at: Option<Timestamp>,
    /// When it ended for good.
    pub ended_at: Option<Timestamp>,
    /// When its trial ends or ended.
    pub trial_end: Option<Timestamp>,
    /// True while invoices are made but not collected.
    pub pause_collection: bool,
    /// False for an object of the test mode, which is bought with play money.
    pub livemode: bool,
    /// When it was made.
    pub created: Timestamp,
    /// The user it was bought for, as we wrote it down at the checkout; text, because it comes from outside.
    pub user_id: Option<String>,
}

/// Where a subscription stands. The set is open: what is not known keeps its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// A trial runs.
    Trialing,
    /// Paid, or its invoice is not due yet.
    Active,
    /// The last invoice was not paid; Stripe tries again.
    PastDue,
    /// The first payment has not come yet.
    Incomplete,
    /// The first payment never came; final.
    IncompleteExpired,
    /// All tries failed, yet it goes on.
    Unpaid,
    /// No billing.
    Paused,
    /// Ended; final.
    Canceled,
    /// A status from after our time.
    Unknown(String),
}

impl Status {
    /// Reads the name on the wire.
    #[must_use]
    pub fn parse(name: &str) -> Self {
        match name {
            "trialing" => Self::Trialing,
            "active" => Self::Active,
            "past_due" => Self::PastDue,
            "incomplete" => Self::Incomplete,
            "incomplete_expired" => Self::IncompleteExpired,
            "unpaid" => Self::Unpaid,
            "paused" => Self::Paused,
            "canceled" => Self::Canceled,
            other => Self::Unknown(other.to_owned()),
        }
    }

    /// The name on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Trialing => "trialing",
            Self::Active => "active",
            Self::PastDue => "past_due",
            Self::Incomplete => "incomplete",
            Self::IncompleteExpired => "incomplete_expired",
            Self::Unpaid => "unpaid",
            Self::Paused => "paused",
            Self::Canceled => "canceled",
            Self::Unknown(name) => name,
        }
    }

    /// True when nothing can bring it back.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Canceled | Self::IncompleteExpired)
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Active => 3,
            Self::Trialing => 2,
            Self::PastDue => 1,
            _ => 0,
        }
    }
}

/// What is for sale, from the configuration alone.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// The price that stands for Pro; no other counts.
    pub price_id: &'a str,
    /// True when real money moves; then nothing of the test mode counts, and the other way round.
    pub livemode: bool,
    /// How long an unpaid period stays Pro; nothing is: until Stripe gives up.
    pub grace: Option<Duration>,
}

/// What a customer has, all subscriptions together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entitlement {
    /// The plan.
    pub tier: Tier,
    /// The best of the subscriptions that count, for showing.
    pub shown: Option<Shown>,
    /// What somebody should know.
    pub notices: Vec<Notice>,
}

/// A subscription as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Which one it is.
    pub subscription_id: String,
    /// Where it stands.
    pub status: Status,
    /// When the period that is running ends.
    pub current_period_end: Option<Timestamp>,
    /// When it ends for good, where that was asked for and has not happened.
    pub will_end_at: Option<Timestamp>,
}

/// Something about a customer's subscriptions that a person should know: the owner or the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// For the owner: a payment failed and will be tried again.
    PaymentDue(String),
    /// For the owner: a payment failed and the grace is over.
    GraceOver(String),
    /// For the operator: invoices are made but not collected.
    CollectionPaused(String),
    /// For the operator: this many subscriptions are being paid at once.
    SeveralAtOnce(usize),
    /// For the operator, an alarm: a status nobody knows; the former plan was kept.
    UnknownStatus(String),
    /// For the operator, a security event: something else was bought, which gives no plan.
    ForeignPrice(String),
    /// For the operator, a security event: play money among real money, or the other way round.
    WrongMode(String),
}

impl SubscriptionView {
    /// When it ends for good, where that was asked for: the earlier of the moment that was named and the period's end.
    #[must_use]
    pub fn will_end_at(&self) -> Option<Timestamp> {
        let is_announced = self.cancel_at_period_end || self.cancel_at.is_some();
        if !is_announced || self.status.is_final() {
            return None;
        }
        self.cancel_at.into_iter().chain(self.current_period_end).min()
    }

    /// True, false, or nothing where the status is unknown. An end that was announced comes without further news.
    fn entitles(&self, offer: &Offer<'_>, now: Timestamp) -> Option<bool> {
        let is_over = self.will_end_at().is_some_and(|end| end <= now);
        match self.status {
            Status::Unknown(_) => None,
            Status::Active | Status::Trialing => Some(!is_over),
            Status::PastDue => Some(!is_over && self.is_in_grace(offer, now)),
            _ => Some(false),
        }
    }

    /// The grace runs from the beginning of the period that was not paid.
    fn is_in_grace(&self, offer: &Offer<'_>, now: Timestamp) -> bool {
        let Some(grace) = offer.grace else { return true };
        self.current_period_start.is_some_and(|start| now < start + grace)
    }

    fn show(&self) -> Shown {
        Shown {
            subscription_id: self.id.clone(),
            status: self.status.clone(),
            current_period_end: self.current_period_end,
            will_end_at: self.will_end_at(),
        }
    }
}

/// Turns all subscriptions of one customer into a plan; `former` is the plan until now, kept where a status is unknown.
#[must_use]
pub fn entitlement(all: &[SubscriptionView], offer: &Offer<'_>, now: Timestamp, former: Tier) -> Entitlement {
    let mut notices = Vec::new();
    let ours: Vec<_> = all.iter().filter(|view| counts(view, offer, &mut notices)).collect();
    let answers: Vec<_> = ours.iter().map(|view| view.entitles(offer, now)).collect();
    for view in &ours {
        notices.extend(notices_of(view, offer, now));
    }
    let paid = answers.iter().filter(|answer| **answer == Some(true)).count();
    if paid > 1 {
        notices.push(Notice::SeveralAtOnce(paid));
    }
    let tier = match paid {
        0 if answers.contains(&None) => former,
        0 => Tier::Basic,
        _ => Tier::Pro,
    };
    let best = ours.iter().max_by_key(|view| (view.status.rank(), view.created));
    Entitlement { tier, shown: best.map(|view| view.show()), notices }
}

/// The next moment at which time alone may change what [`entitlement`] says: a set end, or the end of a grace.
#[must_use]
pub fn next_change(all: &[SubscriptionView], offer: &Offer<'_>, now: Timestamp) -> Option<Timestamp> {
    let grace_end = |view: &SubscriptionView| {
        let is_due = view.status == Status::PastDue;
        Some(view.current_period_start? + offer.grace?).filter(|_| is_due)
    };
    let moments = all.iter().flat_map(|view| [view.will_end_at(), grace_end(view)]);
    moments.flatten().filter(|moment| *moment > now).min()
}

fn counts(view: &SubscriptionView, offer: &Offer<'_>, notices: &mut Vec<Notice>) -> bool {
    if view.livemode != offer.livemode {
        notices.push(Notice::WrongMode(view.id.clone()));
        return false;
    }
    if view.price_id != offer.price_id {
        notices.push(Notice::ForeignPrice(view.id.clone()));
        return false;
    }
    true
}

fn notices_of(view: &SubscriptionView, offer: &Offer<'_>, now: Timestamp) -> Vec<Notice> {
    let of_status = match &view.status {
        Status::PastDue if view.is_in_grace(offer, now) => Some(Notice::PaymentDue(view.id.clone())),
        Status::PastDue => Some(Notice::GraceOver(view.id.clone())),
        Status::Unknown(name) => Some(Notice::UnknownStatus(name.clone())),
        _ => None,
    };
    let is_held = view.pause_collection && !view.status.is_final();
    let of_collection = is_held.then(|| Notice::CollectionPaused(view.id.clone()));
    of_status.into_iter().chain(of_collection).collect()
}
