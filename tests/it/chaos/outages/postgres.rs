//! PostgreSQL away.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{Outage, SLACK, told};
use crate::api::operations::Operation;
use crate::chaos::exposed::Exposed;
use crate::chaos::proxy::Way;
use crate::crash::traffic::PATIENCE;
use crate::harness::work::until;
use crate::harness::{Client, fresh_number};
use crate::proof::figures;

/// How soon whoever asks hears of it.
const REFUSED_WITHIN: Duration = Duration::from_millis(2_500);
/// How soon all is well again.
const WELL_WITHIN: Duration = Duration::from_secs(3);
/// People who ask all the same.
const CROWD: u32 = 80;
const BETWEEN: Duration = Duration::from_millis(40);
/// What needs no database, and what says more than «away» of it.
const WITHOUT: [&str; 3] = ["/health", "/ready", "/problems/{code}"];

/// A user with a room and an answered message in it.
struct Known {
    user: Client,
    room: String,
    reply: String,
}

impl Known {
    async fn new(house: &Exposed) -> Self {
        let user = house.client(0).sign_in(&fresh_number()).await;
        let room = user.room().await;
        let sent = user.say(&room, "Before it was gone").await.expect(202).body;
        Self { user, room, reply: sent["reply"]["id"].as_str().unwrap().to_owned() }
    }
}

impl Exposed {
    fn lose_postgres(&mut self, outage: Outage) {
        match outage {
            Outage::Stopped => self.cluster.servers.postgres.stop_at_once(),
            Outage::Blackholed => self.to_postgres.set(Way::Swallowed),
        }
    }

    /// Returns once it can be asked again.
    async fn regain_postgres(&mut self, outage: Outage) {
        match outage {
            Outage::Stopped => self.cluster.servers.postgres.start().await,
            Outage::Blackholed => self.to_postgres.set(Way::Open),
        }
    }
}

/// Asks for every operation at once; how long the slowest refusal took.
async fn all_are_refused(known: &Known) -> Duration {
    let operations: Vec<Operation> =
        Operation::all().into_iter().filter(|it| !WITHOUT.contains(&it.path.as_str())).collect();
    assert!(operations.len() > 25);
    let asked = operations.iter().filter(|it| it.told["tags"][0] != "webhook").map(|operation| async move {
        let (path, mut body) = (operation.at(&known.room, &known.reply), operation.example());
        // A token that is none needs no database to be refused.
        if let Some(token) = body.as_mut().and_then(|body| body.get_mut("refresh_token")) {
            *token = known.user.tokens["refresh_token"].clone();
        }
        let began = Instant::now();
        let answer = operation.call(&known.user, &path, body.as_ref()).await;
        (operation, answer, began.elapsed())
    });
    let mut longest = Duration::ZERO;
    for (operation, answer, took) in join_all(asked).await {
        let name = format!("{} {} in {took:?}", operation.method, operation.path);
        assert_eq!((answer.status, answer.code()), (503, "unavailable"), "{name}: {}", answer.text);
        assert!(answer.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0), "{name}");
        assert!(took <= REFUSED_WITHIN + SLACK, "{name}");
        longest = longest.max(took);
    }
    longest
}

/// More people than there are connections ask for codes, one after the other, from the first moment on; how long the
/// slowest refusal took.
async fn crowd_is_refused(house: &Exposed) -> Duration {
    let asked = (0..CROWD).map(|number| async move {
        tokio::time::sleep(BETWEEN * number).await;
        let client = house.client(0);
        let began = Instant::now();
        let answer = client.post("/auth/send-otp", json!({"mobile": fresh_number()})).await;
        (answer.expect_problem(503, "unavailable"), began.elapsed())
    });
    let longest = join_all(asked).await.into_iter().map(|(_, took)| took).max().unwrap();
    assert!(longest <= REFUSED_WITHIN + SLACK, "one of many was refused after {longest:?}");
    longest
}

async fn an_outage(house: &mut Exposed, outage: Outage) {
    let known = Known::new(house).await;
    house.lose_postgres(outage);
    let ((ready, ready_took), crowd) = tokio::join!(told(&known.user, "database", "away"), crowd_is_refused(house));
    ready.expect(503);
    // A session is believed for a second after it was looked up.
    until(PATIENCE, "a session that is looked up", || async {
        (known.user.get("/user/me").await.status == 503).then_some(())
    })
    .await;
    let longest = all_are_refused(&known).await.max(crowd);
    assert_eq!(known.user.get("/health").await.expect(200).body["status"], "ok");
    known.user.get("/problems/unavailable").await.expect(200);

    house.regain_postgres(outage).await;
    let back = Instant::now();
    let sent = until(WELL_WITHIN + SLACK, "an accepted message", || async {
        let answer = known.user.say(&known.room, "Are you well?").await;
        (answer.status == 202).then_some(answer.body)
    })
    .await;
    assert_eq!(known.user.get("/ready").await.expect(200).body["database"], "ok");
    let well = back.elapsed();
    answered(&known.user, &sent).await;
    house.cluster.check_alive();
    figures(&format!(
        "R12 PostgreSQL {outage:?}: every operation, and {CROWD} who came one by one, 503 within {longest:.1?} (at most 2.5 s), /ready says so within \
         {ready_took:.1?}, well {well:.1?} after its return (at most 3 s), answered {:.1?} after it",
        back.elapsed()
    ));
}

async fn answered(user: &Client, sent: &Value) {
    let path = crate::crash::path_of(sent);
    crate::crash::reaches(user, &path, &["complete"], PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_postgres_every_answer_is_a_quick_503_until_it_is_back() {
    // Where payments are set up, what has to do with them needs the database too.
    let stripe = [
        ("STRIPE_SECRET_KEY", "sk_test_a1b2c3d4e5f6"),
        ("STRIPE_WEBHOOK_SECRET", "whsec_a1b2c3d4e5f6"),
        ("STRIPE_PRICE_ID_PRO", "price_pro"),
        ("STRIPE_API_BASE", "http://127.0.0.1:9"),
    ];
    let settings = stripe.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    let Some(mut house) = Exposed::open((1, 1), settings).await else { return };
    for outage in [Outage::Stopped, Outage::Blackholed] {
        an_outage(&mut house, outage).await;
    }
}
