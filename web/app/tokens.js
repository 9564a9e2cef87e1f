// The tokens of this browser, shared by its tabs. A refresh token is good once and its second use ends the session, so
// one tab refreshes for all, under a lock; whoever waited for the lock finds the fresh token already there.

import { Problem, exchange, read as readJson } from "/assets/http.js";
import * as keep from "/assets/keep.js";

const NAME = "session";
/** A token counts as old this long before its end, and at four fifths of its life at the earliest. */
const EARLY = 60_000;
const listeners = new Set();
let refreshing = null;

export const current = () => keep.read(NAME);

/** Takes in what a sign-in or a refresh was answered with. What somebody else left behind is forgotten. */
export function take({ access_token, refresh_token, expires_in, device_token, user }) {
  if (keep.read("owner") !== user.id) keep.forget();
  keep.write("owner", user.id);
  const life = expires_in * 1000;
  const until = Date.now() + Math.max(life - EARLY, life * 0.8);
  keep.write(NAME, { access_token, refresh_token, user: user.id, until });
  keep.write("device", device_token);
}

export const deviceToken = () => keep.read("device");

/** Ends the session here, in every tab; why is told to the person. What was typed is kept for the next sign-in. */
export function end(why) {
  if (!current()) return;
  keep.drop(NAME);
  tell(null, why);
}

function tell(session, why) {
  for (const listener of listeners) listener(session, why);
}

/** Calls back when a sign-in or sign-out happens, here (sign-out) or in another tab (both). */
export function onChange(listener) {
  listeners.add(listener);
}

keep.watch(NAME, (now) => tell(now, "The session ended in another tab. Please sign in again."));

/** An access token that is good, as far as one can tell; never `refused`, which the server has refused. */
export async function access(refused) {
  const now = signedIn();
  if (isGood(now, refused)) return now.access_token;
  refreshing ??= locked(() => refresh(refused)).finally(() => (refreshing = null));
  return refreshing;
}

function signedIn() {
  const now = current();
  if (now) return now;
  // What this browser kept can be cleared without a word to the page.
  tell(null, "Please sign in.");
  throw new Problem(401, { code: "session_ended", detail: "Please sign in." }, new Headers());
}

const isGood = ({ access_token, until }, refused) => access_token !== refused && until > Date.now();

/**
 * Locks need https or this machine; elsewhere the server's few seconds of grace cover two tabs at once. The lock is kept a
 * moment longer, as what one tab writes is not seen by another at once.
 */
function locked(work) {
  if (!navigator.locks) return work();
  return new Promise((resolve, reject) => {
    navigator.locks.request("pollux.refresh", async () => {
      await work().then(resolve, reject);
      await new Promise((seen) => setTimeout(seen, 250));
    });
  });
}

const isStill = ({ refresh_token }) => current()?.refresh_token === refresh_token;

async function refresh(refused) {
  const now = signedIn();
  // Another tab was first.
  if (isGood(now, refused)) return now.access_token;
  try {
    const response = await exchange("POST", "/auth/refresh", { body: { refresh_token: now.refresh_token } });
    const answer = await readJson(response);
    // Who signed out meanwhile stays signed out, and who signed in anew stays that.
    if (isStill(now)) take(answer);
    return answer.access_token;
  } catch (error) {
    if (error.status === 401 && isStill(now)) end("Your session has ended. Please sign in again.");
    throw error;
  }
}
