// The rooms this page knows, newest activity first, and what is done to them. Other tabs are told.

import { call, callPatiently } from "/assets/api.js";
import * as keep from "/assets/keep.js";

const PAGE = 50;
const listeners = new Set();
const leavers = new Set();
let rooms = new Map();
let cursor = null;
let loading = null;

export const get = (id) => rooms.get(id);

/** All that are known, newest activity first. */
export const list = () => [...rooms.values()].sort((a, b) => (a.updated_at < b.updated_at ? 1 : -1));

/** Whether the server has more of them. */
export const hasMore = () => cursor !== null;

/** Calls back at each change. */
export function watch(listener) {
  listeners.add(listener);
}

function changed() {
  for (const listener of listeners) listener();
}

/** Reads the first page anew; what is known beyond it stays. */
export async function load(signal) {
  const page = await callPatiently("GET", `/chatroom?limit=${PAGE}`, { signal });
  const last = page.next_cursor && page.chatrooms.at(-1);
  const beyond = last ? list().filter((room) => room.updated_at < last.updated_at) : [];
  if (beyond.length === 0) cursor = page.next_cursor;
  rooms = new Map([...page.chatrooms, ...beyond].map((room) => [room.id, room]));
  changed();
}

/** Reads one page more; whoever asks meanwhile waits for the same. */
export function loadMore() {
  if (cursor === null) return Promise.resolve();
  loading ??= more().finally(() => (loading = null));
  return loading;
}

async function more() {
  const asked = cursor;
  const page = await callPatiently("GET", `/chatroom?limit=${PAGE}&cursor=${encodeURIComponent(asked)}`);
  if (cursor !== asked) return;
  for (const room of page.chatrooms) if (!rooms.has(room.id)) rooms.set(room.id, room);
  cursor = page.next_cursor;
  changed();
}

export async function loadAll() {
  while (hasMore()) await loadMore();
}

/** Takes in a room as somebody told it; `ours` is told on to the other tabs. */
export function take(room, ours = true) {
  const { messages, next_cursor, summary, ...plain } = room;
  rooms.set(plain.id, { ...rooms.get(plain.id), ...plain });
  changed();
  if (ours) keep.tell("room", rooms.get(plain.id));
}

/** Moves a room to the top: something happened in it. */
export function touch(id, time) {
  const room = rooms.get(id);
  if (room && room.updated_at < time) take({ ...room, updated_at: time });
}

/** Forgets a room that is gone, and what was typed in it. */
export function gone(id, ours = true) {
  keep.drop(`draft.${id}`);
  keep.drop(`outbox.${id}`);
  rooms.delete(id);
  changed();
  for (const left of leavers) left(id);
  if (ours) keep.tell("gone", id);
}

/** Calls back with the id of a room that is gone. */
export function watchGone(left) {
  leavers.add(left);
}

export function forget() {
  rooms = new Map();
  cursor = null;
}

/** Makes a room; `tries` is how often that is tried while the server cannot be reached. */
export async function create(tries) {
  const { key, settled } = keep.keyOf("room");
  const room = await callPatiently("POST", "/chatroom", { body: {}, key, tries });
  settled();
  take(room);
  return room;
}

export async function rename(id, name) {
  take(await call("PATCH", `/chatroom/${id}`, { body: { name } }));
}

export async function remove(id) {
  await call("DELETE", `/chatroom/${id}`);
  gone(id);
}

keep.hear("room", (room) => take(room, false));
keep.hear("gone", (id) => gone(id, false));
