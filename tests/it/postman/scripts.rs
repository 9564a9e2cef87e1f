//! The scripts of the collection that are more than a line: Postman runs them around a request.

/// Before sign-up: a number for who has none, and one for a friend.
pub const DRAW_NUMBERS: &str = r#"const draw = () => "+1500" + String(Math.floor(Math.random() * 1e7)).padStart(7, "0");
if (!pm.variables.get("mobile")) {
  pm.collectionVariables.set("mobile", draw());
}
pm.collectionVariables.set("friend_mobile", draw());"#;

/// Before an account is closed: its owner signs in.
pub const FRIEND_SIGNS_IN: &str = r#"const value = (name) => pm.variables.get(name);
pm.sendRequest({
  url: value("base_url") + "/auth/login",
  method: "POST",
  header: {"Content-Type": "application/json"},
  body: {mode: "raw", raw: JSON.stringify({mobile: value("friend_mobile"), password: value("password")})},
}, (_, response) => pm.collectionVariables.set("friend_token", response.json().access_token));"#;

/// Before and after the page to pay on.
pub const PAY: (&str, &str) = (
    r#"if (/^https:\/\/[^/]+\.stripe\.com\//.test(pm.variables.get("checkout_url"))) {
  pm.execution.skipRequest();
}"#,
    r#"pm.test("The page sends back", () => pm.response.to.have.status(303));"#,
);

/// Before an event: an id and a time of its own, and the signature of its very bytes.
pub const SIGN: &str = r#"const set = (name, value) => pm.collectionVariables.set(name, value);
const secret = pm.variables.get("webhook_secret");
const time = Math.floor(Date.now() / 1000);
set("event_id", "evt_" + pm.variables.replaceIn("{{$guid}}").replace(/-/g, ""));
set("event_time", String(time));
const body = pm.variables.replaceIn(pm.request.body.raw);
const mac = require("crypto-js").HmacSHA256(time + "." + body, secret).toString();
set("stripe_signature", secret ? `t=${time},v1=${mac}` : "");"#;

/// After an event.
pub const JUDGE: &str = r#"if (pm.variables.get("webhook_secret")) {
  pm.test("A signed event is taken", () => pm.response.to.have.status(200));
} else {
  pm.test("An unsigned event is refused", () => {
    pm.response.to.have.status(400);
    pm.expect(pm.response.json().code).to.eql("webhook_signature_invalid");
  });
}"#;

/// After signing out: the token is tried once more, and all is forgotten.
pub const LEAVE: &str = r#"const value = (name) => pm.variables.get(name);
pm.sendRequest({
  url: value("base_url") + "/user/me",
  header: {Authorization: "Bearer " + value("token")},
}, (_, response) => {
  pm.test("The token opens nothing any more", () => pm.expect(response.code).to.eql(401));
  for (const name of ["token", "refresh_token", "mobile"]) {
    pm.collectionVariables.set(name, "");
  }
});"#;
