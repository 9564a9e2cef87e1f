// Where a message is written. What is typed is kept for each room, over a reload as well.

import { find, setText } from "/assets/dom.js";
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
      const isFree = event.key === "Escape" && !event.defaultPrevented && !find("dialog[open], [popover]:popover-open");
      if (isFree && !this.#stop.hidden) this.#halt();
    });
  }

  /** Goes over to another room and to what was typed there. */
  enter(room) {
    this.#save();
    this.#room = room;
    this.#draft.value = keep.read(`draft.${room}`) ?? "";
    this.notice("");
    this.#fit();
    this.#mark();
  }

  /** The room got its name; what is typed stays. */
  rename(room) {
    keep.drop(`draft.${this.#room}`);
    this.#room = room;
    this.#save();
  }

  leave() {
    this.#room = null;
    this.#draft.value = "";
  }

  focus() {
    // On a phone the keyboard would cover what the room says.
    if (matchMedia("(hover: hover)").matches) this.#draft.focus({ preventScroll: true });
  }

  /** Puts back what was refused, before whatever is being typed. */
  giveBack(content) {
    this.#draft.value = [content, this.#draft.value].filter(Boolean).join("\n\n");
    this.#save();
    this.#fit();
    this.#mark();
  }

  notice(text) {
    setText(this.#notice, text);
  }

  writing(is) {
    const hadFocus = document.activeElement === this.#stop;
    this.#stop.hidden = !is;
    if (hadFocus && !is) this.#draft.focus({ preventScroll: true });
  }

  /** The quota is used up, or no more. */
  spent(is) {
    this.#isSpent = is;
    this.#mark();
  }

  #key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
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

  #halt() {
    this.#stop.disabled = true;
    this.onStop().finally(() => (this.#stop.disabled = false));
  }

  #typed() {
    this.#fit();
    this.#mark();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#save(), SAVED_AFTER);
  }

  #save() {
    clearTimeout(this.#timer);
    if (this.#room) keep.write(`draft.${this.#room}`, this.#draft.value);
  }

  #mark() {
    this.#send.disabled = this.#isSpent || !this.#draft.value.trim();
  }

  /** Grows with its text, where the style alone does not do it. */
  #fit() {
    if (CSS.supports("field-sizing", "content")) return;
    this.#draft.style.height = "auto";
    this.#draft.style.height = `${this.#draft.scrollHeight}px`;
  }
}
