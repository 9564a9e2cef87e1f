// The room that is open: its newest messages, older ones on scrolling up, its stream, and what is sent into it.

import { call, callPatiently } from "/assets/api.js";
import { announce, later } from "/assets/dom.js";
import * as me from "/assets/me.js";
import * as outbox from "/assets/outbox.js";
import * as rooms from "/assets/rooms.js";
import { RoomStream } from "/assets/stream.js";
import { sentence } from "/assets/words.js";

/** Under this name a message waits for a room that is still to be made. */
const NEW = "new";
/** How many messages are looked through for what a cut line may have missed. */
const MISSED = 30;
/** How many older messages come at once: more would be felt while one scrolls. */
const OLDER = 50;
/** How many replies are formatted before a room is shown, and how long that may take. */
const SEEN_FIRST = 8;
const PATIENCE = 150;

export class Room {
  #log;
  #scroll;
  #ui;
  #closed = new AbortController();
  #stream = null;
  #cursor = null;
  #older = null;
  #making = null;
  /** Whether what is in the room is known. */
  isRead = false;

  /** `ui` is told: `changed()`, `summary(summary)`, `became(id)`, `notice(text)`, `refused(content)`, `gone(id)`. */
  constructor(id, log, scroll, ui) {
    this.id = id;
    this.#log = log;
    this.#scroll = scroll;
    this.#ui = ui;
    log.clear();
    scroll.toEnd();
  }

  get name() {
    return this.id ?? NEW;
  }

  get isOpen() {
    return !this.#closed.signal.aborted;
  }

  changed() {
    if (this.isOpen) this.#ui.changed();
  }

  get isWriting() {
    return this.#log.open.length > 0;
  }

  /** Leaves the room. What is being sent is sent all the same. */
  close() {
    this.#closed.abort();
    this.#stream?.stop();
  }

  /** Reads the newest messages and begins to watch. */
  async open() {
    const { signal } = this.#closed;
    if (this.id) {
      const reader = import("/assets/render.js").catch(() => null);
      try {
        const room = await callPatiently("GET", `/chatroom/${this.id}`, { signal });
        if (!this.isOpen) return;
        rooms.take(room, false);
        await soonFormatted(room.messages, reader);
        if (!this.isOpen) return;
        this.#cursor = room.next_cursor;
        this.#log.prepend(room.messages);
        this.#ui.summary(room.summary ?? null);
        this.#watch();
      } catch (error) {
        if (this.isOpen) this.fail(error);
        return;
      }
    }
    this.isRead = true;
    this.#sendWaiting();
    this.#scroll.toEnd();
    this.#ui.changed();
  }

  /** Reads a page of older messages, if there is one; promises whether it came. */
  async loadOlder() {
    if (!this.#cursor || !this.isOpen) return false;
    this.#older ??= this.#readOlder().finally(() => (this.#older = null));
    return this.#older;
  }

  async #readOlder() {
    const path = `/chatroom/${this.id}/messages?order=desc&limit=${OLDER}&cursor=${encodeURIComponent(this.#cursor)}`;
    const page = await callPatiently("GET", path, { signal: this.#closed.signal }).catch(() => null);
    if (!page || !this.isOpen) return false;
    this.#cursor = page.next_cursor;
    this.#scroll.keeping(() => this.#log.prepend(page.messages.reverse()));
    this.#ui.changed();
    return true;
  }

  get hasOlder() {
    return this.#cursor !== null;
  }

  // Sending

  send(content) {
    this.deliver(outbox.add(this.name, content));
  }

  /** Sends what an earlier visit left unsent; of what is old it is asked first. */
  #sendWaiting() {
    const items = outbox.waiting(this.name).filter(({ key }) => !this.#log.has(key));
    items.filter(outbox.isYoung).forEach((item) => this.deliver(item));
    if (!items.every(outbox.isYoung)) this.#askOfOld();
  }

  async #askOfOld() {
    const further = await later(import("/assets/further.js"));
    if (this.isOpen) further?.askOfOld(this, this.#log);
  }

  /** Shows a message and sends it. */
  async deliver(item) {
    this.#log.withdraw(item.key);
    const note = this.#log.offer(item.key, item.content);
    this.#ui.changed();
    this.#scroll.toEnd();
    const stuck = () => (note.textContent = "Not sent yet. Trying again...");
    try {
      const room = this.id ?? (await this.#make(item, stuck));
      const sent = await outbox.send(room, item, stuck);
      rooms.touch(room, sent.message.created_at);
      if (!this.isOpen) return me.take({ quota: sent.quota });
      this.#log.withdraw(item.key);
      announce("Sent. The reply is on its way.");
      this.takeSent(sent);
    } catch (error) {
      // What is refused while another room is open is kept, and offered when this one is opened again.
      if (this.isOpen) this.#refuse(item, error);
    }
  }

  #refuse(item, error) {
    if (error instanceof outbox.Stale) return this.#askOfOld();
    if (error.status === 401 || error.name === "AbortError") return;
    outbox.drop(this.name, item.key);
    this.#log.withdraw(item.key);
    this.#ui.refused(item.content);
    this.fail(error);
    this.#ui.changed();
  }

  /** Makes the room that the first message is for. */
  #make({ key }, stuck) {
    this.#making ??= rooms.create({ key, stuck, signal: outbox.visiting() }).then((room) => {
      outbox.move(NEW, room.id);
      this.id = room.id;
      if (this.isOpen) {
        this.#watch();
        this.#ui.became(room.id);
      }
      return room.id;
    });
    this.#making.catch(() => (this.#making = null));
    return this.#making;
  }

  /**
   * Takes in what a message, or another try after `tries`, was answered with. The stream can overtake the answer, and then
   * knows more; of the quota too, as a failed reply is not counted.
   */
  takeSent({ message, reply, quota }, tries = -1) {
    this.#log.take(message);
    const known = this.#log.reply(reply.id);
    const isOver = known?.isFinal && known.message.attempt > tries;
    if (isOver) me.load().catch(() => {});
    else me.take({ quota });
    if (!known || (known.isFinal && !isOver)) this.#log.take(reply);
    this.#ui.changed();
  }

  /** Says what went wrong, where that is not told elsewhere. */
  fail(error) {
    if (error?.name === "AbortError" || error.status === 401) return;
    if (error.status === 404) return this.#ui.gone(this.id);
    if (error.code === "quota_exceeded") return void me.load().catch(() => {});
    this.#ui.notice(sentence(error));
  }

  // Watching

  #watch() {
    let lines = 0;
    this.#stream = new RoomStream(this.id, this.#log.place, {
      tell: (event, data) => this.#hear(event, data),
      // What happened before the line stood is on no line.
      opened: (isResumed) => ((lines += 1) > 1 || !isResumed) && this.#catchUp(),
      gone: () => this.#ui.gone(this.id),
    });
  }

  /** Looks for messages that no stream told of. */
  async #catchUp() {
    const path = `/chatroom/${this.id}/messages?order=desc&limit=${MISSED}`;
    const page = await call("GET", path, { signal: this.#closed.signal }).catch(() => null);
    if (!page || !this.isOpen) return;
    for (const message of page.messages.reverse()) {
      const known = this.#log.reply(message.id);
      const isNews = known ? !known.isFinal && message.outcome : !this.#log.has(message.id);
      if (isNews) this.#created(message);
      if (known && isNews) this.#log.take(message);
    }
    this.#ui.changed();
  }

  #hear(event, data) {
    if (event === "message.created") this.#created(data.message);
    else if (event === "room.updated") rooms.take(data.chatroom);
    else if (event === "quota.updated") me.take({ quota: data.quota });
    else if (event === "plan.updated") me.load().catch(() => {});
    else this.#hearReply(event, data, this.#log.reply(data.message_id));
    if (event !== "reply.delta") this.#ui.changed();
  }

  #hearReply(event, data, reply) {
    if (!reply) {
      if (data.message) this.#log.take(data.message);
      return;
    }
    if (event === "reply.started") reply.start(data.attempt);
    else if (event === "reply.reset") reply.reset(data.attempt, data.text);
    else if (event === "reply.finished") reply.take(data.message);
    else if (event === "reply.delta" && !reply.grow(data.offset, data.text)) mend(this, reply);
  }

  #created(message) {
    if (message.role === "user") this.#bind(message);
    if (this.#log.reply(message.id)) return;
    this.#log.take(message);
    rooms.touch(this.id, message.created_at);
  }

  /** The stream can tell of our own message before the answer does: then it is not shown twice. */
  #bind(message) {
    const item = outbox.waiting(this.name).find(({ content }) => content === message.content);
    if (item && !this.#log.has(message.id)) this.#log.withdraw(item.key);
  }
}

/** Reads a reply of which something was missed. */
async function mend(room, reply) {
  const further = await import("/assets/further.js").catch(() => null);
  further?.mend(room, reply);
}

/** Waits a moment until what is seen first can be shown as it stays. */
function soonFormatted(messages, reader) {
  const replies = messages.filter(({ role, content }) => role === "assistant" && content).slice(-SEEN_FIRST);
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE));
  const texts = replies.map(({ content }) => content).reverse();
  return Promise.race([reader.then((all) => all?.render(texts)), late]).catch(() => {});
}
