// Messages on their way out. Each is kept, with its key, until the server has taken or refused it; so a lost answer, a
// reload or a cut network neither loses a message nor sends it twice.

import { call } from "/assets/api.js";
import { delay, pause } from "/assets/backoff.js";
import * as keep from "/assets/keep.js";

/** How long a message is sent without asking again; older ones are only offered. */
const YOUNG = 10 * 60_000;

const nameOf = (room) => `outbox.${room}`;

/** What waits to be sent in a room. */
export const waiting = (room) => keep.read(nameOf(room)) ?? [];

export const isYoung = ({ at, again = at }) => Date.now() - again < YOUNG;

/** A message became too old to be sent without asking. */
export class Stale extends Error {}

/** Keeps a message that is to be sent. */
export function add(room, content) {
  const item = { key: keep.unique(), content, at: Date.now() };
  set(room, [...waiting(room), item]);
  return item;
}

/** Keeps these messages in the place of what waits in a room. */
export function set(room, items) {
  keep.write(nameOf(room), items.length ? items : null);
}

/** Forgets a message, and sends it no more. */
export function drop(room, key) {
  set(room, waiting(room).filter((item) => item.key !== key));
  underWay.get(key)?.own.abort();
}

/** Moves what waits under one name to a room that has one now. */
export function move(from, to) {
  const there = waiting(to);
  set(to, [...there, ...waiting(from).filter(({ key }) => !there.some((item) => item.key === key))]);
  keep.drop(nameOf(from));
}

const underWay = new Map();
let visit = new AbortController();
/** Ends with the visit of the person who is signed in. */
export const visiting = () => visit.signal;

/** Sends nothing more; what was not sent waits for the next visit. */
export function halt() {
  visit.abort();
  visit = new AbortController();
  lines.clear();
}

/** The messages of a room go one behind the other, in the order they were written. */
const lines = new Map();

/** Sends until it is taken or refused; `stuck()` is called while it cannot be sent. A refused one is still kept. */
export function send(room, item, stuck) {
  const known = underWay.get(item.key);
  if (known) return known.made;
  const line = lines.get(room) ?? { end: Promise.resolve(), stuck: new Set() };
  lines.set(room, line);
  line.stuck.add(stuck);
  const own = new AbortController();
  const signal = AbortSignal.any([own.signal, visiting()]);
  const made = line.end.then(() => deliver(room, item, line, signal)).finally(() => {
    underWay.delete(item.key);
    line.stuck.delete(stuck);
  });
  line.end = made.catch(() => {});
  underWay.set(item.key, { made, own });
  return made;
}

async function deliver(room, item, line, signal) {
  for (let tries = 0; ; tries += 1) {
    if (!isYoung(item)) throw new Stale();
    try {
      const sent = await call("POST", `/chatroom/${room}/message`, { body: { content: item.content }, key: item.key, signal });
      set(room, waiting(room).filter(({ key }) => key !== item.key));
      return sent;
    } catch (error) {
      if (!error.passes) throw error;
      for (const stuck of line.stuck) stuck();
      await pause(Math.max(delay(tries), (error.wait ?? 0) * 1000), signal);
    }
  }
}
