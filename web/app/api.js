// The server as the page knows it: requests with the token of this browser, refreshed when it is old.

import { delay, pause } from "/assets/backoff.js";
import { waits } from "/assets/connection.js";
import { exchange, read } from "/assets/http.js";
import * as tokens from "/assets/tokens.js";

/** The raw response, for what is read piece by piece. */
export async function open(method, path, options = {}) {
  const token = await tokens.access();
  try {
    return await exchange(method, path, { ...options, token });
  } catch (error) {
    if (error.status !== 401) throw error;
    if (["token_expired", "token_invalid"].includes(error.code)) {
      return exchange(method, path, { ...options, token: await tokens.access(token) });
    }
    if (error.code === "session_ended") tokens.end("Your session has ended. Please sign in again.");
    throw error;
  }
}

/** The JSON of an answer. */
export async function call(method, path, options = {}) {
  return read(await open(method, path, options), options.signal);
}

/** The JSON of an answer to who need not be signed in. */
export async function callOpenly(method, path, body) {
  return read(await exchange(method, path, { body }));
}

/**
 * The same, again and again while the server cannot be reached or is too busy. Only for what may be done twice: a
 * reading, or a writing with an Idempotency-Key. `stuck()` is called at each try that has to be made again.
 */
export async function callPatiently(method, path, options = {}) {
  const mark = {};
  try {
    for (let tries = 0; ; tries += 1) {
      try {
        return await call(method, path, options);
      } catch (error) {
        if (!error.passes || tries >= (options.tries ?? Infinity)) throw error;
        options.stuck?.();
        waits(mark, true);
        await pause(Math.max(delay(tries), (error.wait ?? 0) * 1000), options.signal);
      }
    }
  } finally {
    waits(mark, false);
  }
}
