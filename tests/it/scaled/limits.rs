//! Limits count for all processes together, and none opens because Redis is away.

use serde_json::json;

use super::{at, two_nodes, without_redis};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_a_minute_count_at_all_processes_together() {
    let Some((one, two)) = two_nodes(&[("USER_SENDS_PER_MINUTE", "4")]).await else { return };
    let user = one.pro().await;
    let room = user.room().await;
    for node in [&one, &two, &one, &two] {
        at(node, &user).say(&room, "one of four").await.expect(202);
    }
    for node in [&one, &two] {
        let refused = at(node, &user).say(&room, "the fifth").await.expect_problem(429, "rate_limited");
        assert_eq!(refused.header("retry-after"), "60");
    }
    one.advance(std::time::Duration::from_mins(1));
    at(&two, &user).say(&room, "a minute later").await.expect(202);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_of_a_minute_count_at_all_processes_together() {
    let Some((one, two)) = two_nodes(&[("USER_REQUESTS_PER_MINUTE", "10")]).await else { return };
    let user = one.user().await;
    // Half of a minute's requests may come at once.
    let mut statuses = Vec::new();
    for turn in 0..10 {
        statuses.push(at([&one, &two][turn % 2], &user).get("/user/me").await.status);
    }
    let passed = statuses.iter().filter(|status| **status == 200).count();
    assert!((5..=6).contains(&passed), "{statuses:?}");
    assert!(statuses[7..].iter().all(|status| *status == 429), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checks_of_codes_from_one_address_count_at_all_processes_together() {
    let Some((one, two)) = two_nodes(&[("OTP_CHECKS_PER_ADDRESS_5MIN", "4")]).await else { return };
    let wrong = json!({"mobile": "+14155550199", "otp": "000000"});
    for node in [&one, &two, &one, &two] {
        assert_ne!(node.client().post("/auth/verify-otp", wrong.clone()).await.code(), "rate_limited");
    }
    for node in [&one, &two] {
        node.client().post("/auth/verify-otp", wrong.clone()).await.expect_problem(429, "rate_limited");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_without_redis_limits_by_itself() {
    let Some((one, _)) = two_nodes(&[("USER_SENDS_PER_MINUTE", "2")]).await else { return };
    let cut_off = one.beside_as(without_redis).await;
    let user = cut_off.pro().await;
    let room = user.room().await;
    for _ in 0..2 {
        user.say(&room, "one of two").await.expect(202);
    }
    user.say(&room, "the third").await.expect_problem(429, "rate_limited");
}
