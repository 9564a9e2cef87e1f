// What few visits need in a room: messages that were not sent, stopping, further replies, and another try.

import { call, callPatiently } from "/assets/api.js";
import { button, focusHome } from "/assets/dom.js";
import * as keep from "/assets/keep.js";
import * as outbox from "/assets/outbox.js";

/** How far the clocks of browser and server may differ, in milliseconds. */
const CLOCKS = 60_000;

/** Shows messages that were not sent and are old by now, but for those that did arrive: it is asked what is to become of them. */
export function askOfOld(room, log) {
  const said = log.said;
  for (const item of outbox.waiting(room.name).filter((each) => !outbox.isYoung(each))) {
    log.withdraw(item.key);
    const index = said.findIndex(({ content, created_at }) => content === item.content && Date.parse(created_at) >= item.at - CLOCKS);
    // Each message that is there stands for one that was sent.
    if (index >= 0) {
      said.splice(index, 1);
      outbox.drop(room.name, item.key);
    } else {
      ask(room, log, item);
    }
  }
  room.changed();
}

function ask(room, log, item) {
  const again = () => {
    const renewed = { ...item, again: Date.now() };
    outbox.set(room.name, outbox.waiting(room.name).map((each) => (each.key === item.key ? renewed : each)));
    room.deliver(renewed);
  };
  const discard = () => {
    outbox.drop(room.name, item.key);
    log.withdraw(item.key);
    room.changed();
  };
  const note = log.offer(item.key, item.content);
  note.append("This message was not sent. ", button("Send again", again), button("Discard", discard));
}

const mending = new Set();

/** Reads a reply of which something was missed, once at a time. */
export async function mend(room, reply) {
  if (mending.has(reply)) return;
  mending.add(reply);
  const message = await call("GET", `/chatroom/${room.id}/message/${reply.id}`).catch(() => null);
  mending.delete(reply);
  if (room.isOpen && message?.attempt >= reply.message.attempt) reply.take(message);
}

/** Stops what is being written, and what waits behind it. */
export async function stop(room, log) {
  for (const reply of log.open.reverse()) {
    const path = `/chatroom/${room.id}/message/${reply.id}/stop`;
    const { message } = await callPatiently("POST", path, { tries: 3 }).catch((error) => room.fail(error) ?? {});
    if (message && room.isOpen) log.take(message);
  }
  room.changed();
}

/** Asks for one more reply, or for one instead of a failed one: `deed` is `regenerate` or `retry`. */
export async function again(room, log, deed, id) {
  const { key, settled } = keep.keyOf(`${deed}.${id}`);
  const tries = deed === "retry" ? log.reply(id)?.message.attempt : -1;
  try {
    const sent = await callPatiently("POST", `/chatroom/${room.id}/message/${id}/${deed}`, { key, tries: 3 });
    settled();
    if (!room.isOpen) return;
    room.takeSent(sent, tries);
    // Who asks this of an old reply goes on reading there.
    log.reply(sent.reply.id)?.element.scrollIntoView({ block: "nearest" });
    // The button that was pressed went with the reply it belonged to.
    if (document.activeElement === document.body) focusHome();
  } catch (error) {
    if (error.status) settled();
    if (room.isOpen) room.fail(error);
  }
}
