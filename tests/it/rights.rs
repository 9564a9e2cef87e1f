//! A person's rights over their data: to correct it, to see what was used, to take it along, and to have it erased.

mod closing;
mod crash;
mod export;
mod profile;
mod proofs;
mod races;
mod shops;
mod size;
mod usage;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::client::Answer;
use crate::harness::{Client, TestApp};

const PASSWORD: &str = "seven green herons";

/// Asks for the caller's account to be closed.
async fn close(client: &Client, proof: Option<Value>) -> Answer {
    let request = client.request(Method::DELETE, "/user/me");
    client
        .send(match proof {
            Some(proof) => request.header("content-type", "application/json").body(proof.to_string()),
            None => request,
        })
        .await
}

/// A code to confirm something with, and its challenge.
async fn confirmation(client: &Client, mobile: &str) -> Value {
    client.post("/auth/send-otp", json!({"mobile": mobile, "purpose": "confirm"})).await.expect(200).body
}

async fn set_password(client: &Client) {
    client.post("/auth/change-password", json!({"new_password": PASSWORD})).await.expect(200);
}

async fn log_in(client: &Client, mobile: &str) -> Answer {
    client.post("/auth/login", json!({"mobile": mobile, "password": PASSWORD})).await
}

/// A client that signs in by the password.
async fn by_password(app: &TestApp, mobile: &str) -> Client {
    let mut client = app.client();
    client.tokens = log_in(&client, mobile).await.expect(200).body;
    client.token = client.tokens["access_token"].as_str().map(ToOwned::to_owned);
    mobile.clone_into(&mut client.mobile);
    client
}

/// What must not be found anywhere when an account is erased: its number, its id in each spelling, its rooms, its texts.
struct Traces(Vec<String>);

impl Traces {
    async fn of(user: &Client, texts: &[&str]) -> Self {
        let mut ids = vec![user.get("/user/me").await.expect(200).body["id"].as_str().unwrap().to_owned()];
        for room in user.get("/chatroom?limit=100").await.expect(200).body["chatrooms"].as_array().unwrap() {
            ids.push(room["id"].as_str().unwrap().to_owned());
        }
        let bare: Vec<String> = ids.iter().map(|id| id.replace('-', "")).collect();
        let texts = texts.iter().map(|text| (*text).to_owned());
        Self(ids.into_iter().chain(bare).chain([user.mobile.clone()]).chain(texts).collect())
    }

    /// The traces that are in the database.
    async fn found(&self, app: &TestApp) -> Vec<String> {
        let cells = app.dump().await;
        let found = self.0.iter().filter(|trace| cells.iter().any(|cell| cell.contains(trace.as_str())));
        found.cloned().collect()
    }

    async fn expect_none(&self, app: &TestApp) {
        assert_eq!(self.found(app).await, Vec::<String>::new());
    }
}

/// SQL that puts so many messages of so many characters, each with its number in front, into a room that has none.
fn many_messages(room: &str, count: usize, length: usize, is_postgres: bool) -> String {
    let hex = room.replace('-', "");
    let text = "lorem ipsum ".repeat(length / 12);
    if is_postgres {
        format!(
            "insert into messages (chatroom_id, seq, id, role, content, status, created_at)
               select '\\x{hex}'::bytea, n, decode(md5('{hex}' || n), 'hex'), 'user', 'm' || n || ' {text}', 'complete', n
               from generate_series(1, {count}) n;
             update chatrooms set last_seq = {count} where id = '\\x{hex}'::bytea;"
        )
    } else {
        format!(
            "begin; with recursive n(n) as (select 1 union all select n + 1 from n where n < {count})
             insert into messages (chatroom_id, seq, id, role, content, status, created_at)
               select x'{hex}', n, randomblob(16), 'user', 'm' || n || ' {text}', 'complete', n from n;
             update chatrooms set last_seq = {count} where id = x'{hex}'; commit;"
        )
    }
}
