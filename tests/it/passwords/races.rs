//! Many at once: ten misses are ten, a code sets one password, and no session outlives the password it came by.

use futures_util::future::join_all;
use serde_json::json;

use super::{RIGHT, WRONG, forgot, kept, log_in, misses, number, reset_with, signed_in, with_password};
use crate::harness::on_both_engines;
use crate::proof::{figures, size};

fn with_status(statuses: &[u16], status: u16) -> usize {
    statuses.iter().filter(|&&other| other == status).count()
}

on_both_engines! {
    async fn of_thirty_wrong_passwords_at_once_ten_are_looked_at(app) {
        with_password(&app, &number(1)).await;
        let client = app.client();
        let rounds = size(2, 50);
        for round in 0..rounds {
            let mobile = number(1 + round);
            let statuses = join_all((0..30).map(|_| async { log_in(&client, &mobile, WRONG).await.status })).await;
            assert_eq!((with_status(&statuses, 401), with_status(&statuses, 429)), (10, 20), "{statuses:?}");
            log_in(&client, &mobile, RIGHT).await.expect_problem(429, "rate_limited");
        }
        assert_eq!(misses(&app).await, 10 * i64::try_from(rounds).unwrap());
        figures(&format!("{rounds} numbers with 30 wrong passwords at once each: 10 evaluated of each"));
    }

    async fn of_two_resets_by_one_code_at_once_one_wins(app) {
        let client = app.client();
        for index in 0..size(6, 100) {
            let mobile = number(index);
            let sent = forgot(&client, &mobile).await;
            let reset = |password: &'static str| client.post("/auth/reset-password", reset_with(&mobile, &sent, password));
            let (first, second) = tokio::join!(reset(RIGHT), reset(WRONG));
            let (won, lost) = if first.status == 200 { (RIGHT, second) } else { (WRONG, first) };
            lost.expect_problem(401, "otp_invalid");
            log_in(&client, &mobile, won).await.expect(200);
            assert_eq!(app.count(&format!("select count(*) from users where phone = '{mobile}'")).await, 1);
        }
    }

    async fn of_two_changes_at_once_from_two_sessions_one_wins(app) {
        for index in 0..4 {
            let first = with_password(&app, &number(index)).await;
            let second = signed_in(&app, &number(index), RIGHT).await;
            let body = |new: &str| json!({"new_password": new, "old_password": RIGHT});
            let (one, two) = tokio::join!(
                first.post("/auth/change-password", body("eight grey geese")),
                second.post("/auth/change-password", body("nine black rooks")),
            );
            let (won, lost) = if one.status == 200 { ("eight grey geese", two) } else { ("nine black rooks", one) };
            assert_eq!((lost.status, ["credentials_invalid", "session_ended"].contains(&lost.code())), (401, true));
            log_in(&app.client(), &number(index), won).await.expect(200);
        }
    }

    async fn a_sign_in_that_races_a_reset_leaves_no_session_by_the_old_password(app) {
        let client = app.client();
        for index in 0..size(6, 100) {
            let mobile = number(index);
            let first = forgot(&client, &mobile).await;
            client.post("/auth/reset-password", reset_with(&mobile, &first, RIGHT)).await.expect(200);
            app.advance(std::time::Duration::from_mins(1));
            let sent = forgot(&client, &mobile).await;
            let reset = client.post("/auth/reset-password", reset_with(&mobile, &sent, WRONG));
            let (reset, _, _) = tokio::join!(reset, log_in(&client, &mobile, RIGHT), log_in(&client, &mobile, RIGHT));
            reset.expect(200);
            let live = "select count(*) from sessions where ended_at is null";
            assert_eq!(app.count(live).await, 0, "{}", kept(&app, &mobile).await);
        }
    }
}
