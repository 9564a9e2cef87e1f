//! What an operator does: reads metrics, asks whether it is ready, splits it, stops it twice.

use std::time::Duration;

use crate::harness::Engine;
use crate::harness::client::Client;
use crate::harness::process::Site;
use crate::harness::work::until;

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_stand_on_a_listener_of_their_own_and_there_alone() {
    let port: &'static str = Box::leak(free_port().to_string().into_boxed_str());
    let site = Site::new(&Engine::Sqlite, &[("METRICS_PORT", port)]).await;
    let process = site.start().await;
    let metrics = Client::new(([127, 0, 0, 1], port.parse().unwrap()).into());
    let user = process.client().sign_in("+15005550006").await;
    let room = user.room().await;
    user.post_with(
        &format!("/chatroom/{room}/message"),
        &[("prefer", "wait=20")],
        serde_json::json!({"content": "Hi"}),
    )
    .await
    .expect(200);
    let text = metrics.get("/metrics").await.expect(200).text;
    for line in [
        "pollux_requests_total{route=\"/chatroom\",method=\"POST\",status=\"201\"} 1",
        "pollux_replies_total{outcome=\"completed\"} 1",
        "pollux_codes_total{event=\"used\"} 1",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(!text.contains("pollux_open_connections 0\n") && text.contains("pollux_open_connections "), "{text}");
    // The reply is told of a moment before its job is off the books.
    until(Duration::from_secs(5), "a worker at rest", || async {
        let text = metrics.get("/metrics").await.expect(200).text;
        (text.contains("pollux_worker_running 0\n") && text.contains("pollux_worker_free 64\n")).then_some(())
    })
    .await;
    metrics.get("/chatroom").await.expect(404);
    process.client().get("/metrics").await.expect_problem(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_database_is_gone_lives_but_is_not_ready() {
    let Some(engine) = Engine::postgres().await else { return };
    let site = Site::new(&engine, &[]).await;
    let process = site.start().await;
    let client = process.client();
    assert_eq!(client.get("/ready").await.expect(200).body["database"], "ok");
    site.drop_database().await;
    let answer = until(Duration::from_secs(5), "a server that is not ready", || async {
        Some(client.get("/ready").await).filter(|answer| answer.status == 503)
    })
    .await;
    assert_eq!((&answer.body["status"], &answer.body["database"]), (&"not_ready".into(), &"away".into()));
    client.get("/health").await.expect(200);
    // Without the store there are no counts, so nothing that is counted passes.
    let mobile = "+15005550006";
    for (path, body) in [
        ("/auth/send-otp", serde_json::json!({"mobile": mobile})),
        ("/auth/verify-otp", serde_json::json!({"mobile": mobile, "otp": "000000"})),
        ("/auth/login", serde_json::json!({"mobile": mobile, "password": "seven green herons"})),
        ("/auth/forgot-password", serde_json::json!({"mobile": mobile})),
    ] {
        let refused = client.post(path, body).await.expect_problem(503, "unavailable");
        assert!(!refused.header("retry-after").is_empty(), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_does_not_wait_for_running_replies() {
    let site = Site::new(&Engine::Sqlite, &[]).await;
    let mut process = site.start().await;
    let user = process.client().sign_in("+15005550006").await;
    let room = user.room().await;
    // The demo model takes some seconds for this.
    user.say(&room, &"many words ".repeat(400)).await.expect(202);
    process.signal("TERM");
    process.signal("TERM");
    assert!(process.ended(Duration::from_secs(5)).await.success());
}

#[test]
fn a_file_serves_one_process_that_does_both() {
    for arguments in [&["worker"][..], &["serve", "--no-worker"]] {
        let home = tempfile::tempdir().unwrap();
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_pollux"))
            .args(arguments)
            .env_clear()
            .current_dir(home.path())
            .output()
            .unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && told.contains("DATABASE_URL"), "{told}");
    }
}
