// Messages on their way out. Each is kept, with its key, until the server has taken or refused it; so a lost answer, a
// reload or a cut network neither loses a message nor sends it twice.

import { Problem, Unreachable, call } from "/assets/api.js";
import { delay, pause } from "/assets/backoff.js";
import * as keep from "/assets/keep.js";

/** How long a message is sent without asking again; older ones are only offered. */
const YOUNG = 10 * 60_000;

const nameOf = (room) => `outbox.${room}`;

/** What waits to be sent in a room. */
export const waiting = (room) => keep.read(nameOf(room)) ?? [];

export const isYoung = (item) => Date.now() - item.at < YOUNG;

/** Keeps a message that is to be sent. */
export function add(room, content) {
  const item = { key: keep.unique(), content, at: Date.now() };
  keep.write(nameOf(room), [...waiting(room), item]);
  return item;
}

export function drop(room, key) {
  const left = waiting(room).filter((item) => item.key !== key);
  keep.write(nameOf(room), left.length ? left : null);
}

/** Moves what waits under one name to a room that has one now. */
export function move(from, to) {
  keep.write(nameOf(to), waiting(from));
  keep.drop(nameOf(from));
}

const underWay = new Map();

/** Sends until it is taken or refused; `stuck(error)` is called at each try that was neither. */
export function send(room, item, stuck) {
  const made = underWay.get(item.key) ?? deliver(room, item, stuck).finally(() => underWay.delete(item.key));
  underWay.set(item.key, made);
  return made;
}

async function deliver(room, item, stuck) {
  for (let tries = 0; ; tries += 1) {
    try {
      const sent = await call("POST", `/chatroom/${room}/message`, { body: { content: item.content }, key: item.key });
      drop(room, item.key);
      return sent;
    } catch (error) {
      const passes = error instanceof Unreachable || (error instanceof Problem && error.passes);
      if (!passes) {
        // What could not be sent because the session ended waits for the next sign-in; any other refusal is final.
        if (error.status !== 401) drop(room, item.key);
        throw error;
      }
      stuck(error);
      await pause(Math.max(delay(tries), (error.wait ?? 0) * 1000));
    }
  }
}
