//! What a thief of the database has, and what a stranger learns of who has an account or a password.

use std::time::Instant;

use super::{RIGHT, WRONG, kept, log_in, number, told, with_password};
use crate::harness::{Client, on_both_engines};
use crate::proof::{figures, is_full};

async fn seconds(client: &Client, mobile: &str) -> f64 {
    let began = Instant::now();
    log_in(client, mobile, WRONG).await.expect(401);
    began.elapsed().as_secs_f64()
}

fn median(mut spans: Vec<f64>) -> f64 {
    spans.sort_by(f64::total_cmp);
    spans[spans.len() / 2]
}

/// How often one of the left is longer than one of the right.
fn area(left: &[f64], right: &[f64]) -> f64 {
    let wins = left.iter().flat_map(|a| right.iter().map(move |b| f64::from(u8::from(a > b)))).sum::<f64>();
    wins / f64::from(u32::try_from(left.len() * right.len()).unwrap())
}

on_both_engines! {
    async fn a_password_is_kept_as_argon2id_with_a_salt_of_its_own(app) {
        for index in [1, 2] {
            with_password(&app, &number(index)).await;
        }
        log_in(&app.client(), &number(1), WRONG).await.expect(401);
        let (first, second) = (kept(&app, &number(1)).await, kept(&app, &number(2)).await);
        assert!(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && first != second);
        for cell in app.dump().await {
            assert!(!cell.contains(RIGHT) && !cell.contains(WRONG), "{cell}");
        }
    }

    async fn answers_do_not_tell_who_has_an_account_or_a_password(app) {
        with_password(&app, &number(1)).await;
        app.client().sign_in(&number(2)).await;
        let client = app.client();
        for path in ["/auth/login", "/api/v1/auth/login/"] {
            for password in [WRONG, "x", &"🐋".repeat(128)] {
                let mut answers = Vec::new();
                for index in [1, 2, 3] {
                    let body = serde_json::json!({"mobile": number(index), "password": password});
                    answers.push(told(&client.post(path, body).await.expect_problem(401, "credentials_invalid")));
                }
                answers.dedup();
                assert_eq!(answers.len(), 1, "{answers:?}");
            }
        }
    }

    async fn the_time_does_not_tell_who_has_an_account_or_a_password(app) {
        let pairs = if is_full() { 500 } else { 8 };
        let client = app.client();
        let (mut wrong, mut without, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
        for index in 0..pairs {
            with_password(&app, &number(3 * index)).await;
            app.client().sign_in(&number(3 * index + 1)).await;
            app.advance(std::time::Duration::from_mins(5));
            // Turn about, so that none is always the one that finds things warm.
            for turn in 0..3 {
                let kind = (index + turn) % 3;
                let span = seconds(&client, &number(3 * index + kind)).await;
                [&mut wrong, &mut without, &mut unknown][kind].push(span);
            }
        }
        let areas = [area(&wrong, &without), area(&wrong, &unknown), area(&without, &unknown)];
        let medians = [wrong, without, unknown].map(median);
        figures(&format!("sign-in refused after {medians:.5?} s, areas {areas:.3?}"));
        let (least, most) = (medians[0].min(medians[1]).min(medians[2]), medians[0].max(medians[1]).max(medians[2]));
        if is_full() {
            assert!(areas.iter().all(|area| (0.45..0.55).contains(area)), "{areas:?}");
            assert!(most - least < (least * 0.05).max(0.000_25), "{medians:?}");
        } else {
            // The quick size only sees what is gross: a hash that is left out.
            assert!(most < least * 3.0, "{medians:?}");
        }
    }
}
