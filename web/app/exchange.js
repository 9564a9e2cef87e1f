// What was said and the replies to it: one reply is shown, the others can be stepped to.

import { h } from "/assets/dom.js";
import { Reply, saying } from "/assets/message.js";

export class Exchange {
  element = h("section", { className: "exchange" });
  replies = [];
  #acts;
  /** What was said, once that is stored. */
  said = null;
  #said = null;
  #shown = -1;
  #versions = null;

  constructor(acts) {
    this.#acts = acts;
  }

  get isLoose() {
    return this.#said === null;
  }

  get shown() {
    return this.replies[this.#shown];
  }

  /** Sets what was said. Replies that came before it were not shown without it. */
  say(message) {
    this.said = message.created_at ? message : null;
    const article = saying(message);
    if (this.#said) this.#said.replaceWith(article);
    else this.element.prepend(article);
    this.#said = article;
    this.element.hidden = false;
  }

  /** Takes a reply in; the newest is shown, unless an older page brings it. */
  take(message, isOlder) {
    const known = this.replies.find((reply) => reply.id === message.id);
    if (known) {
      known.take(message);
      return known;
    }
    const reply = new Reply(message, this.#acts);
    if (isOlder) {
      this.replies.unshift(reply);
      this.#show(this.#shown < 0 ? 0 : this.#shown + 1);
    } else {
      this.replies.push(reply);
      this.#show(this.replies.length - 1);
    }
    return reply;
  }

  #show(index) {
    const before = this.shown ?? this.replies[0];
    this.#shown = index;
    const { shown } = this;
    if (before.element.isConnected && before !== shown) before.element.remove();
    if (!shown.element.parentNode) this.element.append(shown.element);
    return this.#count();
  }

  /** Where there are more than one: which it is, and the way to the others. */
  async #count() {
    if (this.replies.length < 2) return;
    this.#versions ??= import("/assets/versions.js").then(({ Versions }) => new Versions((by) => this.#show(this.#shown + by)));
    const versions = await this.#versions.catch(() => (this.#versions = null));
    versions?.count(this.#shown, this.replies.length, this.shown.actions);
  }
}
