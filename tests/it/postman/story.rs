//! What the collection does, in order: from a new number to Pro and out again. Each step is an operation of the document,
//! named by its id, and says what it needs, what it keeps for later steps, and what must be true of its answer.

use serde_json::{Value, json};

use super::scripts::{DRAW_NUMBERS, FRIEND_SIGNS_IN, JUDGE, LEAVE, PAY, SIGN};
use super::step::{Step, operation, page};

/// Values that steps share: name, what it is at first, and what it is.
pub const VARIABLES: &[(&str, &str, &str)] = &[
    ("base_url", "http://127.0.0.1:8000", "Where Pollux is"),
    ("mobile", "", "Your number; while it is empty, each run is somebody new"),
    ("password", "seven green herons", "The password that is set on the way"),
    ("webhook_secret", "", "STRIPE_WEBHOOK_SECRET of the server, to sign an event with; empty shows the refusal"),
    ("otp", "", "The code; kept by «Send a code» where the server shows codes, else to be typed in"),
    ("challenge_id", "", ""),
    ("token", "", "The access token that every request uses"),
    ("refresh_token", "", ""),
    ("session_id", "", "Another device's session"),
    ("friend_mobile", "", "A second number, whose account is closed at the end of its story"),
    ("friend_otp", "", ""),
    ("friend_challenge_id", "", ""),
    ("friend_token", "", ""),
    ("room_id", "", ""),
    ("message_id", "", ""),
    ("reply_id", "", ""),
    ("checkout_url", "", "The page to pay on"),
    ("event_id", "", ""),
    ("event_time", "", ""),
    ("stripe_signature", "", ""),
];

/// The folders, in the order in which they run.
pub fn folders() -> Vec<(&'static str, &'static str, Vec<Step>)> {
    vec![
        ("about", "Is the server there, and what do its refusals mean?", about()),
        ("auth", "A number, a code, a token; devices and passwords.", auth()),
        ("user", "The account itself.", user()),
        ("chatrooms", "Rooms, messages and replies.", chatrooms()),
        ("subscription", "From Basic to Pro. The demo page takes no money; at Stripe, pay by hand.", subscription()),
        ("webhook", "What Stripe tells the server.", webhook()),
        ("sign out", "The end of the session.", sign_out()),
    ]
}

fn about() -> Vec<Step> {
    vec![
        operation("health").is("The process lives", "answer.status", "ok"),
        operation("ready").is("It can work", "answer.status", "ready"),
        operation("show_problem").at("code", "quota_exceeded").is("It is a 429", "answer.status", 429),
    ]
}

fn auth() -> Vec<Step> {
    vec![
        operation("sign_up").before(DRAW_NUMBERS).with(json!({"mobile": "{{mobile}}", "name": "Asha"})),
        operation("send_otp")
            .with(json!({"mobile": "{{mobile}}"}))
            .keeps("challenge_id", "answer.challenge_id")
            .keeps("otp", "answer.otp || \"\""),
        operation("verify_otp")
            .with(json!({"mobile": "{{mobile}}", "otp": "{{otp}}", "challenge_id": "{{challenge_id}}"}))
            .keeps("token", "answer.access_token")
            .keeps("refresh_token", "answer.refresh_token"),
        operation("refresh_tokens")
            .with(json!({"refresh_token": "{{refresh_token}}"}))
            .keeps("token", "answer.access_token")
            .keeps("refresh_token", "answer.refresh_token"),
        operation("change_password").with(json!({"new_password": "{{password}}"})),
        operation("log_in")
            .told("As a second device: the first one's token stays in use.")
            .with(json!({"mobile": "{{mobile}}", "password": "{{password}}"}))
            .is("It is the same account", "answer.user.name", "Asha"),
        operation("list_sessions")
            .is("Two devices are signed in", "answer.sessions.length", 2)
            .keeps("session_id", "answer.sessions.find((session) => !session.current).id"),
        operation("end_session").at("id", "{{session_id}}"),
        operation("forgot_password")
            .told("For a second number, as a number may have one code a minute.")
            .with(json!({"mobile": "{{friend_mobile}}"}))
            .keeps("friend_challenge_id", "answer.challenge_id")
            .keeps("friend_otp", "answer.otp || \"\""),
        operation("reset_password").with(json!({
            "mobile": "{{friend_mobile}}", "otp": "{{friend_otp}}", "challenge_id": "{{friend_challenge_id}}",
            "new_password": "{{password}}",
        })),
    ]
}

fn user() -> Vec<Step> {
    vec![
        operation("show_me").is("The account is on Basic", "answer.subscription_tier", "Basic").is(
            "It has a password",
            "answer.has_password",
            true,
        ),
        operation("update_me").with(json!({"name": "Asha Rao"})).is("The name is new", "answer.name", "Asha Rao"),
        operation("show_usage"),
        operation("export_me").is("It is about this account", "answer.account.name", "Asha Rao"),
        operation("close_me")
            .told("Of the second number, which signs in by its password just before.")
            .before(FRIEND_SIGNS_IN)
            .by("{{friend_token}}")
            .with(json!({"password": "{{password}}"})),
    ]
}

fn chatrooms() -> Vec<Step> {
    vec![
        operation("create_chatroom")
            .header("Idempotency-Key", "{{$guid}}")
            .with(json!({"name": "Trip to Goa", "instructions": "Answer in one sentence."}))
            .keeps("room_id", "answer.id"),
        operation("list_chatrooms").is(
            "The room is in it",
            "answer.chatrooms.some((room) => room.id === pm.variables.get(\"room_id\"))",
            true,
        ),
        operation("update_chatroom").at("id", "{{room_id}}").with(json!({"name": "Goa in May"})).is(
            "It has its new name",
            "answer.name",
            "Goa in May",
        ),
        operation("send_message")
            .told("This waits for the reply. Without `Prefer` the answer is 202 at once, and the reply is read later.")
            .at("id", "{{room_id}}")
            .header("Idempotency-Key", "{{$guid}}")
            .header("Prefer", "wait=25")
            .with(json!({"content": "Why is the sky blue?"}))
            .answers("200")
            .is("The reply is there", "answer.reply.outcome", "completed")
            .is("One message of the day is used", "answer.quota.used", 1)
            .keeps("message_id", "answer.message.id")
            .keeps("reply_id", "answer.reply.id"),
        operation("show_message").at("id", "{{room_id}}").at("mid", "{{reply_id}}").is(
            "It answers the message",
            "answer.reply_to === pm.variables.get(\"message_id\")",
            true,
        ),
        operation("stop_message")
            .told("The reply has ended, so this changes nothing.")
            .at("id", "{{room_id}}")
            .at("mid", "{{reply_id}}")
            .is("It stays as it ended", "answer.message.outcome", "completed"),
        operation("regenerate_message")
            .told("The first reply is kept.")
            .at("id", "{{room_id}}")
            .at("mid", "{{message_id}}")
            .header("Idempotency-Key", "{{$guid}}")
            .header("Prefer", "wait=25")
            .answers("200")
            .is("It answers the same message", "answer.reply.reply_to === pm.variables.get(\"message_id\")", true),
        operation("retry_message")
            .told("Only a reply that failed is tried again, and this one did not.")
            .at("id", "{{room_id}}")
            .at("mid", "{{reply_id}}")
            .answers("409"),
        operation("list_messages").at("id", "{{room_id}}").is(
            "Question and replies, in order",
            "answer.messages.map((one) => one.role).join() === \"user,assistant,assistant\"",
            true,
        ),
        operation("show_chatroom").at("id", "{{room_id}}").is("All are in it", "answer.messages.length", 3),
        operation("delete_chatroom").at("id", "{{room_id}}"),
        operation("watch_chatroom")
            .told(
                "A client shows a stream when it is over, and that of a room that is there goes on and on; so this room is gone. To \
                 see one, copy the request as cURL, add -N, and send a message meanwhile.",
            )
            .at("id", "{{room_id}}")
            .answers("404"),
    ]
}

fn subscription() -> Vec<Step> {
    let tier = "answer.subscription_tier";
    vec![
        operation("subscribe").keeps("checkout_url", "answer.checkout_url"),
        operation("subscribe_by_get").is(
            "It is the same page",
            "answer.checkout_url === pm.variables.get(\"checkout_url\")",
            true,
        ),
        page("Pay on the demo page", PAY),
        operation("sync").is("The plan is Pro", tier, "Pro"),
        operation("show_status").is("The plan is Pro", tier, "Pro").is(
            "Messages are unlimited",
            "answer.quota.limit",
            json!(null),
        ),
        operation("open_portal").is("There is a page", "answer.portal_url.startsWith(\"http\")", true),
        operation("cancel").is("It ends with its period", "answer.cancel_at_period_end", true).is(
            "It is still Pro",
            tier,
            "Pro",
        ),
        operation("resume").is("It goes on", "answer.cancel_at_period_end", false),
    ]
}

fn webhook() -> Vec<Step> {
    let event = json!({
        "id": "{{event_id}}", "object": "event", "type": "customer.subscription.updated", "created": "{{event_time}}",
        "livemode": false, "data": {"object": {"object": "subscription", "customer": "cus_of_nobody"}},
    });
    vec![
        operation("take_event")
            .told("Signed with `webhook_secret`. While that is empty, this shows what becomes of an event that is not signed.")
            .before(SIGN)
            .header("Stripe-Signature", "{{stripe_signature}}")
            .with(event)
            .unquoted("{{event_time}}")
            .judged_by(JUDGE),
    ]
}

fn sign_out() -> Vec<Step> {
    vec![operation("log_out").after(LEAVE)]
}

/// The extra request of a page that is no operation.
pub fn pay() -> Value {
    json!({
        "method": "POST",
        "auth": {"type": "noauth"},
        "header": [],
        "url": {"raw": "{{checkout_url}}", "host": ["{{checkout_url}}"]},
        "body": {"mode": "urlencoded", "urlencoded": [{"key": "outcome", "value": "paid"}]},
        "description": "Presses «Pay» on the demo's page. A real checkout of Stripe is left out: pay there in a browser.",
    })
}
