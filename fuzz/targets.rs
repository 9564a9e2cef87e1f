//! What is fuzzed: each reader of bytes that strangers send, with what must be true of it whatever they are. The
//! programs of `cargo fuzz` and the suite's replay of the corpus run the same functions.

use std::sync::OnceLock;
use std::time::Duration;

use pollux::app::App;
use pollux::config::{Config, Settings};
use pollux::domain::ids::{SessionId, UserId};
use pollux::domain::markdown::{self as tree, Block, DEPTH, Element, Node};
use pollux::domain::opaque::RefreshToken;
use pollux::domain::phone::Phone;
use pollux::domain::time::{Clock, Timestamp};
use pollux::domain::token::{Bearer, TokenFault, TokenRing};
use pollux::error::{Code, Error};
use pollux::http::auth::{SendOtp, SignUp, VerifyOtp};
use pollux::http::form::{Fields, Form, Nothing};
use pollux::http::json;
use pollux::http::markdown::MarkdownTexts;
use pollux::http::messages::{MessagePage, SendMessage};
use pollux::http::paging::{List, Page};
use pollux::http::passwords::{ChangePassword, ForgotPassword, LogIn, ResetPassword};
use pollux::http::sessions::{Refresh, SignOut};
use pollux::providers::model_gemini::reader::AnswerReader;
use pollux::providers::payments_stripe::{event, signature};
use pollux::providers::sender_twilio::report;
use pollux::services::chats::RoomWish;
use pollux::services::closing::Shown;
use pollux::start;
use pollux::storage::{AccountChange, ChatroomChange};
use serde_json::{Value, json};

/// Noon of 21 November 2026, when every target runs.
const NOON: Timestamp = Timestamp::from_millis(1_795_262_400_000);
/// When the recorded signatures of Stripe were made.
const SIGNED_AT: Timestamp = Timestamp::from_millis(1_795_255_200_000);
const KEY: &str = "k7Qf2vXw9LmT4sZr8YbN1cJ6hGdP3aUe";
const WEBHOOK_SECRET: &str = "whsec_exampleSecretForTestsOnly000000";
const MAX_TEXT: usize = 1024 * 1024;

/// A target, and the name of its program and its corpus.
type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 12] = [
    ("json_body", json_body),
    ("forms", forms),
    ("queries", queries),
    ("phone", phone),
    ("access_token", access_token),
    ("refresh_token", refresh_token),
    ("cursor", cursor),
    ("gemini_stream", gemini_stream),
    ("stripe_webhook", stripe_webhook),
    ("twilio_report", twilio_report),
    ("settings", settings),
    ("markdown", markdown),
];

/// Runs the target of that name.
pub fn run(name: &str, data: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("a target of that name");
    target(data);
}

/// A house without doors, for forms whose rules depend on the settings.
fn app() -> &'static App {
    static APP: OnceLock<(App, tempfile::TempDir, tokio::runtime::Runtime)> = OnceLock::new();
    let open = || {
        // A thread of its own, because a runtime can't be started from within another.
        let building = std::thread::spawn(|| {
            let home = tempfile::tempdir().unwrap();
            let data = home.path().to_str().unwrap().to_owned();
            let pairs = [("DATA_DIR", data.as_str()), ("JWT_SECRET", KEY), ("PAYMENTS", "off")];
            let config = Config::read(&Settings::from_pairs(pairs)).unwrap();
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let house = runtime.block_on(start::open(config, Clock::manual(NOON), None)).unwrap();
            (house.app.clone(), home, runtime)
        });
        building.join().unwrap()
    };
    &APP.get_or_init(open).0
}

/// A body is read as any reader would read it, or refused without an echo of it.
fn json_body(data: &[u8]) {
    match json::read(data) {
        Ok(value) => {
            assert_eq!(serde_json::from_slice::<Value>(data).unwrap(), value);
            let written = value.to_string();
            let again = json::read(written.as_bytes()).unwrap();
            assert_eq!(json::read(again.to_string().as_bytes()).unwrap().to_string().len(), again.to_string().len());
        }
        Err(error) => {
            assert_eq!(error.code(), Code::InvalidJson);
            let place = error.detail().strip_prefix("The body is not one JSON value (line ").unwrap();
            assert!(place.bytes().all(|byte| byte.is_ascii_digit() || b", columnd).".contains(&byte)), "{place}");
        }
    }
}

/// The first byte chooses the form, the rest is its body.
fn forms(data: &[u8]) {
    let Some((choice, body)) = data.split_first() else { return };
    let Ok(body) = json::read(body) else { return };
    match choice % 15 {
        0 => form::<SignUp>(body),
        1 => form::<SendOtp>(body),
        2 => form::<VerifyOtp>(body),
        3 => form::<LogIn>(body),
        4 => form::<ForgotPassword>(body),
        5 => form::<ResetPassword>(body),
        6 => form::<ChangePassword>(body),
        7 => form::<Refresh>(body),
        8 => form::<RoomWish>(body),
        9 => form::<ChatroomChange>(body),
        10 => form::<SendMessage>(body),
        11 => form::<AccountChange>(body),
        12 => form::<Shown>(body),
        13 => form::<MarkdownTexts>(body),
        _ => form::<Nothing>(body),
    }
}

/// A form says the same each time, points at what is wrong, and takes nothing that it does not name.
fn form<T: Form>(body: Value) {
    let first = verdict(Fields::read_body::<T>(app(), body.clone()));
    assert_eq!(verdict(Fields::read_body::<T>(app(), body.clone())), first);
    let Value::Object(mut members) = body else {
        assert_eq!(first, [(String::new(), "not_an_object")]);
        return;
    };
    for (pointer, _) in &first {
        let name = pointer.strip_prefix('/').unwrap().replace("~1", "/").replace("~0", "~");
        let is_required = ["mobile", "otp", "password", "new_password", "content", "texts"].contains(&name.as_str());
        assert!(members.contains_key(&name) || is_required, "{pointer} points at nothing");
    }
    let stranger = "a member that no form has";
    members.insert(stranger.to_owned(), json!(null));
    let refused = verdict(Fields::read_body::<T>(app(), members.into()));
    assert!(refused.contains(&(format!("/{stranger}"), "unknown_member")));
    assert!(first.iter().all(|flaw| refused.contains(flaw)));
}

/// The flaws of a refusal; none when the form was taken.
fn verdict<T>(read: Result<T, Error>) -> Vec<(String, &'static str)> {
    let Err(error) = read else { return Vec::new() };
    assert_eq!(error.code(), Code::ValidationFailed);
    assert!(!error.flaws().is_empty());
    error.flaws().iter().map(|flaw| (flaw.pointer.clone(), flaw.code)).collect()
}

/// A query is a page of 1 to 100, or its keys are pointed at.
fn queries(data: &[u8]) {
    let Ok(query) = std::str::from_utf8(data) else { return };
    if let Ok(page) = Fields::read_query::<Page>(app(), query) {
        assert!((1..=100).contains(&page.limit));
    }
    for flaws in [
        verdict(Fields::read_query::<Page>(app(), query)),
        verdict(Fields::read_query::<MessagePage>(app(), query)),
        verdict(Fields::read_query::<SignOut>(app(), query)),
        verdict(Fields::read_query::<Nothing>(app(), query)),
    ] {
        assert!(flaws.iter().all(|(pointer, _)| pointer.starts_with('?')));
    }
}

/// A number has one normal form, which is read as itself, however it was spaced; a log shows two digits of it.
fn phone(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for country in [None, Some("91")] {
        let Ok(phone) = Phone::parse(text, country) else { continue };
        let normal = phone.as_str();
        assert!(normal.starts_with('+') && (9..=16).contains(&normal.len()), "{normal}");
        assert!(normal[1..].bytes().all(|byte| byte.is_ascii_digit()) && !normal.starts_with("+0"), "{normal}");
        assert_eq!(Phone::parse(normal, country).as_ref(), Ok(&phone));
        let spaced: String = text.chars().flat_map(|c| [' ', c, '-', ')']).collect();
        assert_eq!(Phone::parse(&spaced, country).as_ref(), Ok(&phone));
        assert_eq!(format!("{phone:?}"), format!("…{}", &normal[normal.len() - 2..]));
        assert!(normal.starts_with(phone.block()) && normal.len() == phone.block().len() + 4);
    }
}

/// A token is accepted when it is one that was minted, to the last bit, and while it lives.
fn access_token(data: &[u8]) {
    let ring = TokenRing::new(KEY.as_bytes(), None, Duration::from_hours(1));
    if let Ok(text) = std::str::from_utf8(data) {
        assert_eq!(ring.read(text, NOON), Err(TokenFault::Invalid));
    }
    let bearer = Bearer { user_id: UserId::new(NOON), session_id: SessionId::new(NOON) };
    let token = ring.mint(bearer, NOON);
    let changed = edited(token.as_bytes(), data);
    let Ok(changed) = std::str::from_utf8(&changed) else { return };
    let expected = if changed == token { Ok(bearer) } else { Err(TokenFault::Invalid) };
    assert_eq!(ring.read(changed, NOON), expected);
    if changed == token {
        assert_eq!(ring.read(changed, NOON + Duration::from_hours(1)), Err(TokenFault::Expired));
    }
}

/// Changes a text as told: three bytes say where, how and to what.
fn edited(text: &[u8], edits: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    for edit in edits.chunks_exact(3).take(8) {
        let place = (usize::from(edit[0]) * 7 + usize::from(edit[1] >> 2)) % (text.len() + 1);
        match edit[1] % 4 {
            0 => text.insert(place, edit[2]),
            1 if place < text.len() => text[place] = edit[2],
            2 if place < text.len() => drop(text.remove(place)),
            _ => text.truncate(place.max(1)),
        }
    }
    text
}

/// A refresh token has one spelling, and any 32 bytes make one.
fn refresh_token(data: &[u8]) {
    if let Some(token) = std::str::from_utf8(data).ok().and_then(RefreshToken::parse) {
        assert_eq!(token.as_str().as_bytes(), data);
        assert_eq!(data.len(), 46);
    }
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(data).for_each(|(byte, from)| *byte = *from);
    let token = RefreshToken::of(bytes);
    assert_eq!(RefreshToken::parse(token.as_str()), Some(token.clone()));
    assert_eq!(format!("{token:?}"), "RefreshToken");
    let changed = edited(token.as_str().as_bytes(), data);
    if let Some(other) = std::str::from_utf8(&changed).ok().and_then(RefreshToken::parse) {
        assert_eq!(other == token, changed == token.as_str().as_bytes());
        assert_eq!(other.digest() == token.digest(), other == token);
    }
}

/// A cursor opens for the user and the list it was sealed for, unchanged, and for nothing else.
fn cursor(data: &[u8]) {
    let (user, other) = (UserId::from_bytes([7; 16]), UserId::from_bytes([8; 16]));
    let list = List { user, name: "chatrooms" };
    if let Ok(text) = std::str::from_utf8(data) {
        assert_refused(list.open::<24>(app(), text));
        assert_refused(list.open::<8>(app(), text));
    }
    let mut place = [0; 24];
    place.iter_mut().zip(data).for_each(|(byte, from)| *byte = *from);
    let sealed = list.seal(app(), &place);
    assert_eq!(list.open::<24>(app(), &sealed).ok(), Some(place));
    assert_refused(list.open::<16>(app(), &sealed));
    assert_refused(List { user: other, ..list }.open::<24>(app(), &sealed));
    assert_refused(List { name: "sessions", ..list }.open::<24>(app(), &sealed));
    let changed = edited(sealed.as_bytes(), data);
    if let Ok(changed) = std::str::from_utf8(&changed) {
        assert_eq!(list.open::<24>(app(), changed).is_ok(), changed == sealed);
    }
}

fn assert_refused<T: std::fmt::Debug>(opened: Result<T, Error>) {
    assert_eq!(opened.unwrap_err().code(), Code::InvalidCursor);
}

/// An answer is the same however the network cuts it; the first byte says how.
fn gemini_stream(data: &[u8]) {
    let Some((size, body)) = data.split_first() else { return };
    let whole = read_answer([body]);
    assert!(whole.0.len() <= MAX_TEXT);
    assert_eq!(read_answer(body.chunks(usize::from(*size).max(1))), whole);
    let (before, after) = body.split_at(body.len() * usize::from(*size) / 256);
    assert_eq!(read_answer([before, &[], after]), whole);
}

type Told = (String, Result<pollux::providers::model::Ending, pollux::providers::model::ModelError>);

fn read_answer<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Told {
    let (mut reader, mut text) = (AnswerReader::new(MAX_TEXT), String::new());
    for piece in pieces {
        if let Err(failure) = reader.push(piece, &mut text) {
            return (text, Err(failure));
        }
    }
    let end = reader.finish(&mut text);
    (text, end)
}

/// The first line is the header, the rest the body: what is believed has the one signature that we would make.
fn stripe_webhook(data: &[u8]) {
    let cut = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let body = data.get(cut + 1..).unwrap_or_default();
    let secrets = [WEBHOOK_SECRET.into()];
    if let Ok(header) = std::str::from_utf8(&data[..cut])
        && signature::verify(header, body, &secrets, SIGNED_AT).is_ok()
    {
        let time = header.split(',').find_map(|pair| pair.strip_prefix("t=")).unwrap();
        let signed_at = Timestamp::from_millis(time.parse::<i64>().unwrap() * 1_000);
        assert!((signed_at.as_secs() - SIGNED_AT.as_secs()).abs() <= 300);
        let ours = signature::sign(WEBHOOK_SECRET, body, signed_at);
        let (_, ours) = ours.split_once(',').unwrap();
        assert!(time.starts_with('0') || header.split(',').any(|pair| pair == ours));
    }
    let header = signature::sign(WEBHOOK_SECRET, body, SIGNED_AT);
    assert_eq!(signature::verify(&header, body, &secrets, SIGNED_AT), Ok(()));
    let changed = edited(body, data);
    assert_eq!(signature::verify(&header, &changed, &secrets, SIGNED_AT).is_ok(), changed == body);
    let changed = edited(header.as_bytes(), data);
    if let Ok(changed) = std::str::from_utf8(&changed)
        && !changed.contains(&header[header.find("v1=").unwrap_or_default()..])
    {
        assert!(signature::verify(changed, body, &secrets, SIGNED_AT).is_err());
    }
    stripe_event(body);
}

/// An event is named within bounds, and the same however its JSON is written.
fn stripe_event(body: &[u8]) {
    let Ok(read) = event::read_event(body) else { return };
    for name in [&read.id, &read.event_type] {
        assert!((1..=255).contains(&name.len()) && name.is_ascii());
    }
    assert!(read.action_url.as_ref().is_none_or(|url| url.starts_with("https://")));
    let rewritten = serde_json::from_slice::<Value>(body).unwrap().to_string();
    assert_eq!(event::read_event(rewritten.as_bytes()), Ok(read));
}

/// The first line is the address, each further one a field: a signature is good in any order of the fields, and for
/// nothing more and nothing less.
fn twilio_report(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (url, lines) = text.split_once('\n').unwrap_or((text, ""));
    let form: Vec<(String, String)> = lines
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    let token = KEY.into();
    let signed = report::sign(KEY, url, &form);
    assert!(report::is_signed(&token, url, &form, &signed));
    assert!(!report::is_signed(&"".into(), url, &form, &report::sign("", url, &form)));
    let reversed: Vec<_> = form.iter().rev().cloned().collect();
    let twice: Vec<_> = form.iter().chain(&form).cloned().collect();
    assert!(report::is_signed(&token, url, &reversed, &signed) && report::is_signed(&token, url, &twice, &signed));
    let longer: Vec<_> = form.iter().cloned().chain([("~".to_owned(), "x".to_owned())]).collect();
    assert!(form.contains(&longer[form.len()]) || !report::is_signed(&token, url, &longer, &signed));
    let changed = edited(signed.as_bytes(), data);
    if let Ok(changed) = std::str::from_utf8(&changed) {
        assert_eq!(report::is_signed(&token, url, &form, changed), changed == signed);
    }
    for (_, status) in &form {
        assert_eq!(report::delivery(status), report::delivery(&status.clone()));
    }
}

/// A file of settings is read to its end or refused in words that hold no secret; a quoted value is read as it stands.
fn settings(data: &[u8]) {
    const CANARY: &str = "canary-5f1d0c9b7a";
    let Ok(text) = std::str::from_utf8(data) else { return };
    let file = format!("STRIPE_SECRET_KEY={CANARY}\nDB_PASSWORD={CANARY}\n{text}");
    let read = Settings::default().with_file_text(&file);
    let names = format!("{read:?}");
    assert!(!names.contains(CANARY));
    assert_eq!(format!("{:?}", read.clone().with_file_text(&file)), names);
    match Config::read(&read) {
        Ok(config) => assert!(!format!("{config:?}").contains(CANARY)),
        Err(faults) => assert!(!format!("{faults:?} {faults}").contains(CANARY), "{faults}"),
    }
    if !text.contains('\'') {
        let config = Config::read(&Settings::default().with_file_text(&format!("DATA_DIR='{text}'"))).unwrap();
        let expected = if text.trim().is_empty() { "./data" } else { text.trim() };
        assert_eq!(config.data_dir.to_str(), Some(expected));
    }
}

/// A text becomes blocks that lie behind one another, hold no more than it does, and link to pages and mailboxes alone.
fn markdown(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let blocks = tree::blocks(text);
    assert!(!blocks.is_empty() || text.trim().is_empty());
    assert!(blocks.windows(2).all(|pair| pair[0].end < pair[1].end));
    assert!(blocks.last().is_none_or(|block| block.end <= text.chars().count()));
    let mut nodes: Vec<(&Element, usize)> = blocks.iter().map(|Block { element, .. }| (element, 1)).collect();
    let mut seen = 0;
    while let Some((element, depth)) = nodes.pop() {
        seen += 1;
        assert!(depth <= DEPTH + 1);
        if let Element::Link { href, .. } = element {
            let scheme = href.split_once(':').unwrap().0.to_ascii_lowercase();
            assert!(["http", "https", "mailto"].contains(&scheme.as_str()), "{href}");
            assert!(!href.contains(|c: char| c.is_control() || c.is_whitespace()), "{href}");
        }
        let inside =
            element.children().filter_map(|node| if let Node::Element(inside) = node { Some(inside) } else { None });
        nodes.extend(inside.map(|inside| (inside, depth + 1)));
    }
    assert!(seen <= text.len(), "{seen} elements");
}
