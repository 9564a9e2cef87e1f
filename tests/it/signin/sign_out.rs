//! Signing out: what it ends, and that nothing gets through after its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use super::number;
use crate::harness::{Client, Engine, TestApp, on_both_engines};

/// Sessions of one number, each of a client of its own.
async fn sessions(app: &TestApp, index: usize, count: usize) -> Vec<Client> {
    let mut clients = Vec::new();
    for _ in 0..count {
        clients.push(app.client().sign_in(&number(index)).await);
        app.advance(Duration::from_mins(13));
    }
    clients
}

async fn live(clients: &[Client]) -> Vec<bool> {
    let mut live = Vec::new();
    for client in clients {
        let answer = client.get("/user/me").await;
        if answer.status != 200 {
            answer.clone().expect_problem(401, "session_ended");
        }
        live.push(answer.status == 200);
    }
    live
}

/// Begins requests on that many connections, does what ends the session, and insists that nothing begun after its
/// answer got through.
async fn nothing_gets_through(victim: &Client, end: impl Future<Output = ()>) {
    let started: Vec<_> = (0..6).map(|_| Arc::new(AtomicBool::new(false))).collect();
    let asking: Vec<_> =
        started.iter().map(|started| tokio::spawn(ask_until_refused(victim.clone(), Arc::clone(started)))).collect();
    while !started.iter().all(|started| started.load(Ordering::SeqCst)) {
        tokio::task::yield_now().await;
    }
    end.await;
    let answered = Instant::now();
    for asker in asking {
        let last = asker.await.unwrap();
        assert!(last.is_none_or(|began| began <= answered), "a request got through after the answer");
    }
}

/// Asks without a pause until it is refused; when the last request that succeeded had begun.
async fn ask_until_refused(client: Client, started: Arc<AtomicBool>) -> Option<Instant> {
    let (deadline, mut last) = (Instant::now() + Duration::from_secs(20), None);
    loop {
        let began = Instant::now();
        let status = client.get("/user/me").await.status;
        started.store(true, Ordering::SeqCst);
        match status {
            200 => last = Some(began),
            401 => return last,
            other => panic!("{other}"),
        }
        assert!(began < deadline, "never refused");
    }
}

on_both_engines! {
    async fn signing_out_ends_this_session_the_others_or_all(app) {
        let mine = sessions(&app, 1, 3).await;
        let bystander = app.client().sign_in(&number(2)).await;
        assert_eq!(live(&mine).await, [true, true, true]);
        mine[0].post("/auth/logout?scope=others", json!({})).await.expect(204);
        assert_eq!(live(&mine).await, [true, false, false]);
        mine[0].post("/auth/logout", json!({})).await.expect(204);
        assert_eq!(live(&mine).await, [false, false, false]);
        let again = sessions(&app, 1, 2).await;
        let ended = again[0].post("/auth/logout?scope=all", json!({})).await.expect(204);
        assert_eq!(ended.text, "");
        assert_eq!(live(&again).await, [false, false]);
        bystander.get("/user/me").await.expect(200);
    }

    async fn the_token_of_an_ended_session_can_sign_out_again_and_do_nothing_else(app) {
        let mine = sessions(&app, 1, 2).await;
        mine[0].post("/auth/logout", json!({})).await.expect(204);
        for scope in ["", "?scope=others", "?scope=all"] {
            mine[0].post(&format!("/auth/logout{scope}"), json!({})).await.expect(204);
        }
        assert_eq!(live(&mine).await, [false, true]);
    }

    async fn a_token_that_is_over_or_not_ours_cannot_sign_out(app) {
        let mut user = app.client().sign_in(&number(1)).await;
        app.advance(Duration::from_hours(24));
        user.post("/auth/logout", json!({})).await.expect_problem(401, "token_expired");
        user.token = Some("x".to_owned());
        user.post("/auth/logout", json!({})).await.expect_problem(401, "token_invalid");
        user.token = None;
        user.post("/auth/logout", json!({})).await.expect_problem(401, "authentication_required");
        assert_eq!(app.count("select count(*) from sessions where ended_at is not null").await, 0);
    }

    async fn an_unknown_scope_ends_nothing(app) {
        let user = app.client().sign_in(&number(1)).await;
        for query in ["scope=everybody", "scope=", "scope=this"] {
            user.post(&format!("/auth/logout?{query}"), json!({})).await.expect_flaw("?scope", "unknown_scope");
        }
        let twice = user.post("/auth/logout?scope=all&scope=all", json!({})).await;
        twice.expect_problem(422, "validation_failed");
        user.post("/auth/logout?other=1", json!({})).await.expect_flaw("?other", "unknown_member");
        user.post("/auth/logout", json!({"scope": "all"})).await.expect_flaw("/scope", "unknown_member");
        user.get("/user/me").await.expect(200);
    }

    async fn a_body_may_be_absent_where_none_is_taken(app) {
        for (index, kind) in [None, Some("application/json"), Some("text/plain")].into_iter().enumerate() {
            let user = app.client().sign_in(&number(index)).await;
            let request = user.request(reqwest::Method::POST, "/auth/logout");
            let request = kind.into_iter().fold(request, |request, kind| request.header("content-type", kind));
            user.send(request).await.expect(204);
        }
    }

    async fn no_request_begun_after_the_answer_succeeds(app) {
        for (round, scope) in ["", "?scope=all", "?scope=others"].into_iter().cycle().take(9).enumerate() {
            let mine = sessions(&app, round, 2).await;
            let victim = if scope == "?scope=others" { &mine[1] } else { &mine[0] };
            nothing_gets_through(victim, async {
                mine[0].post(&format!("/auth/logout{scope}"), json!({})).await.expect(204);
            })
            .await;
        }
    }

    async fn no_request_begun_after_the_end_of_a_device_or_a_copied_token_succeeds(app) {
        for round in 0..3 {
            let mine = sessions(&app, round, 2).await;
            let list = mine[0].get("/auth/sessions").await.expect(200).body;
            let other = format!("/auth/sessions/{}", list["sessions"][0]["id"].as_str().unwrap());
            nothing_gets_through(&mine[1], async {
                mine[0].delete(&other).await.expect(204);
            })
            .await;
            let token = json!({"refresh_token": mine[0].tokens["refresh_token"]});
            mine[0].post("/auth/refresh", token.clone()).await.expect(200);
            app.advance(Duration::from_secs(10));
            nothing_gets_through(&mine[0], async {
                mine[0].post("/auth/refresh", token).await.expect_problem(401, "refresh_token_reused");
            })
            .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_node_refuses_within_a_second() {
    let Some(engine) = Engine::postgres().await else { return };
    let app = TestApp::start(engine).await;
    let node = app.beside().await;
    for round in 0..4 {
        let mine = sessions(&app, round, 2).await;
        let list = mine[0].get("/auth/sessions").await.expect(200).body;
        let mut there = mine[1].clone();
        there.address = node.address;
        let asking = tokio::spawn(ask_until_refused(there, Arc::default()));
        if round % 2 == 0 {
            mine[0].post("/auth/logout?scope=others", json!({})).await.expect(204);
        } else {
            let other = list["sessions"][0]["id"].as_str().unwrap();
            mine[0].delete(&format!("/auth/sessions/{other}")).await.expect(204);
        }
        let answered = Instant::now();
        let latest = asking.await.unwrap();
        let within = Duration::from_secs(1);
        assert!(latest.is_none_or(|began| began <= answered + within), "a request got through after a second");
    }
}
