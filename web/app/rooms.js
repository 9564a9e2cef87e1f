// The rooms this page knows, newest activity first, and what is done to them. Other tabs are told.

import { callPatiently } from "/assets/api.js";
import * as keep from "/assets/keep.js";

const PAGE = 50;
const listeners = new Set();
const leavers = new Set();
let rooms = new Map();
let cursor = null;
let isRead = false;
let loading = null;
let loadingAll = null;
/** When each room was last told of, or went: what a page says that was asked for before is older. */
let told = new Map();
let moment = 0;

export const get = (id) => rooms.get(id);

/** All that are known, newest activity first. */
export const list = () => [...rooms.values()].sort((a, b) => (a.updated_at < b.updated_at ? 1 : -1));

/** Whether the server has more of them. */
export const hasMore = () => cursor !== null;

/** Whether all are known. */
export const areAll = () => isRead && cursor === null;

/** Calls back at each change. */
export function watch(listener) {
  listeners.add(listener);
}

function changed() {
  for (const listener of listeners) listener();
}

/** Reads the first page anew; what is known beyond it stays. */
export async function load(signal) {
  const asked = moment;
  const page = await callPatiently("GET", `/chatroom?limit=${PAGE}`, { signal });
  const isNewer = ({ id }) => told.get(id) > asked;
  const last = page.next_cursor && page.chatrooms.at(-1);
  const isBeyond = (room) => last && room.updated_at < last.updated_at;
  const kept = list().filter((room) => isNewer(room) || isBeyond(room));
  // What is known beyond the first page was read up to the cursor, unless a room was opened before any page was read.
  if (!isRead || !kept.some(isBeyond)) cursor = page.next_cursor;
  isRead = true;
  rooms = new Map([...page.chatrooms.filter((room) => !isNewer(room)), ...kept].map((room) => [room.id, room]));
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
  for (const room of page.chatrooms) if (!rooms.has(room.id) && !told.has(room.id)) rooms.set(room.id, room);
  cursor = page.next_cursor;
  changed();
}

/** Reads all that is left; whoever asks meanwhile waits for the same. */
export function loadAll() {
  const all = async () => {
    while (hasMore()) await loadMore();
  };
  loadingAll ??= all().finally(() => (loadingAll = null));
  return loadingAll;
}

/** Takes in a room as somebody told it; `ours` is told on to the other tabs. */
export function take(room, ours = true) {
  const { messages, next_cursor, summary, ...plain } = room;
  rooms.set(plain.id, { ...rooms.get(plain.id), ...plain });
  told.set(plain.id, (moment += 1));
  changed();
  if (ours) keep.tell("room", rooms.get(plain.id));
}

/** Moves a room to the top: something happened in it. */
export function touch(id, time) {
  const room = rooms.get(id);
  if (room && room.updated_at < time) take({ ...room, updated_at: time });
}

/** Forgets a room that is gone, and what was typed in it once that was carried elsewhere; `isMeant` where the person did it. */
export function gone(id, { isOurs = true, isMeant = false } = {}) {
  rooms.delete(id);
  told.set(id, (moment += 1));
  changed();
  for (const left of leavers) left(id, isMeant);
  keep.drop(`draft.${id}`);
  keep.drop(`outbox.${id}`);
  if (isOurs) keep.tell("gone", id);
}

/** Calls back with the id of a room that is gone, and whether the person of this tab wanted that. */
export function watchGone(left) {
  leavers.add(left);
}

export function forget() {
  rooms = new Map();
  told = new Map();
  cursor = null;
  isRead = false;
}

/** Makes the room of a key, once. */
export async function create(options) {
  const room = await callPatiently("POST", "/chatroom", { body: {}, ...options });
  take(room);
  return room;
}

keep.hear("room", (room) => take(room, false));
keep.hear("gone", (id) => gone(id, { isOurs: false }));
