// The page: which view is shown, which room is open, and what is put together for it.

import { Composer } from "/assets/composer.js";
import { find, setText } from "/assets/dom.js";
import * as drawer from "/assets/drawer.js";
import { Log } from "/assets/log.js";
import * as me from "/assets/me.js";
import * as quota from "/assets/quota.js";
import { Room, watchTop } from "/assets/room.js";
import { RoomList } from "/assets/room_list.js";
import * as rooms from "/assets/rooms.js";
import { Scroll } from "/assets/scroll.js";
import * as signin from "/assets/signin.js";
import * as tokens from "/assets/tokens.js";
import { sentence } from "/assets/words.js";

const UNNAMED = "New chat";
/** The room that was open in this tab, for the way back from the checkout. */
const LAST = "pollux.room";
const OWNER = "pollux.owner";

const list = new RoomList();
const scroll = new Scroll(find("#scroll"), find("#messages"));
const acts = {
  retry: (id) => room.again("retry", id),
  regenerate: (id) => room.again("regenerate", id),
};
const log = new Log(find("#messages"), acts);
const composer = new Composer({ send: (content) => room.send(content), stop: () => room.stop() });
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
  gone: () => rooms.gone(room.id),
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
  composer.focus();
  drawer.shut();
}

function entered() {
  list.mark(room.id);
  sessionStorage.setItem(LAST, room.id ?? "");
  showName();
}

function showName() {
  if (!room) return;
  const name = (room.id && rooms.get(room.id)?.name) ?? UNNAMED;
  setText(find("#room-name"), name);
  document.title = room.id ? `${name} · Pollux` : "Pollux";
}

/** Leaves a room that is gone: deleted here, in another tab or on another device. */
function leave(id) {
  if (room?.id !== id) return;
  history.replaceState(null, "", "/");
  openRoom();
  composer.notice("That room is gone.");
}

async function newRoom() {
  find("#new-room").disabled = true;
  try {
    location.hash = (await rooms.create(3)).id;
  } catch (error) {
    composer.notice(sentence(error));
  }
  find("#new-room").disabled = false;
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
  if ((sessionStorage.getItem(OWNER) ?? user) !== user) history.replaceState(null, "", "/");
  else if (!location.hash) history.replaceState(null, "", `/#${sessionStorage.getItem(LAST) ?? ""}`);
  sessionStorage.setItem(OWNER, user);
  openRoom();
  refresh().then(quota.afterReturn);
}

function showSignIn(why) {
  visit?.abort();
  visit = null;
  room?.close();
  room = null;
  log.clear();
  list.clear();
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
  const account = await import("/assets/account.js").catch(() => null);
  if (account) account.open();
  else composer.notice("The account cannot be shown without the network.");
}

function start() {
  signin.prepare(showApp);
  drawer.prepare();
  quota.show((isSpent) => composer.spent(isSpent));
  me.watch(({ name }) => setText(find(".hello"), name ? `Hello, ${name}.` : "Hello."));
  rooms.watch(showName);
  rooms.watchGone(leave);
  watchTop(find("#scroll"), () => room?.loadOlder());
  tokens.onChange((session, why) => (session ? showApp() : showSignIn(why)));
  window.addEventListener("hashchange", () => visit && openRoom());
  window.addEventListener("pageshow", ({ persisted }) => persisted && visit && refresh().then(quota.afterReturn));
  document.addEventListener("visibilitychange", () => !document.hidden && visit && refresh());
  find("#new-room").addEventListener("click", newRoom);
  find("#account").addEventListener("click", openAccount);
  find("#skip").addEventListener("click", () => find("#draft").focus());
  if (tokens.current()) showApp();
  else showSignIn();
}

start();
