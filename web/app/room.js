// The room that is open: its newest messages, older ones on scrolling up, its stream, and what is sent into it.

import { Problem, Unreachable, call, callPatiently } from "/assets/api.js";
import { button, find } from "/assets/dom.js";
import * as keep from "/assets/keep.js";
import * as me from "/assets/me.js";
import * as outbox from "/assets/outbox.js";
import { render } from "/assets/render.js";
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

  /** `ui` is told: `changed()`, `summary(summary)`, `became(id)`, `notice(text)`, `refused(content)`, `gone()`. */
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
      try {
        const room = await callPatiently("GET", `/chatroom/${this.id}`, { signal });
        if (!this.isOpen) return;
        rooms.take(room, false);
        await soonFormatted(room.messages);
        if (!this.isOpen) return;
        this.#cursor = room.next_cursor;
        this.#log.prepend(room.messages);
        this.#ui.summary(room.summary ?? null);
        this.#watch();
      } catch (error) {
        if (this.isOpen) this.#fail(error);
        return;
      }
    }
    this.isRead = true;
    for (const item of outbox.waiting(this.name)) this.#offer(item);
    this.#scroll.toEnd();
    this.#ui.changed();
  }

  /** Reads a page of older messages, if there is one. */
  loadOlder() {
    if (!this.#cursor || !this.isOpen) return;
    this.#older ??= this.#readOlder().finally(() => (this.#older = null));
  }

  async #readOlder() {
    const path = `/chatroom/${this.id}/messages?order=desc&limit=${OLDER}&cursor=${encodeURIComponent(this.#cursor)}`;
    const page = await callPatiently("GET", path, { signal: this.#closed.signal }).catch(() => null);
    if (!page || !this.isOpen) return;
    this.#cursor = page.next_cursor;
    this.#scroll.keeping(() => this.#log.prepend(page.messages.reverse()));
  }

  get hasOlder() {
    return this.#cursor !== null;
  }

  // Sending

  send(content) {
    this.#deliver(outbox.add(this.name, content));
  }

  /** Shows a message that an earlier visit left unsent; a recent one is sent at once, an old one on demand. */
  #offer(item) {
    if (outbox.isYoung(item)) return this.#deliver(item);
    const { note } = this.#log.offer(item.key, item.content);
    const again = button("Send again", () => this.#deliver(item));
    const discard = button("Discard", () => {
      outbox.drop(this.name, item.key);
      this.#log.withdraw(item.key);
      this.#ui.changed();
    });
    note.append("This message was not sent. ", again, discard);
  }

  async #deliver(item) {
    this.#log.withdraw(item.key);
    const { note } = this.#log.offer(item.key, item.content);
    this.#ui.changed();
    this.#scroll.toEnd();
    try {
      const room = this.id ?? (await this.#make());
      const stuck = () => (note.textContent = "Not sent yet. Trying again...");
      const sent = await outbox.send(room, item, stuck);
      rooms.touch(room, sent.message.created_at);
      if (!this.isOpen) return me.take({ quota: sent.quota });
      this.#log.withdraw(item.key);
      this.#takeSent(sent);
    } catch (error) {
      if (this.isOpen) this.#refuse(item, error);
    }
  }

  #refuse(item, error) {
    if (error.status === 401) return;
    outbox.drop(this.name, item.key);
    this.#log.withdraw(item.key);
    this.#ui.refused(item.content);
    this.#fail(error);
    this.#ui.changed();
  }

  /** Makes the room that the first message is for. */
  #make() {
    this.#making ??= rooms.create().then((room) => {
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

  /** An answer can be overtaken by the stream, which then knows more, also of the quota. */
  #takeSent({ message, reply, quota }) {
    this.#log.take(message);
    const known = this.#log.reply(reply.id);
    const { status, attempt } = known?.message ?? {};
    const isOld = known && (status === "complete" || attempt > reply.attempt);
    if (!isOld) me.take({ quota });
    if (!isOld && (known?.isFinal ?? true)) this.#log.take(reply);
    this.#scroll.toEnd();
    this.#ui.changed();
  }

  // What is done with replies

  /** Stops what is being written, and what waits behind it. */
  async stop() {
    for (const reply of this.#log.open.reverse()) {
      const path = `/chatroom/${this.id}/message/${reply.id}/stop`;
      const { message } = await callPatiently("POST", path, { tries: 3 }).catch((error) => this.#fail(error) ?? {});
      if (message && this.isOpen) this.#log.take(message);
    }
    this.#ui.changed();
  }

  /** Asks for one more reply, or for one instead of a failed one: `deed` is `regenerate` or `retry`. */
  async again(deed, id) {
    const { key, settled } = keep.keyOf(`${deed}.${id}`);
    try {
      const sent = await callPatiently("POST", `/chatroom/${this.id}/message/${id}/${deed}`, { key, tries: 3 });
      settled();
      if (this.isOpen) this.#takeSent(sent);
      // The button that was pressed went with the reply it belonged to.
      if (document.activeElement === document.body) find("#draft").focus({ preventScroll: true });
    } catch (error) {
      if (!(error instanceof Unreachable)) settled();
      if (this.isOpen) this.#fail(error);
    }
  }

  #fail(error) {
    if (error?.name === "AbortError" || error.status === 401) return;
    if (error.status === 404) return this.#ui.gone();
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
      gone: () => this.#ui.gone(),
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
    else if (event === "reply.delta" && !reply.grow(data.offset, data.text)) this.#mend(reply);
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

  async #mend(reply) {
    const message = await call("GET", `/chatroom/${this.id}/message/${reply.id}`).catch(() => null);
    if (message && this.isOpen) reply.take(message);
  }
}

/** Waits a moment until what is seen first can be shown as it stays. */
function soonFormatted(messages) {
  const replies = messages.filter(({ role, content }) => role === "assistant" && content).slice(-SEEN_FIRST);
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE));
  return Promise.race([render(replies.map(({ content }) => content).reverse()), late]).catch(() => {});
}

/** Shows older messages before they are scrolled to. */
export function watchTop(scroller, load) {
  const seen = ([entry]) => entry.isIntersecting && load();
  new IntersectionObserver(seen, { root: scroller, rootMargin: "1500px" }).observe(find("#older"));
}
