//! What the operator can count: after a story the counts are right, each metric is told of, and the dashboard asks for
//! those that there are.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::shop::in_both_shops;
use crate::harness::{Engine, TestApp, on_both_engines};

const ABOUT: &str = include_str!("../../docs/metrics.md");
const DASHBOARD: &str = include_str!("../../docs/grafana/pollux.json");

/// The value of a line, by its name and labels.
fn value(text: &str, series: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

fn expect(text: &str, series: &str, wanted: f64) {
    let found = value(text, series);
    assert!(found.is_some_and(|found| (found - wanted).abs() < 1e-9), "{series}: {found:?}, not {wanted}\n{text}");
}

fn at_least(text: &str, series: &str, wanted: f64) {
    assert!(value(text, series).is_some_and(|found| found >= wanted), "{series} is below {wanted}\n{text}");
}

on_both_engines! {
    ["BASIC_TIER_DAILY_LIMIT" = "1"] async fn a_story_of_messages_is_counted(app) {
        let user = app.user().await;
        let room = user.room().await;
        user.say(&room, "Hello").await.expect(202);
        user.say(&room, "Once more").await.expect_problem(429, "quota_exceeded");
        app.run_jobs().await;
        user.get("/chatroom").await.expect(200);
        user.get("/chatroom").await.expect(200);
        user.get(&format!("/api/v1/chatroom/{room}/")).await.expect(200);
        user.get("/nowhere").await.expect(404);
        user.get("/docs").await.expect(200);
        user.send(user.request(reqwest::Method::PUT, "/chatroom")).await.expect(405);
        let text = app.house.app.metrics_text();
        for (route, method, status, count) in [
            ("/chatroom/{id}/message", "POST", 202, 1.0),
            ("/chatroom/{id}/message", "POST", 429, 1.0),
            ("/chatroom", "GET", 200, 2.0),
            ("/chatroom/{id}", "GET", 200, 1.0),
            ("(none)", "GET", 404, 1.0),
            ("(page)", "GET", 200, 1.0),
        ] {
            let series = format!("pollux_requests_total{{route=\"{route}\",method=\"{method}\",status=\"{status}\"}}");
            expect(&text, &series, count);
        }
        assert!(text.contains("method=\"PUT\",status=\"405\"} 1"), "{text}");
        for (series, count) in [
            ("pollux_replies_total{outcome=\"completed\"}", 1.0),
            ("pollux_quota_refusals_total", 1.0),
            ("pollux_model_call_seconds_count", 1.0),
            ("pollux_model_first_text_seconds_count", 1.0),
            ("pollux_room_list_cache_total{source=\"hit\"}", 1.0),
            ("pollux_room_list_cache_total{source=\"miss\"}", 1.0),
            ("pollux_codes_total{event=\"used\"}", 1.0),
            ("pollux_database_writes_waiting", 0.0),
            ("pollux_build_info{version=\"0.1.0\"}", 1.0),
            ("process_start_time_seconds", 1_795_262_400.0),
        ] {
            expect(&text, series, count);
        }
        for (series, least) in [
            ("pollux_tokens_total{side=\"prompt\"}", 1.0),
            ("pollux_tokens_total{side=\"reply\"}", 1.0),
            ("pollux_session_cache_total{source=\"hit\"}", 1.0),
            ("pollux_database_commit_seconds_count", 3.0),
            ("pollux_database_commit_writes_sum", 3.0),
            ("pollux_request_seconds_count", 9.0),
            ("process_resident_memory_bytes", 1e6),
            ("process_open_fds", 3.0),
            ("process_max_fds", 3.0),
            ("process_cpu_seconds_total", 0.0),
        ] {
            at_least(&text, series, least);
        }
        if app.house.app.db.pool().is_some() {
            at_least(&text, "pollux_database_connections{state=\"used\"}", 1.0);
        }
    }

    async fn jobs_that_fail_and_wait_are_counted_by_their_kind(app) {
        use pollux::providers::model::ModelFault;
        let user = app.user().await;
        let room = user.room().await;
        app.model.fail_times(1, ModelFault::Away);
        user.say(&room, "Hello").await.expect(202);
        app.run_jobs().await;
        app.model.fail_times(1, ModelFault::Rejected);
        app.advance(std::time::Duration::from_secs(5));
        app.run_jobs().await;
        user.say(&room, "And again").await.expect(202);
        app.advance(std::time::Duration::from_secs(7));
        pollux::worker::measure(&app.house.app).await.unwrap();
        let text = app.house.app.metrics_text();
        for (series, count) in [
            ("pollux_job_retries_total{kind=\"reply\"}", 1.0),
            ("pollux_dead_jobs_total{kind=\"reply\"}", 1.0),
            ("pollux_replies_total{outcome=\"failed\"}", 1.0),
            ("pollux_model_faults_total{fault=\"model_unavailable\"}", 1.0),
            ("pollux_queue_jobs{state=\"ready\",kind=\"reply\"}", 1.0),
            ("pollux_queue_jobs{state=\"dead\",kind=\"reply\"}", 1.0),
            ("pollux_queue_jobs{state=\"ready\",kind=\"send_code\"}", 0.0),
            ("pollux_queue_age_seconds{kind=\"reply\"}", 7.0),
        ] {
            expect(&text, series, count);
        }
    }
}

in_both_shops! {
    async fn a_payment_is_counted(shop) {
        shop.subscriber().await;
        let text = shop.app.house.app.metrics_text();
        at_least(&text, "pollux_billing_events_total{outcome=\"taken\"}", 1.0);
        at_least(&text, "pollux_webhook_lag_seconds_count", 1.0);
        expect(&text, "pollux_plan_changes_total{plan=\"Pro\"}", 1.0);
        let route = "pollux_requests_total{route=\"/webhook/stripe\",method=\"POST\",status=\"200\"}";
        at_least(&text, route, 1.0);
    }
}

/// The names in the first column of the tables, and what their last column says.
fn documented() -> Vec<(String, bool)> {
    let rows = ABOUT.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let name = row.split('`').nth(1).unwrap().to_owned();
        (name, row.trim_end().ends_with("| yes |"))
    })
    .collect()
}

#[tokio::test]
async fn every_metric_is_told_of_and_nothing_else_is() {
    let app = TestApp::start(Engine::Sqlite).await;
    let there: BTreeSet<_> = app.house.app.metrics.names().iter().cloned().collect();
    let told: BTreeSet<_> = documented().into_iter().map(|(name, _)| name).collect();
    assert_eq!(there, told);
    for name in &there {
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
    }
    let text = app.house.app.metrics_text();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        assert!(there.contains(name) || there.contains(base), "{line}");
    }
}

/// The names of metrics in an expression.
fn names_in(expression: &str) -> impl Iterator<Item = &str> {
    let words = expression.split(|c: char| !c.is_ascii_lowercase() && c != '_');
    words.filter(|word| word.starts_with("pollux_") || word.starts_with("process_"))
}

fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, member)| match (name.as_str(), member) {
            ("expr" | "definition", Value::String(text)) => found.push(text.clone()),
            _ => expressions(member, found),
        }),
        Value::Array(items) => items.iter().for_each(|item| expressions(item, found)),
        _ => {}
    }
}

#[test]
fn the_dashboard_asks_for_what_there_is_and_shows_what_is_said_to_be_on_it() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let mut all = Vec::new();
    expressions(&dashboard, &mut all);
    assert!(all.len() > 30);
    let documented = documented();
    let mut shown = BTreeSet::new();
    for expression in &all {
        assert_eq!(expression.matches('(').count(), expression.matches(')').count(), "{expression}");
        let names: Vec<_> = names_in(expression).collect();
        assert!(!names.is_empty(), "{expression}");
        for name in names {
            let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
            let known = documented.iter().map(|(name, _)| name).find(|known| *known == name || *known == base);
            shown.insert(known.unwrap_or_else(|| panic!("{name} is no metric: {expression}")).clone());
        }
    }
    for (name, is_shown) in documented {
        assert_eq!(shown.contains(&name), is_shown, "{name}");
    }
    let rows = ["Requests", "Replies and queue", "Model", "Money", "Database", "Process"];
    let titles = dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] == "row");
    assert_eq!(titles.map(|row| row["title"].as_str().unwrap()).collect::<Vec<_>>(), rows);
    assert_eq!(dashboard["templating"]["list"][0]["type"], json!("datasource"));
}
