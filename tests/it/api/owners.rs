//! Whose data: every operation of the document with another's ids, and with members that are nobody's to set.

use std::time::Duration;

use serde_json::{Value, json};

use super::operations::Operation;
use super::{UNKNOWN, told};
use crate::harness::{Client, TestApp, on_both_engines};

/// A user's room with a message and its reply, and everything the user can see of them.
struct Owned {
    user: Client,
    room: String,
    message: String,
    /// Another session of the user's.
    session: String,
}

impl Owned {
    async fn new(app: &TestApp) -> Self {
        let user = app.user().await;
        let room = user.room().await;
        let sent = user.say(&room, "mine").await.expect(202);
        app.run_jobs().await;
        let message = sent.body["reply"]["id"].as_str().unwrap().to_owned();
        app.advance(Duration::from_mins(1));
        app.client().sign_in(&user.mobile).await;
        let session =
            user.get("/auth/sessions").await.expect(200).body["sessions"][0]["id"].as_str().unwrap().to_owned();
        Self { user, room, message, session }
    }

    /// The path of an operation with what it is about in it.
    fn path(&self, operation: &Operation) -> String {
        let first = if operation.path.starts_with("/auth/sessions") { &self.session } else { &self.room };
        operation.at(first, &self.message)
    }

    async fn seen(&self) -> [Value; 4] {
        let detail = format!("/chatroom/{}", self.room);
        [
            self.user.get("/user/me").await.expect(200).body,
            self.user.get("/chatroom").await.expect(200).body,
            self.user.get(&detail).await.expect(200).body,
            self.user.get("/auth/sessions").await.expect(200).body,
        ]
    }
}

on_both_engines! {
    async fn what_is_anothers_is_as_unknown_byte_for_byte_and_stays_untouched(app) {
        let (mine, theirs) = (Owned::new(&app).await, Owned::new(&app).await);
        let before = (mine.seen().await, theirs.seen().await);
        let with_ids: Vec<_> = Operation::all().into_iter().filter(Operation::has_ids).collect();
        assert!(with_ids.len() >= 6);
        for operation in &with_ids {
            let body = operation.example();
            let unknown = operation.call(&mine.user, &operation.at(UNKNOWN, UNKNOWN), body.as_ref()).await;
            let unknown = told(&unknown.expect_problem(404, "not_found"));
            let mut others = vec![(theirs.room.as_str(), theirs.message.as_str()), ("nonsense", "nonsense"), (UNKNOWN, &mine.message)];
            if operation.path.contains("{mid}") {
                others.extend([(mine.room.as_str(), theirs.message.as_str()), (&theirs.room, &mine.message), (&mine.room, "nonsense")]);
            }
            for (room, message) in others {
                let answer = operation.call(&mine.user, &operation.at(room, message), body.as_ref()).await;
                assert_eq!(told(&answer), unknown, "{} {}", operation.method, operation.path);
            }
            let foreign = operation.call(&mine.user, &theirs.path(operation), body.as_ref()).await;
            assert_eq!(told(&foreign), unknown, "{} {}", operation.method, operation.path);
            let stranger = operation.call(&app.client(), &theirs.path(operation), body.as_ref()).await;
            stranger.expect_problem(401, "authentication_required");
        }
        assert_eq!((mine.seen().await, theirs.seen().await), before);
        // With one's own ids each of them works; the deletion comes last.
        let (last, first): (Vec<_>, Vec<_>) =
            with_ids.iter().partition(|operation| operation.method == "DELETE" && !operation.path.contains("{mid}"));
        for operation in first.into_iter().chain(last) {
            let answer = operation.call(&mine.user, &mine.path(operation), operation.example().as_ref()).await;
            let allowed = answer.status < 300 || answer.status == 409;
            assert!(allowed, "{} {}: {}", operation.method, operation.path, answer.text);
            operation.check(&answer);
        }
    }

    async fn members_that_are_not_the_callers_to_set_are_refused_everywhere(app) {
        let mine = Owned::new(&app).await;
        let before = mine.seen().await;
        let foreign = [
            "id", "user_id", "owner", "created_at", "updated_at", "tier", "subscription_tier", "status", "role",
            "outcome", "used", "quota", "price", "success_url", "chatroom_id", "is_admin", "__proto__", "constructor",
        ];
        // What is signed by another service is not a caller's to write.
        let is_a_callers = |operation: &Operation| operation.schema.is_some() && operation.told["tags"][0] != "webhook";
        let with_body: Vec<_> = Operation::all().into_iter().filter(is_a_callers).collect();
        assert!(with_body.len() >= 5);
        for operation in with_body {
            let known = operation.schema.as_ref().unwrap()["properties"].as_object().unwrap().clone();
            for member in foreign.into_iter().filter(|member| !known.contains_key(*member)) {
                let mut body = operation.example().unwrap();
                body[member] = json!("x");
                let answer = operation.call(&mine.user, &operation.at(&mine.room, &mine.message), Some(&body)).await;
                answer.expect_flaw(&format!("/{member}"), "unknown_member");
            }
        }
        assert_eq!(mine.seen().await, before);
    }
}
