// Where a message is written. What is typed is kept for each room, over a reload as well.

import { find, focusHome, isTouched, setText } from "/assets/dom.js";
import * as keep from "/assets/keep.js";

const SAVED_AFTER = 250;

export class Composer {
  #draft = find("#draft");
  #send = find("#send");
  #stop = find("#stop");
  #notice = find("#notice");
  #room = null;
  #timer = null;
  #isSpent = false;
  #isHalting = false;
  /** What is known to be kept: only what was typed here is written, as another tab may have sent the rest. */
  #saved = "";

  /** `send(content)` and `stop()` are what the buttons do. */
  constructor({ send, stop }) {
    this.onSend = send;
    this.onStop = stop;
    find("#composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#draft.addEventListener("keydown", (event) => this.#key(event));
    this.#draft.addEventListener("input", () => this.#typed());
    this.#stop.addEventListener("click", () => this.#halt());
    window.addEventListener("pagehide", () => this.#save());
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.isComposing || event.defaultPrevented || this.#stop.hidden) return;
      // There the key means something else.
      const isTaken = event.target.id === "room-search" || find("dialog[open], [popover]:popover-open");
      if (!isTaken) this.#halt();
    });
  }

  /** Goes over to another room and to what was typed there. */
  enter(room) {
    this.#save();
    this.#room = room;
    this.#saved = keep.read(`draft.${room}`) ?? "";
    this.#draft.value = this.#saved;
    this.notice("");
    this.#fit();
    this.#mark();
  }

  /** The room got its name; what is typed stays. */
  rename(room) {
    keep.drop(`draft.${this.#room}`);
    this.#room = room;
    this.#saved = "";
    this.#save();
  }

  /** Belongs to no room any more; gives what was typed. */
  leave() {
    const typed = this.#draft.value;
    clearTimeout(this.#timer);
    this.#room = null;
    this.#draft.value = "";
    return typed;
  }

  /** Puts back what was refused, before whatever is being typed. */
  giveBack(content) {
    this.#draft.value = [content, this.#draft.value].filter(Boolean).join("\n\n");
    this.#save();
    this.#fit();
    this.#mark();
  }

  /** Says what went wrong, or, as `news`, what went well. */
  notice(text, kind = "error") {
    this.#notice.className = kind;
    setText(this.#notice, text);
  }

  writing(is) {
    const hadFocus = document.activeElement === this.#stop;
    this.#stop.hidden = !is;
    if (hadFocus && !is) focusHome();
  }

  /** The quota is used up, or no more. */
  spent(is) {
    this.#isSpent = is;
    this.#mark();
  }

  #key(event) {
    // Some browsers tell of the key that ends a composition only by its number.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    // A phone has no other key to break a line.
    if (isTouched()) return;
    event.preventDefault();
    this.#submit();
  }

  #submit() {
    const content = this.#draft.value;
    if (!content.trim() || this.#isSpent) return;
    this.#draft.value = "";
    this.#save();
    this.#fit();
    this.#mark();
    this.notice("");
    this.onSend(content);
  }

  /** Stops once at a time. The button is not disabled, as it would lose the focus. */
  async #halt() {
    if (this.#isHalting) return;
    this.#isHalting = true;
    await this.onStop().finally(() => (this.#isHalting = false));
  }

  #typed() {
    this.#fit();
    this.#mark();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#save(), SAVED_AFTER);
  }

  #save() {
    clearTimeout(this.#timer);
    const { value } = this.#draft;
    if (!this.#room || value === this.#saved) return;
    keep.write(`draft.${this.#room}`, value);
    this.#saved = value;
  }

  #mark() {
    const hadFocus = document.activeElement === this.#send;
    this.#send.disabled = this.#isSpent || !this.#draft.value.trim();
    if (hadFocus && this.#send.disabled) focusHome();
  }

  /** Grows with its text, where the style alone does not do it. */
  #fit() {
    if (CSS.supports("field-sizing", "content")) return;
    this.#draft.style.height = "auto";
    this.#draft.style.height = `${this.#draft.scrollHeight}px`;
  }
}
