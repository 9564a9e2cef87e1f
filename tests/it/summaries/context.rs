//! What a summary does for the context of a reply.

use pollux::domain::chat::{CONTEXT_TOKENS, estimate_tokens};
use pollux::domain::summary::{HEADING, INSTRUCTIONS, Material, Said};
use pollux::domain::title;
use pollux::fakes::gemini::{Call, FakeGemini};
use pollux::providers::model::Speaker;
use pollux::providers::model_demo::DemoAct;
use serde_json::{Value, json};

use super::{exchange, long_room, materials, summary};
use crate::harness::{Engine, TestApp, on_both_engines};

const FACT: &str = "Asha's boat is called Saraswati.";

fn texts(call: &Call) -> Vec<String> {
    let turns = call.body["contents"].as_array().unwrap();
    turns.iter().map(|turn| turn["parts"][0]["text"].as_str().unwrap().to_owned()).collect()
}

fn instructions(call: &Call) -> &str {
    call.body["systemInstruction"]["parts"][0]["text"].as_str().unwrap_or_default()
}

async fn two_hundred_messages(engine: Engine) {
    let gemini = FakeGemini::start().await.unwrap();
    let url = gemini.base_url();
    let settings = [("GEMINI_API_KEY", "a-key-of-tests-0123456789"), ("GEMINI_BASE_URL", url.as_str())];
    let app = TestApp::start_with(engine, &settings).await;
    let user = app.pro().await;
    let room = user.room().await;
    // About 300 tokens a message: a hundred exchanges are more than three budgets.
    let padding = "and so on ".repeat(118);
    for number in 0..100 {
        exchange(&app, &user, &room, &format!("{} {number} {padding}", if number == 0 { FACT } else { "Thing" })).await;
    }
    let calls = gemini.fake.calls();
    assert_eq!(calls.iter().filter(|call| instructions(call) == title::INSTRUCTIONS).count(), 0);
    let (summaries, replies): (Vec<_>, Vec<_>) = calls.iter().partition(|call| instructions(call) == INSTRUCTIONS);
    assert_eq!(replies.len(), 100);
    assert!((5..=15).contains(&summaries.len()), "{} summaries", summaries.len());
    for call in &replies {
        let texts = texts(call);
        let tokens: usize = texts.iter().map(|text| estimate_tokens(text)).sum();
        assert!(tokens <= CONTEXT_TOKENS && texts.len() <= 62, "{tokens} tokens in {} turns", texts.len());
    }
    let last = texts(replies[99]);
    assert!(last[0].starts_with(HEADING) && last[0].contains(FACT), "{}", last[0]);
    assert!(last.iter().skip(1).all(|text| !text.contains(FACT)), "the turn itself is long gone");
    assert!(last[1].starts_with("Thing") && last.last().unwrap().starts_with("Thing 99"));
    let kept = summary(&user, &room).await;
    assert!(kept["content"].as_str().unwrap().contains(FACT));
    assert!(estimate_tokens(kept["content"].as_str().unwrap()) <= 800);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_of_two_hundred_messages_stays_within_the_budget_and_keeps_its_first_fact_on_sqlite() {
    two_hundred_messages(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_of_two_hundred_messages_stays_within_the_budget_and_keeps_its_first_fact_on_postgres() {
    if let Some(engine) = Engine::postgres().await {
        two_hundred_messages(engine).await;
    }
}

on_both_engines! {
    ["BASIC_DAILY_LIMIT" = "1000"]
    async fn nothing_is_left_out_between_a_summary_and_the_turns_that_go_along(app) {
        let user = app.user().await;
        let room = long_room(&app, &user).await;
        exchange(&app, &user, &room, "Thing 22.").await;
        exchange(&app, &user, &room, "Thing 23.").await;
        let made = materials(&app);
        assert_eq!((made.len(), made[0].summary.as_ref()), (1, None));
        let said = made[0].turns.iter().filter_map(|said| match said {
            Said::User(text) => Some(text.clone()),
            Said::Model(_) => None,
        });
        let prompt = app.model.last_prompt().unwrap();
        assert!(prompt.turns[0].text.starts_with(HEADING));
        let sent = prompt.turns.iter().skip(1).filter(|turn| turn.speaker == Speaker::User).map(|turn| turn.text.clone());
        let things = (2..=23).map(|number| format!("Thing {number}."));
        let all: Vec<_> = ["My name is Asha and I plan a trip to Goa.".to_owned()].into_iter().chain(things).collect();
        assert_eq!(said.chain(sent).collect::<Vec<_>>(), all);
    }

    ["BASIC_DAILY_LIMIT" = "1000"]
    async fn a_second_summary_is_made_of_the_first_and_what_follows(app) {
        let user = app.user().await;
        let room = long_room(&app, &user).await;
        for number in 22..=40 {
            exchange(&app, &user, &room, &format!("Thing {number}.")).await;
        }
        let made = materials(&app);
        assert_eq!(made.len(), 2);
        assert!(made[1].summary.as_ref().unwrap().contains("My name is Asha"));
        assert!(made[1].turns.iter().all(|said| !format!("{said:?}").contains("My name is Asha")));
        assert!(summary(&user, &room).await["content"].as_str().unwrap().contains("My name is Asha"));
        assert_eq!(user.used().await, 40, "summaries cost no unit");
    }

    ["BASIC_DAILY_LIMIT" = "1000"]
    async fn a_message_that_was_blocked_never_goes_into_a_summary(app) {
        let user = app.user().await;
        let room = user.room().await;
        app.model.then(DemoAct::BlockPrompt);
        exchange(&app, &user, &room, "A bad secret word.").await;
        for number in 2..=23 {
            exchange(&app, &user, &room, &format!("Thing {number}.")).await;
        }
        assert!(!summary(&user, &room).await.is_null());
        let asked: Vec<_> = app.model.prompts().into_iter().skip(1).collect();
        assert!(asked.iter().all(|prompt| !format!("{prompt:?}").contains("bad secret")));
    }

    ["BASIC_DAILY_LIMIT" = "1000"]
    async fn an_old_message_answered_again_is_answered_from_what_came_before_it(app) {
        let user = app.user().await;
        let room = user.room().await;
        let first = exchange(&app, &user, &room, "The first thing.").await;
        for number in 2..=22 {
            exchange(&app, &user, &room, &format!("Thing {number}.")).await;
        }
        assert!(!summary(&user, &room).await.is_null());
        let again = format!("/chatroom/{room}/message/{}/regenerate", first["message"]["id"].as_str().unwrap());
        user.post(&again, json!({})).await.expect(202);
        app.run_jobs().await;
        let prompt = app.model.last_prompt().unwrap();
        assert_eq!(prompt.turns.len(), 1);
        assert_eq!(prompt.turns[0].text, "The first thing.");
        exchange(&app, &user, &room, "And on.").await;
        let prompt = app.model.last_prompt().unwrap();
        assert!(prompt.turns[0].text.starts_with(HEADING), "what comes after goes by the summary");
        assert_eq!(prompt.turns[1].text, "Thing 12.");
    }

    ["BASIC_DAILY_LIMIT" = "1000"]
    async fn of_several_answers_the_newest_goes_into_a_summary_wherever_it_stands(app) {
        let user = app.user().await;
        let room = user.room().await;
        let first = exchange(&app, &user, &room, "The first thing.").await;
        for number in 2..=20 {
            exchange(&app, &user, &room, &format!("Thing {number}.")).await;
        }
        app.model.then(DemoAct::Say("The better answer.".to_owned()));
        let again = format!("/chatroom/{room}/message/{}/regenerate", first["message"]["id"].as_str().unwrap());
        user.post(&again, json!({})).await.expect(202);
        app.run_jobs().await;
        exchange(&app, &user, &room, "Thing 21.").await;
        exchange(&app, &user, &room, "Thing 22.").await;
        let made: Vec<Material> = materials(&app);
        let answers = [Said::User("The first thing.".into()), Said::Model("The better answer.".into())];
        assert_eq!(made[0].turns[..2], answers);
    }

    ["BASIC_DAILY_LIMIT" = "1000"]
    async fn a_long_message_goes_into_a_summary_cut(app) {
        let user = app.user().await;
        let room = user.room().await;
        for number in 0..4 {
            let words = format!("{number} {}", "ö ".repeat(7_900));
            app.model.then(DemoAct::Say("Yes.".to_owned()));
            exchange(&app, &user, &room, &words).await;
        }
        app.model.otherwise(DemoAct::Say("A summary.".to_owned()));
        exchange(&app, &user, &room, "Go on.").await;
        let made = materials(&app);
        let Said::User(first) = &made[0].turns[0] else { panic!("{:?}", made[0].turns[0]) };
        assert_eq!(first.chars().count(), pollux::domain::summary::SEEN);
        let kept: Value = summary(&user, &room).await;
        assert!(kept["content"].as_str().unwrap().len() <= 4_000);
    }
}
