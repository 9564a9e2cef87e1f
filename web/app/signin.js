// Signing in: a number, then the code sent to it, or a password instead.

import { callOpenly } from "/assets/api.js";
import { find, setText } from "/assets/dom.js";
import * as keep from "/assets/keep.js";
import * as tokens from "/assets/tokens.js";
import { sentence } from "/assets/words.js";

const STEPS = ["number", "code", "secret"];
/** The code that was asked for, in this tab: who looks for it in another app finds the page as it was. */
const ASKED = "code";
let sent = null;
let timer = null;

/** Sets the forms up, once; `done()` is called after a sign-in. */
export function prepare(done) {
  const mobile = () => find("#phone").value.trim();
  onSubmit("#number-form", async () => {
    // Who comes back to the same number may have the code by now, and cannot have another at once.
    const isKnown = sent?.mobile === mobile() && sent.until > Date.now();
    took(isKnown ? sent : await sendCode(mobile()));
  });
  onSubmit("#code-form", async () => {
    const otp = find("#code").value.replaceAll(/\s/g, "");
    tokens.take(await callOpenly("POST", "/auth/verify-otp", { mobile: sent.mobile, otp, challenge_id: sent.challenge_id }));
    keep.tab.drop(ASKED);
    sent = null;
    done();
  });
  onSubmit("#secret-form", async () => {
    const password = find("#password").value;
    tokens.take(await callOpenly("POST", "/auth/login", { mobile: find("#phone-again").value.trim(), password }));
    done();
  });
  find("#resend").addEventListener("click", () => attempt(find("#resend"), async () => took(await sendCode(sent.mobile))));
  find("#use-password").addEventListener("click", () => step("secret"));
  for (const back of ["#use-code", "#other-number"]) {
    find(back).addEventListener("click", () => {
      keep.tab.drop(ASKED);
      step("number");
    });
  }
}

/** Shows the first step, and why the person has to sign in, if that is not plain. */
export function show(why = "") {
  for (const input of ["#phone", "#phone-again", "#code", "#password"]) find(input).value = "";
  const asked = keep.tab.read(ASKED);
  if (asked?.until > Date.now()) askForCode(asked);
  else step("number");
  setText(find("#signin-note"), why);
}

function step(name) {
  say("");
  setText(find("#signin-note"), "");
  clearInterval(timer);
  for (const each of STEPS) find(`#${each}-form`).hidden = each !== name;
  if (name === "secret") find("#phone-again").value = find("#phone").value;
  const first = { number: "#phone", code: "#code", secret: find("#phone").value ? "#password" : "#phone-again" };
  find(first[name]).focus();
}

async function sendCode(mobile) {
  const answer = await callOpenly("POST", "/auth/send-otp", { mobile, device_token: tokens.deviceToken() });
  const now = Date.now();
  return { ...answer, mobile, until: now + answer.expires_in * 1000, again: now + answer.resend_after * 1000 };
}

function took(answer) {
  keep.tab.write(ASKED, answer);
  askForCode(answer);
}

function askForCode(answer) {
  sent = answer;
  step("code");
  setText(find("#sent-to"), answer.mobile);
  setText(find("#demo-code"), answer.otp ? `Demo code: ${answer.otp}` : "");
  find("#code").value = "";
  countDown(answer.again);
}

function countDown(until) {
  const resend = find("#resend");
  const tick = () => {
    const left = Math.ceil((until - Date.now()) / 1000);
    resend.disabled = left > 0;
    setText(resend, left > 0 ? `Send again in ${left} s` : "Send again");
    if (left <= 0) clearInterval(timer);
  };
  clearInterval(timer);
  timer = setInterval(tick, 500);
  tick();
}

function onSubmit(form, act) {
  find(form).addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(find("[type=submit]", event.currentTarget), act);
  });
}

/** Does something once at a time, and says what went wrong. */
async function attempt(button, act) {
  button.disabled = true;
  say("");
  try {
    await act();
    if (button.id !== "resend") button.disabled = false;
  } catch (error) {
    button.disabled = false;
    say(sentence(error));
    find("input:not([readonly])", button.closest("form"))?.focus();
    if (button.id === "resend") countDown(Date.now() + (error.wait ?? 0) * 1000);
  }
}

function say(text) {
  setText(find("#signin-error"), text);
}
