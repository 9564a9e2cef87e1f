//! The audit trail: what happens to the safety of an account is noted, once, and tells no secret.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use pollux::domain::audit;
use pollux::worker::sweep::sweep;
use serde_json::json;

use super::{number, send};
use crate::harness::{TestApp, on_both_engines};

/// The kinds of events so far, in order, and whether they are of a known user.
async fn trail(app: &TestApp) -> Vec<(String, bool)> {
    let rows = app.rows("select kind, user_id from security_events order by created_at, id").await;
    rows.into_iter().map(|row| (row[0].clone(), !row[1].is_empty())).collect()
}

fn known(kinds: &[&str]) -> Vec<(String, bool)> {
    kinds.iter().map(|kind| ((*kind).to_owned(), true)).collect()
}

on_both_engines! {
    async fn each_event_of_a_session_is_noted_once_and_for_its_user(app) {
        let minute = Duration::from_mins(1);
        let mine = app.client().sign_in(&number(1)).await;
        let mut expected = vec!["signed_in_by_code"];
        for _ in 0..2 {
            app.advance(minute * 15);
            app.client().sign_in(&number(1)).await;
            expected.push("signed_in_by_code");
        }
        for (path, kind) in [("?scope=others", "other_sessions_ended"), ("", "session_ended")] {
            for _ in 0..2 {
                app.advance(minute);
                mine.post(&format!("/auth/logout{path}"), json!({})).await.expect(204);
            }
            expected.push(kind);
        }
        app.advance(minute * 15);
        let again = app.client().sign_in(&number(1)).await;
        app.advance(minute);
        again.post("/auth/logout?scope=all", json!({})).await.expect(204);
        expected.extend(["signed_in_by_code", "all_sessions_ended"]);
        assert_eq!(trail(&app).await, known(&expected));
        let users = app.rows("select distinct user_id, address, session_id is null from security_events").await;
        let own_name = audit_name(&app);
        assert!(users.iter().all(|row| row[1].is_empty() || row[1] == own_name), "{users:?}");
    }

    async fn events_are_counted_by_kind(app) {
        let mine = app.client().sign_in(&number(1)).await;
        mine.post("/auth/logout", json!({})).await.expect(204);
        let text = app.house.app.metrics.text();
        for kind in ["signed_in_by_code", "session_ended"] {
            assert!(text.contains(&format!("pollux_security_events_total{{kind=\"{kind}\"}} 1\n")), "{text}");
        }
    }

    async fn a_refused_guess_is_noted_for_known_and_unknown_numbers(app) {
        let client = app.client();
        app.client().sign_in(&number(1)).await;
        app.advance(Duration::from_mins(2));
        for index in [1, 2] {
            let sent = send(&client, &number(index)).await;
            sent.guess(&client, &sent.wrong(0)).await.expect(401);
            client.post("/auth/verify-otp", json!({"mobile": number(9), "otp": "000000"})).await.expect(401);
        }
        let refused: Vec<_> = trail(&app).await.into_iter().filter(|(kind, _)| kind == "guess_refused").collect();
        assert_eq!(refused.iter().filter(|(_, is_known)| *is_known).count(), 1);
        assert_eq!(refused.len(), 2, "a guess at no code is none");
    }

    async fn a_pause_of_codes_is_noted_when_it_begins(app) {
        let client = app.client();
        for day in 0..10 {
            for _ in 0..2 {
                let sent = send(&client, &number(1)).await;
                for turn in 0..5 {
                    sent.guess(&client, &sent.wrong(turn)).await.expect(401);
                }
                app.advance(Duration::from_mins(13));
            }
            app.advance(Duration::from_hours(if day == 9 { 0 } else { 12 }));
        }
        let pauses = trail(&app).await.into_iter().filter(|(kind, _)| kind == "code_login_paused").count();
        assert_eq!(pauses, 1);
    }

    async fn the_trail_holds_no_secret_and_no_address(app) {
        let client = app.client();
        let sent = send(&client, &number(1)).await;
        sent.guess(&client, &sent.wrong(0)).await.expect(401);
        let tokens = sent.answer(&client).await.expect(200).body;
        let mut secrets = vec![number(1), number(1)[1..].to_owned(), sent.code.clone(), "127.0.0.1".to_owned()];
        for name in ["access_token", "refresh_token", "device_token"] {
            secrets.push(tokens[name].as_str().unwrap().to_owned());
        }
        let cells = app.rows("select kind, address, detail, session_id, user_id, id from security_events").await.concat();
        assert_eq!(cells.len(), 12);
        for cell in cells.iter().filter(|cell| !cell.starts_with("\\x")) {
            assert!(!secrets.iter().any(|secret| cell.contains(secret.as_str())), "{cell}");
        }
    }

    async fn the_sweep_forgets_events_after_ninety_days(app) {
        app.client().sign_in(&number(1)).await;
        app.advance(audit::KEPT);
        sweep(&app.house.app).await.unwrap();
        assert_eq!(trail(&app).await.len(), 1);
        app.advance(Duration::from_millis(1));
        sweep(&app.house.app).await.unwrap();
        assert_eq!(trail(&app).await.len(), 0);
    }
}

/// The name under which the test's own address is noted.
fn audit_name(app: &TestApp) -> String {
    pollux::services::audit::address_name(&app.house.app, IpAddr::V4(Ipv4Addr::LOCALHOST))
}
