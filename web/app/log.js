// The messages of a room, as exchanges in order. Older pages go in front, what happens goes behind.

import { Exchange } from "/assets/exchange.js";
import { h } from "/assets/dom.js";

export class Log {
  #list;
  #acts;
  #exchanges = new Map();
  #replies = new Map();
  #last = null;
  /** What waits to be sent, in order: it stands behind all that was. */
  #waiting = new Map();

  constructor(list, acts) {
    this.#list = list;
    this.#acts = acts;
  }

  clear() {
    this.#exchanges.clear();
    this.#replies.clear();
    this.#waiting.clear();
    this.#last = null;
    this.#list.replaceChildren();
  }

  get isEmpty() {
    return this.#exchanges.size === 0;
  }

  reply(id) {
    return this.#replies.get(id);
  }

  /** Replies that are not final, the oldest first. */
  get open() {
    return [...this.#replies.values()].filter((reply) => !reply.isFinal);
  }

  /** What was said, the oldest first. */
  get said() {
    return [...this.#exchanges.values()].flatMap(({ said }) => said ?? []);
  }

  /** Where a stream of the room is to begin, so that nothing is left out: at the first reply that is not final. */
  get place() {
    return (this.open[0] ?? this.#last)?.place;
  }

  /** Whether a message is shown; of one whose reply came first only the place is known. */
  has(id) {
    return this.#exchanges.get(id)?.isLoose === false;
  }

  /** Puts a page of older messages, in order, before all others. */
  prepend(messages) {
    const page = document.createDocumentFragment();
    const fresh = [];
    for (const message of messages.toReversed()) {
      const isReply = message.role === "assistant";
      const exchange = this.#of(isReply ? message.reply_to : message.id);
      if (isReply) fresh.unshift([message.id, exchange.take(message, true)]);
      else exchange.say(message);
      // A reply whose message came long before it goes where that is, once that is known.
      if (!isReply || !exchange.element.isConnected) page.prepend(exchange.element);
      exchange.element.hidden = exchange.isLoose;
    }
    this.#last ??= fresh.at(-1)?.[1];
    this.#replies = new Map([...fresh, ...this.#replies]);
    if (page.firstElementChild) page.firstElementChild.hidden = false;
    this.#list.prepend(page);
  }

  /** Takes in a message that is new or has changed. */
  take(message) {
    const isReply = message.role === "assistant";
    const id = isReply ? message.reply_to : message.id;
    const isNew = !this.#exchanges.has(id);
    const exchange = this.#of(id);
    if (isReply) this.#replies.set(message.id, exchange.take(message, false));
    else if (exchange.isLoose) exchange.say(message);
    if (!isNew) return;
    this.#list.insertBefore(exchange.element, this.#waiting.values().next().value ?? null);
    exchange.element.hidden = exchange.isLoose;
  }

  /** Shows what is being sent, under the name of its key. */
  offer(key, content) {
    const exchange = this.#of(key);
    exchange.say({ content, status: "sending" });
    const note = h("p", { className: "note" });
    exchange.element.append(note);
    this.#list.append(exchange.element);
    this.#waiting.set(key, exchange.element);
    return note;
  }

  /** Takes away what was shown under a key. */
  withdraw(key) {
    this.#exchanges.get(key)?.element.remove();
    this.#exchanges.delete(key);
    this.#waiting.delete(key);
  }

  #of(id) {
    let exchange = this.#exchanges.get(id);
    if (!exchange) {
      exchange = new Exchange(this.#acts);
      this.#exchanges.set(id, exchange);
    }
    return exchange;
  }
}
