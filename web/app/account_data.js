// All of one's data as a file, and the end of the account.

import { call, callOpenly, open } from "/assets/api.js";
import { field, openDialog } from "/assets/dialog.js";
import { button, h, setText } from "/assets/dom.js";
import * as keep from "/assets/keep.js";
import * as me from "/assets/me.js";
import * as tokens from "/assets/tokens.js";
import { sentence } from "/assets/words.js";

const WARNING =
  "Your rooms, messages and account will be erased, and a plan that is paid for ends at once. This cannot be undone.";

export function show(element, act) {
  const get = button("Export my data", () => act(download));
  const end = button("Delete my account", askToDelete, { className: "danger" });
  element.append(h("h3", { textContent: "Your data" }), h("div", { className: "row" }, get, end));
}

async function download() {
  const response = await open("GET", "/user/me/export", { patience: 0 });
  const name = /filename="([^"]+)"/.exec(response.headers.get("Content-Disposition") ?? "")?.[1];
  const address = URL.createObjectURL(await response.blob());
  h("a", { href: address, download: name ?? "pollux.json" }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
  return "Your data is in your downloads.";
}

function askToDelete() {
  const proof = h("div");
  const content = h("div", {}, h("p", { textContent: WARNING }), proof);
  let given = () => ({});
  const erase = async () => {
    try {
      await call("DELETE", "/user/me", { body: given() });
    } catch (error) {
      const isAsked = error.code === "reauthentication_required" && !proof.firstChild;
      if (!isAsked) throw error;
      given = askForProof(proof);
      return false;
    }
    keep.forget();
    tokens.end("Your account is closed and is being erased.");
  };
  openDialog("Delete my account", content, [["Delete my account for good", erase, "danger"]]);
}

/** Asks for the password where there is one, else for a code; gives what is to be sent. */
function askForProof(place) {
  if (me.current()?.has_password) {
    const { input, element } = field("Your password", { type: "password", autocomplete: "current-password" });
    place.append(h("p", { textContent: "To be sure that it is you:" }), element);
    input.focus();
    return () => ({ password: input.value });
  }
  const { input, element } = field("Code", { inputMode: "numeric", autocomplete: "one-time-code" });
  const said = h("p", { className: "hint", role: "status", textContent: "To be sure that it is you, a code is being sent." });
  let challenge = null;
  const send = async () => {
    const body = { mobile: me.current().mobile, purpose: "confirm", device_token: tokens.deviceToken() };
    try {
      const sent = await callOpenly("POST", "/auth/send-otp", body);
      challenge = sent.challenge_id;
      setText(said, sent.otp ? `Demo code: ${sent.otp}` : "To be sure that it is you: a code was sent to your phone.");
    } catch (error) {
      setText(said, sentence(error));
    }
  };
  place.append(said, element, button("Send again", send, { className: "quiet" }));
  input.focus();
  send();
  return () => ({ otp: input.value.replaceAll(/\s/g, ""), challenge_id: challenge });
}
