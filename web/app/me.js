// Who is signed in, the plan and the quota; whoever shows them is told when they change.

import { callPatiently } from "/assets/api.js";

const listeners = new Set();
let me = null;

export const current = () => me;

/** Calls back now, if anybody is known, and at each change, until what it gives is called. */
export function watch(listener) {
  listeners.add(listener);
  if (me) listener(me);
  return () => listeners.delete(listener);
}

/** Takes in what is known anew: any members of the account. */
export function take(part) {
  me = { ...me, ...part };
  for (const listener of listeners) listener(me);
}

export function forget() {
  me = null;
}

export async function load(signal) {
  take(await callPatiently("GET", "/user/me", { signal }));
}
