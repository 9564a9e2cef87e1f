//! The rules of entitlement, over every recorded subscription and over what no record shows.

use std::time::Duration;

use pollux::domain::plan::Tier::{self, Basic, Pro};
use pollux::domain::subscription::{Entitlement, Notice, Offer, Status, SubscriptionView, entitlement};
use pollux::providers::payments_stripe::read_subscription;

use super::{DAY, START, USER, at, read};

const PRICE: &str = "price_1TExampleProMonthly01";
const END: i64 = 1_797_847_200;
const OFFER: Offer<'_> = Offer { price_id: PRICE, livemode: false, grace: None };

fn view(status: &str) -> SubscriptionView {
    SubscriptionView {
        id: "sub_1".into(),
        status: Status::parse(status),
        price_id: PRICE.into(),
        current_period_start: Some(at(START)),
        current_period_end: Some(at(END)),
        cancel_at_period_end: false,
        cancel_at: None,
        canceled_at: None,
        ended_at: None,
        trial_end: None,
        pause_collection: false,
        livemode: false,
        created: at(START),
        user_id: None,
    }
}

fn judge(all: &[SubscriptionView], former: Tier) -> Entitlement {
    entitlement(all, &OFFER, at(START + 1), former)
}

/// File, moment, plan, status, end of the period, end for good.
type Row = (&'static str, i64, Tier, &'static str, i64, Option<i64>);

const RECORDED: &[Row] = &[
    ("events/01_customer.subscription.created__incomplete", START, Basic, "incomplete", END, None),
    ("events/03_customer.subscription.updated__incomplete_to_active", START, Pro, "active", END, None),
    ("events/05_customer.subscription.created__active", START, Pro, "active", END, None),
    ("events/10_customer.subscription.updated__renewed", END, Pro, "active", 1_800_439_200, None),
    ("events/13_customer.subscription.updated__past_due", END, Pro, "past_due", 1_800_439_200, None),
    ("events/15_customer.subscription.updated__unpaid", END, Basic, "unpaid", 1_800_439_200, None),
    ("events/16_customer.subscription.updated__cancel_at_period_end_true", START, Pro, "active", END, Some(END)),
    ("events/17_customer.subscription.updated__portal_cancel_flexible", START, Pro, "active", END, Some(END)),
    ("events/17_customer.subscription.updated__portal_cancel_flexible", END, Basic, "active", END, Some(END)),
    ("events/18_customer.subscription.updated__cancellation_undone", START, Pro, "active", END, None),
    ("events/19_customer.subscription.deleted__period_end", END, Basic, "canceled", END, None),
    ("events/20_customer.subscription.deleted__payment_failed", END, Basic, "canceled", 1_800_439_200, None),
    ("events/21_customer.subscription.paused", START, Basic, "paused", END, None),
    ("events/22_customer.subscription.resumed", START, Pro, "active", 1_798_538_400, None),
    ("events/23_customer.subscription.updated__pause_collection", START, Pro, "active", END, None),
    ("events/24_customer.subscription.trial_will_end", START, Pro, "trialing", 1_795_860_000, None),
    ("events/25_customer.subscription.updated__incomplete_expired", START, Basic, "incomplete_expired", END, None),
    ("events/33_customer.subscription.updated__old_api_version", START, Pro, "active", END, None),
    // Another product of the account; that its customer is nobody of ours is seen before these rules are asked.
    ("events/34_foreign__subscription_of_another_product", START, Pro, "active", END, None),
    ("responses/subscription_retrieve__200_active", START, Pro, "active", END, None),
    ("responses/subscription_retrieve__200_active_cancel_scheduled", START, Pro, "active", END, Some(END)),
    ("responses/subscription_retrieve__200_past_due", END, Pro, "past_due", 1_800_439_200, None),
    ("responses/subscription_retrieve__200_canceled", START, Basic, "canceled", END, None),
    ("responses/subscription_update__200_cancel_at_period_end", START, Pro, "active", END, Some(END)),
    ("responses/subscription_cancel_now__200", START, Basic, "canceled", END, None),
];

fn recorded(name: &str) -> SubscriptionView {
    let file = read(&format!("{name}.json"));
    let object = if name.starts_with("events/") { &file["data"]["object"] } else { &file["body"] };
    read_subscription(object).unwrap()
}

#[test]
fn every_recorded_subscription_gives_the_plan_it_should() {
    for &(name, now, tier, status, period_end, will_end) in RECORDED {
        let given = entitlement(&[recorded(name)], &OFFER, at(now), Basic);
        let shown = given.shown.unwrap();
        assert_eq!((given.tier, shown.status.as_str()), (tier, status), "{name}");
        assert_eq!(shown.current_period_end, Some(at(period_end)), "{name}");
        assert_eq!(shown.will_end_at, will_end.map(at), "{name}");
    }
}

#[test]
fn every_member_of_a_subscription_is_read() {
    let mut expected = SubscriptionView {
        id: "sub_1TExampleSub000000000001".into(),
        cancel_at: Some(at(END)),
        canceled_at: Some(at(1_795_341_600)),
        created: at(1_795_255_195),
        user_id: Some(USER.into()),
        ..view("active")
    };
    assert_eq!(recorded("events/17_customer.subscription.updated__portal_cancel_flexible"), expected);
    expected.cancel_at_period_end = true;
    assert_eq!(recorded("events/16_customer.subscription.updated__cancel_at_period_end_true"), expected);
    expected.status = Status::Canceled;
    expected.ended_at = Some(at(END));
    assert_eq!(recorded("events/19_customer.subscription.deleted__period_end"), expected);
    assert!(recorded("events/23_customer.subscription.updated__pause_collection").pause_collection);
    assert_eq!(recorded("events/24_customer.subscription.trial_will_end").trial_end, Some(at(1_795_860_000)));
}

#[test]
fn each_status_gives_what_the_contract_says() {
    for (status, tier) in [
        ("trialing", Pro),
        ("active", Pro),
        ("past_due", Pro),
        ("incomplete", Basic),
        ("incomplete_expired", Basic),
        ("unpaid", Basic),
        ("paused", Basic),
        ("canceled", Basic),
    ] {
        for former in [Basic, Pro] {
            assert_eq!(judge(&[view(status)], former).tier, tier, "{status}");
        }
        assert_eq!(Status::parse(status).as_str(), status);
    }
}

#[test]
fn a_status_nobody_knows_keeps_the_former_plan_and_alarms() {
    for former in [Basic, Pro] {
        let given = judge(&[view("hibernating")], former);
        assert_eq!((given.tier, given.notices), (former, vec![Notice::UnknownStatus("hibernating".into())]));
        let given = judge(&[view("canceled"), view("hibernating")], former);
        assert_eq!(given.tier, former);
        assert_eq!(judge(&[view("active"), view("hibernating")], former).tier, Pro);
    }
}

#[test]
fn nothing_at_all_is_basic() {
    assert_eq!(judge(&[], Pro), Entitlement { tier: Basic, shown: None, notices: vec![] });
}

#[test]
fn a_foreign_price_never_counts() {
    let foreign = SubscriptionView { price_id: "price_other".into(), ..view("active") };
    let nameless = SubscriptionView { price_id: String::new(), ..view("active") };
    for (other, former) in [(foreign, Pro), (nameless, Basic)] {
        let given = judge(&[other], former);
        assert_eq!((given.tier, given.shown), (Basic, None));
        assert_eq!(given.notices, [Notice::ForeignPrice("sub_1".into())]);
    }
}

#[test]
fn play_money_and_real_money_never_mix() {
    for livemode in [true, false] {
        let offer = Offer { livemode, ..OFFER };
        let other = SubscriptionView { livemode: !livemode, ..view("active") };
        let given = entitlement(&[other], &offer, at(START), Pro);
        assert_eq!((given.tier, given.notices), (Basic, vec![Notice::WrongMode("sub_1".into())]));
    }
}

#[test]
fn the_best_of_several_is_shown_then_the_newest() {
    let named = |id: &str, status, created| SubscriptionView { id: id.into(), created: at(created), ..view(status) };
    for (all, expected) in [
        (vec![named("a", "active", 1), named("b", "trialing", 2)], "a"),
        (vec![named("a", "trialing", 1), named("b", "past_due", 2)], "a"),
        (vec![named("a", "canceled", 9), named("b", "past_due", 2)], "b"),
        (vec![named("a", "active", 1), named("b", "active", 2)], "b"),
        (vec![named("a", "canceled", 3), named("b", "unpaid", 2)], "a"),
    ] {
        let reversed: Vec<_> = all.iter().rev().cloned().collect();
        assert_eq!(judge(&all, Basic).shown.unwrap().subscription_id, expected);
        assert_eq!(judge(&reversed, Basic).shown.unwrap().subscription_id, expected);
    }
}

#[test]
fn two_that_are_paid_at_once_are_told_to_the_operator() {
    let given = judge(&[view("active"), view("past_due"), view("canceled")], Basic);
    assert_eq!(given.tier, Pro);
    assert_eq!(given.notices, [Notice::PaymentDue("sub_1".into()), Notice::SeveralAtOnce(2)]);
}

#[test]
fn a_grace_runs_from_the_period_that_was_not_paid() {
    let offer = Offer { grace: Some(3 * DAY), ..OFFER };
    let given = |now| entitlement(&[view("past_due")], &offer, at(now), Pro);
    let days = |days: i64| START + days * 86_400;
    assert_eq!((given(days(3) - 1).tier, given(days(3)).tier), (Pro, Basic));
    assert_eq!(given(days(3) - 1).notices, [Notice::PaymentDue("sub_1".into())]);
    assert_eq!(given(days(3)).notices, [Notice::GraceOver("sub_1".into())]);
    let zero = Offer { grace: Some(Duration::ZERO), ..OFFER };
    assert_eq!(entitlement(&[view("past_due")], &zero, at(START), Pro).tier, Basic);
}

#[test]
fn an_announced_end_comes_without_further_news() {
    let ends = |cancel_at_period_end, cancel_at: Option<i64>| SubscriptionView {
        cancel_at_period_end,
        cancel_at: cancel_at.map(at),
        ..view("active")
    };
    for (one, end) in [(ends(true, None), END), (ends(false, Some(END - 5)), END - 5), (ends(true, Some(END + 5)), END)]
    {
        assert_eq!(one.will_end_at(), Some(at(end)));
        assert_eq!(entitlement(std::slice::from_ref(&one), &OFFER, at(end - 1), Pro).tier, Pro);
        assert_eq!(entitlement(&[one], &OFFER, at(end), Pro).tier, Basic);
    }
    assert_eq!(entitlement(&[view("active")], &OFFER, at(END + 1), Pro).tier, Pro);
}

#[test]
fn held_collection_stays_pro_and_is_noted() {
    let given = judge(&[SubscriptionView { pause_collection: true, ..view("active") }], Basic);
    assert_eq!((given.tier, given.notices), (Pro, vec![Notice::CollectionPaused("sub_1".into())]));
}
