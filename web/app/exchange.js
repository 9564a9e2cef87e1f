// What was said and the replies to it: one reply is shown, the others can be stepped to.

import { button, h, setText } from "/assets/dom.js";
import { Reply, saying } from "/assets/message.js";

export class Exchange {
  element = h("section", { className: "exchange" });
  replies = [];
  #acts;
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
    const article = saying(message);
    if (this.#said) this.#said.replaceWith(article);
    else this.element.prepend(article);
    this.#said = article;
    this.element.hidden = false;
  }

  get saying() {
    return this.#said;
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
    this.#count();
  }

  #count() {
    const all = this.replies.length;
    if (all < 2) return;
    this.#versions ??= this.#makeVersions();
    const { group, back, on, text } = this.#versions;
    setText(text, `${this.#shown + 1} of ${all}`);
    back.disabled = this.#shown === 0;
    on.disabled = this.#shown === all - 1;
    this.shown.actions.prepend(group);
  }

  #makeVersions() {
    // The keyboard stays at its button, unless there is nothing further that way.
    const step = (by) => {
      this.#show(this.#shown + by);
      const [same, other] = by < 0 ? [back, on] : [on, back];
      (same.disabled ? other : same).focus({ preventScroll: true });
    };
    const back = button("‹", () => step(-1), { "aria-label": "Previous version" });
    const on = button("›", () => step(1), { "aria-label": "Next version" });
    const text = h("span", { className: "count", "aria-live": "polite" });
    const group = h("div", { className: "versions", role: "group", "aria-label": "Versions" }, back, text, on);
    return { group, back, on, text };
  }
}
