//! The daily quota and the limits by user, as a client sees them.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{Engine, TestApp, on_both_engines};

on_both_engines! {
    async fn five_messages_a_day_are_told_down_to_the_last(app) {
        let user = app.user().await;
        let room = user.room().await;
        for used in 1..=5 {
            let sent = user.say(&room, "hello").await.expect(202);
            assert_eq!(sent.header("ratelimit-policy"), "\"daily\";q=5;w=86400");
            assert_eq!(sent.header("ratelimit"), format!("\"daily\";r={};t=43200", 5 - used));
            let quota = json!({"limit": 5, "used": used, "remaining": 5 - used, "resets_at": "2026-11-22T00:00:00.000Z"});
            assert_eq!(sent.body["quota"], quota);
            assert_eq!(user.get("/user/me").await.body["quota"], quota);
        }
        app.advance(Duration::from_millis(1_500));
        let refused = user.say(&room, "hello").await.expect_problem(429, "quota_exceeded");
        assert_eq!(refused.body["violated-policies"], json!(["daily"]));
        assert_eq!(refused.body["detail"], "5 of 5 messages used; resets at 00:00 UTC.");
        assert_eq!(refused.header("ratelimit-policy"), "\"daily\";q=5;w=86400");
        assert_eq!(refused.header("ratelimit"), "\"daily\";r=0;t=43199");
        assert_eq!(refused.header("retry-after"), "43199");
        assert_eq!(user.get(&format!("/chatroom/{room}/messages")).await.body["messages"].as_array().unwrap().len(), 10);

        app.advance(Duration::from_secs(43_198) + Duration::from_millis(499));
        user.say(&room, "a millisecond early").await.expect_problem(429, "quota_exceeded");
        app.advance(Duration::from_millis(1));
        let sent = user.say(&room, "on the next day").await.expect(202);
        assert_eq!(sent.body["quota"]["used"], 1);
        assert_eq!(sent.header("ratelimit"), "\"daily\";r=4;t=86400");
    }

    async fn five_pass_however_many_are_sent_at_once(app) {
        let user = app.user().await;
        let room = user.room().await;
        let answers = join_all((0..20).map(|_| user.say(&room, "hello"))).await;
        let (taken, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 202);
        assert_eq!((taken.len(), refused.len()), (5, 15));
        let mut counts: Vec<_> = taken.iter().map(|answer| answer.body["quota"]["used"].as_u64().unwrap()).collect();
        counts.sort_unstable();
        assert_eq!(counts, [1, 2, 3, 4, 5]);
        for answer in refused {
            answer.expect_problem(429, "quota_exceeded");
        }
        assert_eq!(user.used().await, 5);
    }

    async fn nothing_a_user_may_do_gives_a_unit_back(app) {
        let user = app.user().await;
        for round in 0..5 {
            let room = user.room().await;
            user.say(&room, "hello").await.expect(202);
            if round % 2 == 0 {
                app.run_jobs().await;
            }
            user.delete(&format!("/chatroom/{room}")).await.expect(204);
            assert_eq!(user.used().await, round + 1);
        }
        let room = user.room().await;
        user.say(&room, "hello").await.expect_problem(429, "quota_exceeded");
        app.advance(Duration::from_mins(1));
        let again = app.client().sign_in(&user.mobile).await;
        again.say(&room, "hello").await.expect_problem(429, "quota_exceeded");
        user.post("/auth/logout", json!({})).await.expect(204);
        for path in ["/api/v1/chatroom", "/chatroom/"] {
            let room = again.post(path, json!({})).await.expect(201).body["id"].as_str().unwrap().to_owned();
            again.post(&format!("/api/v1/chatroom/{room}/message/"), json!({"prompt": "x"})).await.expect_problem(429, "quota_exceeded");
        }
        assert_eq!(again.used().await, 5);
    }

    async fn the_paid_plan_has_no_daily_quota(app) {
        let user = app.pro().await;
        let room = user.room().await;
        for used in 1..=7 {
            let sent = user.say(&room, "hello").await.expect(202);
            assert_eq!(sent.header("ratelimit"), "");
            let quota = &sent.body["quota"];
            assert_eq!((&quota["limit"], &quota["remaining"], &quota["used"]), (&Value::Null, &Value::Null, &json!(used)));
        }
    }

    [
        "USER_SENDS_PER_MINUTE" = "30",
    ]
    async fn thirty_messages_a_minute_is_the_most_on_any_plan(app) {
        let user = app.pro().await;
        let room = user.room().await;
        for _ in 0..30 {
            user.say(&room, "hello").await.expect(202);
        }
        app.advance(Duration::from_secs(59));
        let refused = user.say(&room, "hello").await.expect_problem(429, "rate_limited");
        assert_eq!(refused.header("ratelimit-policy"), "\"sends\";q=30;w=60");
        assert_eq!(refused.header("ratelimit"), "\"sends\";r=0;t=1");
        assert_eq!(refused.header("retry-after"), "1");
        assert_eq!(refused.body["violated-policies"], json!(["sends"]));
        assert_eq!(user.used().await, 30);
        app.advance(Duration::from_secs(1));
        user.say(&room, "hello").await.expect(202);
        assert_eq!(user.used().await, 31);
    }
}

#[tokio::test]
async fn a_burst_of_sixty_requests_is_the_most_then_two_a_second() {
    let app = TestApp::start_with(Engine::Sqlite, &[("USER_REQUESTS_PER_MINUTE", "120")]).await;
    let (user, other) = (app.user().await, app.user().await);
    let began = Instant::now();
    let answers = join_all((0..121).map(|_| user.get("/user/me"))).await;
    let gained = usize::try_from(began.elapsed().as_millis() / 500).unwrap() + 1;
    let passed = answers.iter().filter(|answer| answer.status == 200).count();
    assert!((60..=60 + gained).contains(&passed), "{passed} of 121");
    let refused = answers.into_iter().find(|answer| answer.status != 200).unwrap();
    let refused = refused.expect_problem(429, "rate_limited");
    assert_eq!(refused.header("ratelimit-policy"), "\"requests\";q=120;w=60");
    assert_eq!(refused.header("ratelimit"), "\"requests\";r=0;t=1");
    assert_eq!((refused.header("retry-after"), &refused.body["violated-policies"]), ("1", &json!(["requests"])));
    other.get("/user/me").await.expect(200);
}
