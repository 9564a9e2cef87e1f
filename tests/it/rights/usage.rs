//! What was used: every day of the span, counted as the quota counts.

use std::time::Duration;

use pollux::providers::model::ModelFault;
use serde_json::{Value, json};

use crate::harness::client::Answer;
use crate::harness::{Client, on_both_engines};

const DAY: Duration = Duration::from_hours(24);

async fn usage(user: &Client, query: &str) -> Answer {
    user.get(&format!("/user/me/usage{query}")).await
}

/// The tokens that the replies of a room tell.
async fn tokens(user: &Client, room: &str) -> (i64, i64) {
    let listed = user.get(&format!("/chatroom/{room}/messages")).await.expect(200).body;
    let told = listed["messages"].as_array().unwrap().iter().filter_map(|message| message.get("usage"));
    told.fold((0, 0), |(prompt, reply), usage| {
        let count = |name: &str| usage[name].as_i64().unwrap_or(0);
        (prompt + count("prompt_tokens"), reply + count("reply_tokens"))
    })
}

on_both_engines! {
    async fn each_day_is_told_with_its_messages_and_tokens_and_all_of_them_together(app) {
        let (user, stranger) = (app.user().await, app.user().await);
        let room = user.room().await;
        user.say(&room, "one").await.expect(202);
        user.say(&room, "two").await.expect(202);
        stranger.say(&stranger.room().await, "theirs").await.expect(202);
        app.run_jobs().await;
        app.advance(DAY);
        let user = app.client().sign_in(&user.mobile).await;
        user.say(&room, "three").await.expect(202);
        app.run_jobs().await;
        app.model.fail_times(1, ModelFault::Rejected);
        user.say(&room, "failing").await.expect(202);
        app.run_jobs().await;
        let told = usage(&user, "").await.expect(200).body;
        let days = told["days"].as_array().unwrap();
        assert_eq!((days.len(), &told["from"], &told["to"]), (30, &json!("2026-10-24"), &json!("2026-11-22")));
        let of = |index: usize, name: &str| days[index][name].as_i64().unwrap();
        assert_eq!((of(27, "messages"), of(28, "messages"), of(29, "messages")), (0, 2, 1), "a failure gives its unit back");
        assert_eq!((&days[28]["day"], &days[29]["day"]), (&json!("2026-11-21"), &json!("2026-11-22")));
        let (prompt, reply) = tokens(&user, &room).await;
        assert!(prompt > 0 && reply > 0);
        assert_eq!((told["messages"].clone(), told["prompt_tokens"].clone(), told["reply_tokens"].clone()), (json!(3), json!(prompt), json!(reply)));
        assert_eq!(of(28, "reply_tokens") + of(29, "reply_tokens"), reply);
        let one = usage(&user, "?from=2026-11-21&to=2026-11-21").await.expect(200).body;
        assert_eq!((one["days"].clone(), one["messages"].clone()), (json!([days[28]]), json!(2)));
        let stranger = app.client().sign_in(&stranger.mobile).await;
        assert_eq!(usage(&stranger, "").await.expect(200).body["messages"], 1);
    }

    async fn a_span_is_a_year_at_most_forwards_and_of_real_days(app) {
        let user = app.user().await;
        let days = async |query: &str| {
            usage(&user, query).await.expect(200).body["days"].as_array().unwrap().iter()
                .map(|day| day["day"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(days("?from=2023-11-22&to=2024-11-21").await.len(), 366);
        assert_eq!(days("?from=2026-11-20").await, ["2026-11-20", "2026-11-21"]);
        assert_eq!(days("?to=2024-03-01").await[28..], ["2024-02-29", "2024-03-01"]);
        assert_eq!(days("?from=2030-01-01&to=2030-01-01").await, ["2030-01-01"]);
        for (query, pointer, code) in [
            ("?from=2023-11-21&to=2024-11-21", "?to", "span_too_long"),
            ("?from=2020-01-01", "?from", "span_too_long"),
            ("?from=2026-11-21&to=2026-11-20", "?to", "before_from"),
            ("?from=2026-11-22", "?from", "before_from"),
            ("?from=2026-02-30", "?from", "date_format"),
            ("?to=2026-11-21T00:00:00Z", "?to", "date_format"),
            ("?to=21.11.2026", "?to", "date_format"),
            ("?from=", "?from", "date_format"),
            ("?from=-026-11-21", "?from", "date_format"),
            ("?from=1795262400000", "?from", "date_format"),
            ("?day=2026-11-21", "?day", "unknown_member"),
            ("?to=2026-11-21&to=2026-11-21", "?to", "duplicate"),
        ] {
            usage(&user, query).await.expect_flaw(pointer, code);
        }
        let both = usage(&user, "?from=x&to=y").await.expect_problem(422, "validation_failed");
        assert_eq!(both.body["errors"].as_array().unwrap().len(), 2);
        assert_eq!(usage(&app.client(), "").await.code(), "authentication_required");
        assert_eq!(usage(&user, "").await.body["messages"], Value::from(0));
    }
}
