//! Midnight, and clocks that go wrong.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use pollux::domain::time::{Clock, Timestamp};
use pollux::storage::{Sql, Write};
use rand::RngExt as _;

use super::{LIMIT, engine, send_at_once, used};
use crate::harness::{NOON, TestApp, on_both_engines, user_id};
use crate::proof::{figures, size};

static PAID: Sql = Sql::new(
    "select quota_day, count(*) from messages m join chatrooms c on c.id = m.chatroom_id
    where c.user_id = ?1 and m.role = 'assistant' group by quota_day order by quota_day",
);

/// Sets the clock, forwards or back.
fn set_clock(app: &TestApp, moment: Timestamp) {
    let Clock::Manual(hand) = &app.clock else { panic!("not a clock to be set") };
    hand.store(moment.as_millis(), Ordering::SeqCst);
}

on_both_engines! {
    async fn across_midnight_each_message_is_paid_by_one_day_and_both_days_hold_five(app) {
        let runs = size(10, 100);
        let midnight = NOON.day().end();
        for _ in 0..runs {
            set_clock(&app, midnight - Duration::from_millis(10));
            let user = app.user().await;
            let (id, room) = (user_id(&user).await, user.room().await);
            let late = join_all((0..30).map(|number| {
                let (user, room, clock) = (&user, &room, app.clock.clone());
                async move {
                    if number % 3 == 0 {
                        clock.advance(Duration::from_millis(1));
                    }
                    user.say(room, "Around midnight").await.status
                }
            })).await;
            let accepted = late.iter().filter(|status| **status == 202).count();
            set_clock(&app, midnight);
            let after = send_at_once(&user, &room, LIMIT as usize).await;

            let paid = app.house.app.db.write(Write::new().then(&PAID, vec![id.into()])).await.unwrap();
            let paid: Vec<(i64, i64)> = paid.last().unwrap();
            let today = used(&app, id, NOON.day()).await;
            assert!(today <= LIMIT);
            assert_eq!(used(&app, id, midnight.day()).await, LIMIT, "five were offered after midnight");
            assert_eq!(accepted + after, (today + LIMIT) as usize);
            assert_eq!(paid.iter().map(|(_, count)| *count).sum::<i64>(), i64::from(today + LIMIT));
            assert_eq!(*paid.last().unwrap(), (midnight.day().number(), i64::from(LIMIT)));
        }
        figures(&format!("Q2 {}: {runs} of {runs} midnights kept both days at 5 at most", engine(&app)));
    }

    async fn a_clock_that_jumps_gives_no_day_a_sixth_message(app) {
        let (steps, midnight) = (size(60, 600), NOON.day().end());
        let user = app.user().await;
        let (id, room) = (user_id(&user).await, user.room().await);
        let mut days = BTreeSet::new();
        for _ in 0..steps {
            // Up to a day forwards or back, within the life of the session.
            let offset = Duration::from_secs(rand::random_range(0..11 * 3600));
            set_clock(&app, if rand::random() { midnight + offset } else { midnight - offset });
            days.insert(app.clock.now().day());
            let burst = rand::rng().random_range(1..4);
            send_at_once(&user, &room, burst).await;
            for day in &days {
                assert!(used(&app, id, *day).await <= LIMIT);
            }
        }
        for day in &days {
            assert_eq!(used(&app, id, *day).await, LIMIT);
        }
        figures(&format!("Q3 {}: {steps} jumps of the clock over {} days, never more than 5 a day", engine(&app), days.len()));
    }
}
