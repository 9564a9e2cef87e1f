//! Many messages at once, at the limit.

use pollux::storage::{Sql, Write};

use super::{LIMIT, engine, send_at_once, used};
use crate::harness::{on_both_engines, user_id};
use crate::proof::{figures, size};

static JOBS: Sql = Sql::new("select count(*) from jobs where user_id = ?1");

on_both_engines! {
    async fn of_two_hundred_messages_at_once_five_are_taken(app) {
        let runs = size(5, 100);
        for _ in 0..runs {
            let user = app.user().await;
            let room = user.room().await;
            assert_eq!(send_at_once(&user, &room, 200).await, LIMIT as usize);
            let id = user_id(&user).await;
            assert_eq!(used(&app, id, app.clock.now().day()).await, LIMIT);
            let jobs = app.house.app.db.write(Write::new().then(&JOBS, vec![id.into()])).await.unwrap();
            assert_eq!(jobs.last::<(i64,)>().unwrap()[0].0, i64::from(LIMIT));
        }
        figures(&format!("Q1 {}: {runs} of {runs} races of 200 ended in exactly 5 x 202 and 195 x 429", engine(&app)));
    }
}
