//! Jobs whose process is gone, or only slept.

use std::time::{Duration, Instant};

use super::{ask, long_message, path_of, reaches};
use crate::harness::process::Site;
use crate::harness::work::until;
use crate::harness::{Engine, fresh_number};
use crate::proof::figures;

const SOON: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_the_jobs_of_the_killed_process_are_taken_up_at_once() {
    let site = Site::new(&Engine::Sqlite, &[]).await;
    let process = site.start().await;
    let port = process.address.port();
    let mut asked = Vec::new();
    for number in 0..3 {
        let user = process.client().sign_in(&fresh_number()).await;
        let path = ask(&user, &long_message(&number.to_string())).await;
        asked.push((user, path));
    }
    for (user, path) in &asked {
        reaches(user, path, &["generating"], SOON).await;
    }
    process.kill();
    let process = site.start_at(port).await;
    let up = Instant::now();
    for (user, path) in &asked {
        let reply = reaches(user, path, &["generating", "complete"], Duration::from_secs(2)).await;
        assert_eq!(reply["attempt"], 2, "{}", process.log());
    }
    let took = up.elapsed();
    for (user, path) in &asked {
        let reply = reaches(user, path, &["complete", "failed"], SOON).await;
        assert_eq!((&reply["outcome"], &reply["attempt"]), (&"completed".into(), &2.into()));
        assert_eq!(user.used().await, 1);
    }
    figures(&format!("R4 sqlite: 3 orphans taken up {took:?} after a restart (at most 2 s)"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_takes_the_jobs_of_a_killed_one_over() {
    let Some(engine) = Engine::postgres().await else { return };
    let site = Site::new(&engine, &[]).await;
    let doomed = site.start().await;
    let user = doomed.client().sign_in(&fresh_number()).await;
    let mut asked = Vec::new();
    for number in 0..2 {
        asked.push(ask(&user, &long_message(&number.to_string())).await);
    }
    for path in &asked {
        reaches(&user, path, &["generating"], SOON).await;
    }
    let other = site.start().await;
    let user = other.client_of(&user);
    doomed.kill();
    let died = Instant::now();
    for path in &asked {
        until(SOON, "a takeover within 20 s of the kill", || async {
            (user.get(path).await.expect(200).body["attempt"] == 2).then_some(())
        })
        .await;
    }
    let took = died.elapsed();
    assert!(took <= SOON, "{took:?}");
    for path in &asked {
        assert_eq!(reaches(&user, path, &["complete", "failed"], SOON).await["outcome"], "completed");
    }
    assert_eq!(user.used().await, 2);
    figures(&format!("R4 postgres: 2 orphans taken over {took:?} after the kill (at most 20 s)"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_slept_past_its_lease_wakes_up_and_changes_nothing() {
    let Some(engine) = Engine::postgres().await else { return };
    let site = Site::new(&engine, &[]).await;
    let sleeper = site.start().await;
    let user = sleeper.client().sign_in(&fresh_number()).await;
    let room = user.room().await;
    let path = path_of(&user.say(&room, &long_message("zzz")).await.expect(202).body);
    reaches(&user, &path, &["generating"], SOON).await;
    sleeper.signal("STOP");
    let slept = Instant::now();

    let other = site.start().await;
    let witness = other.client_of(&user);
    until(SOON, "a takeover", || async { (witness.get(&path).await.expect(200).body["attempt"] == 2).then_some(()) })
        .await;
    let taken = slept.elapsed();
    let reply = reaches(&witness, &path, &["complete", "failed"], SOON).await;
    assert_eq!((&reply["outcome"], &reply["attempt"]), (&"completed".into(), &2.into()));

    sleeper.signal("CONT");
    let next = path_of(&user.say(&room, "Awake again?").await.expect(202).body);
    reaches(&user, &next, &["complete"], SOON).await;
    // What the sleeper had begun would have ended by now, had it gone on.
    reaches(&user, &ask(&user, &long_message("later")).await, &["complete"], SOON).await;
    assert_eq!(user.get(&path).await.expect(200).body, reply, "{}", sleeper.log());
    assert_eq!(user.used().await, 3);
    figures(&format!("R4 zombie: taken over {taken:?} after it fell asleep (at most 20 s), 0 of 1 changed a row"));
}
