// One message as an article: the person's words as they are, the model's reply formatted, growing while it is written.

import { announce, button, copyButton, h, setText } from "/assets/dom.js";
import { LiveText } from "/assets/live_text.js";
import { reason } from "/assets/words.js";

const isFinal = (status) => status === "complete" || status === "failed";
const count = (text) => {
  let scalars = 0;
  for (const _ of text) scalars += 1;
  return scalars;
};

/** What reads Markdown comes with the first reply. */
async function parse(texts) {
  const { build, render } = await import("/assets/render.js");
  return { documents: await render(texts), build };
}

/** What the person wrote. */
export function saying(message) {
  const text = h("div", { className: "text", dir: "auto", textContent: message.content });
  const element = h("article", { className: "message", "aria-label": "You" }, text);
  Object.assign(element.dataset, { id: message.id ?? "", role: "user", status: message.status });
  return element;
}

/** A reply: its text so far, and what can be done with it. */
export class Reply {
  message;
  #text;
  #live;
  #reason = h("p", { className: "reason" });
  #again;
  #anew;
  #copy;
  #length = 0;
  #content = "";

  /** `acts` are `retry(id)` and `regenerate(id)`. */
  constructor(message, acts) {
    this.#text = h("div", { className: "text", dir: "auto" });
    this.#copy = copyButton("Copy", () => this.#content);
    this.#anew = button("Regenerate", () => acts.regenerate(this.message.id));
    this.#again = button("Try again", () => acts.retry(this.message.id), { className: "again" });
    this.actions = h("div", { className: "actions" }, this.#copy, this.#anew, this.#again);
    const dots = h("p", { className: "dots" }, h("span", { className: "unseen", textContent: "The reply is on its way." }));
    this.element = h("article", { className: "message", "aria-label": "Reply" }, this.#text, dots, this.#reason, this.actions);
    this.#live = new LiveText(this.#text, parse);
    this.take(message);
  }

  get id() {
    return this.message.id;
  }

  get isFinal() {
    return isFinal(this.message.status);
  }

  /** Takes in the message as it is stored: the end of a reply, or its beginning. */
  take(message) {
    const wasWritten = this.message !== undefined && !this.isFinal;
    this.message = { ...this.message, ...message };
    this.#content = message.content;
    this.#length = count(message.content);
    if (this.isFinal) {
      const formatted = this.#live.finish(this.#content);
      if (wasWritten) formatted.then(() => announce([this.#text.innerText, reason(this.message)].join(" ").trim()));
    } else {
      this.#live.reset(this.#content);
    }
    this.#mark();
  }

  /** A try has begun. */
  start(attempt) {
    if (attempt < this.message.attempt || (this.isFinal && attempt === this.message.attempt)) return;
    if (attempt > this.message.attempt && this.#content) this.reset(attempt, "");
    this.message = { ...this.message, attempt, status: "generating", outcome: null, error: null };
    this.#mark();
  }

  /** More text; false where text before it is missing. */
  grow(offset, text) {
    if (this.isFinal) return true;
    if (offset > this.#length) return false;
    const fresh = offset === this.#length ? text : [...text].slice(this.#length - offset).join("");
    this.#content += fresh;
    this.#length += count(fresh);
    if (fresh) this.#live.append(fresh);
    this.element.classList.toggle("blank", !this.#content);
    if (this.message.status !== "generating") this.start(this.message.attempt);
    return true;
  }

  /** The text in place of whatever was shown. */
  reset(attempt, text) {
    if (this.isFinal && attempt <= this.message.attempt && text === this.#content) return;
    this.message = { ...this.message, attempt, status: "generating", outcome: null, error: null };
    if (text !== this.#content) {
      this.#content = text;
      this.#length = count(text);
      this.#live.reset(text);
    }
    this.#mark();
  }

  /** Where a stream goes on from here. */
  get place() {
    const { id, attempt } = this.message;
    return `${id}.${attempt}.${this.isFinal ? "end" : this.#length}`;
  }

  #mark() {
    const { id, status, outcome } = this.message;
    const { element } = this;
    Object.assign(element.dataset, { id, role: "assistant", status, outcome: outcome ?? "" });
    element.setAttribute("aria-busy", String(!this.isFinal));
    element.classList.toggle("blank", !this.#content);
    setText(this.#reason, reason(this.message));
    this.#copy.hidden = !this.#content;
    this.#again.hidden = status !== "failed";
    this.#anew.hidden = status === "failed";
    this.actions.classList.toggle("off", !this.isFinal);
  }
}
