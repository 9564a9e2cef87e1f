// The page: which view is shown, which room is open, and what is put together for it.

import { Composer } from "/assets/composer.js";
import { find, focusHome, later, setText } from "/assets/dom.js";
import * as drawer from "/assets/drawer.js";
import * as keep from "/assets/keep.js";
import { Log } from "/assets/log.js";
import * as me from "/assets/me.js";
import * as outbox from "/assets/outbox.js";
import * as quota from "/assets/quota.js";
import { Room } from "/assets/room.js";
import { RoomList } from "/assets/room_list.js";
import * as rooms from "/assets/rooms.js";
import { Scroll, whenNear } from "/assets/scroll.js";
import * as signin from "/assets/signin.js";
import * as tokens from "/assets/tokens.js";

const UNNAMED = "New chat";
/** The room that was open in this tab, for the way back from the checkout. */
const LAST = "room";
const OWNER = "owner";

const list = new RoomList();
const scroll = new Scroll(find("#scroll"), find("#messages"));
const further = async (deed, ...what) => (await later(import("/assets/further.js")))?.[deed](room, log, ...what);
const acts = {
  retry: (id) => further("again", "retry", id),
  regenerate: (id) => further("again", "regenerate", id),
};
const log = new Log(find("#messages"), acts);
const composer = new Composer({ send: (content) => room.send(content), stop: () => further("stop") });
let room = null;
let visit = null;

const ui = {
  changed: () => {
    composer.writing(room.isWriting);
    find("#welcome").hidden = !room.isRead || !log.isEmpty;
    find("#older").hidden = !room.hasOlder;
  },
  summary: (summary) => {
    find("#room-summary").hidden = !summary;
    setText(find("#room-summary .text"), summary?.content ?? "");
  },
  became: (id) => {
    history.replaceState(null, "", `/#${id}`);
    composer.rename(id);
    entered();
  },
  notice: (text) => composer.notice(text),
  refused: (content) => composer.giveBack(content),
  gone: (id) => rooms.gone(id),
};

function openRoom() {
  const [id = null] = /^[\w-]+$/.exec(location.hash.slice(1)) ?? [];
  if (room?.isOpen && room.id === id) return;
  room?.close();
  room = new Room(id, log, scroll, ui);
  composer.enter(room.name);
  ui.summary(null);
  ui.changed();
  entered();
  room.open();
  focusHome();
  drawer.shut();
}

function entered() {
  list.mark(room.id);
  keep.tab.write(LAST, room.id);
  showName();
}

function showName() {
  if (!room) return;
  const name = (room.id && rooms.get(room.id)?.name) ?? UNNAMED;
  setText(find("#room-name"), name);
  document.title = room.id ? `${name} · Pollux` : "Pollux";
}

/** Leaves a room that is gone: deleted here, in another tab or on another device. What was written goes along. */
function leave(id, isMeant) {
  if (room?.id !== id) return;
  const unsent = outbox.waiting(id).map(({ content }) => content);
  const written = [...unsent, composer.leave()].filter(Boolean).join("\n\n");
  history.replaceState(null, "", "/");
  openRoom();
  if (isMeant) return;
  if (written) composer.giveBack(written);
  composer.notice("That room is gone.");
}

/** A room that is only made by its first message. */
function newRoom() {
  location.hash = "";
  openRoom();
  focusHome();
  drawer.shut();
}

/** Reads again what may have changed while nobody looked. */
async function refresh() {
  const { signal } = visit;
  await Promise.all([me.load(signal), rooms.load(signal)]).catch(() => {});
}

function showApp() {
  if (visit) return;
  visit = new AbortController();
  find("#signin").hidden = true;
  find("#app").hidden = false;
  const { user } = tokens.current();
  // What another person left open in this tab is nothing to who signs in now.
  if ((keep.tab.read(OWNER) ?? user) !== user) history.replaceState(null, "", "/");
  else if (!location.hash) history.replaceState(null, "", `/#${keep.tab.read(LAST) ?? ""}`);
  keep.tab.write(OWNER, user);
  openRoom();
  refreshAfterReturn();
}

async function refreshAfterReturn() {
  await refresh();
  const news = await quota.afterReturn();
  if (news && visit) composer.notice(news, "news");
}

function showSignIn(why) {
  visit?.abort();
  visit = null;
  room?.close();
  room = null;
  outbox.halt();
  log.clear();
  list.clear();
  quota.clear();
  setText(find(".hello"), "");
  composer.leave();
  me.forget();
  rooms.forget();
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
  document.title = "Pollux";
  find("#app").hidden = true;
  find("#signin").hidden = false;
  signin.show(why);
}

/** What only few visits need comes when it is asked for. */
async function openAccount() {
  const account = await later(import("/assets/account.js"));
  // What went wrong is said behind the drawer.
  if (account) account.open();
  else drawer.shut();
}

function start() {
  signin.prepare(showApp);
  drawer.prepare();
  quota.show((isSpent) => composer.spent(isSpent));
  me.watch(({ name }) => setText(find(".hello"), name ? `Hello, ${name}.` : "Hello."));
  rooms.watch(showName);
  rooms.watchGone(leave);
  whenNear(find("#older"), find("#scroll"), "1500px", () => room?.loadOlder());
  tokens.onChange((session, why) => (session ? showApp() : visit && showSignIn(why)));
  window.addEventListener("hashchange", () => visit && openRoom());
  window.addEventListener("pageshow", ({ persisted }) => persisted && visit && refreshAfterReturn());
  document.addEventListener("visibilitychange", () => !document.hidden && visit && refresh());
  find("#new-room").addEventListener("click", newRoom);
  // The room that is open can be chosen as well.
  find("#room-list").addEventListener("click", ({ target }) => target.closest("a") && drawer.shut());
  find("#account").addEventListener("click", openAccount);
  find("#skip").addEventListener("click", () => find("#draft").focus());
  if (tokens.current()) showApp();
  else showSignIn();
}

start();
