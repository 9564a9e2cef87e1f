// The text of a reply as it grows. What is new shows at once and as it is; whole blocks before it are formatted one by
// one and never touched again, so that a long reply costs no more at its end than at its beginning.

import { build } from "/assets/markdown.js";

/** Between two looks at what has come, in milliseconds. */
const PAUSE = 1200;
/** How much longer the unsettled text has to be before it is read again: so all readings together stay linear. */
const GROWTH = 1.25;
/** A text node takes in more up to this length, as browsers copy what it holds already. */
const NODE = 1000;

export class LiveText {
  #element;
  #render;
  #tail = document.createElement("div");
  /** What is not settled. */
  #text = "";
  /** All of it. */
  #whole = "";
  /** How much of `#text` was read before, and was not settled. */
  #read = 0;
  #isFinal = false;
  #isReading = false;
  #timer = null;
  /** A text that was put in place of another; an answer about an older one means nothing. */
  #turn = 0;

  /** `render(texts)` promises the documents that the server reads in them. */
  constructor(element, render) {
    this.#element = element;
    this.#render = render;
    this.#tail.className = "tail";
    this.#tail.dir = "auto";
    element.classList.add("markdown");
    element.replaceChildren(this.#tail);
  }

  append(text) {
    if (this.#isFinal) return this.reset(this.#whole + text);
    this.#whole += text;
    this.#text += text;
    const last = this.#tail.lastChild;
    if (last && last.length < NODE) last.appendData(text);
    else this.#tail.append(text);
    this.#lookSoon();
  }

  /** Another text in place of all that came, or the same one when it goes on after all. */
  reset(text) {
    if (text !== this.#whole || this.#isFinal) this.#replace(text);
    this.#lookSoon();
  }

  /** The text is whole: all of it is formatted. */
  finish(text) {
    if (text !== this.#whole) this.#replace(text);
    if (this.#isFinal) return;
    this.#isFinal = true;
    this.#stopWaiting();
    this.#look();
  }

  #replace(text) {
    this.#turn += 1;
    this.#whole = text;
    this.#text = text;
    this.#read = 0;
    this.#isFinal = false;
    this.#stopWaiting();
    this.#tail.replaceChildren(text);
    this.#element.replaceChildren(this.#tail);
  }

  #stopWaiting() {
    clearTimeout(this.#timer);
    this.#timer = null;
  }

  #lookSoon() {
    if (this.#isFinal || this.#isReading || this.#timer !== null || !this.#text) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#look();
    }, PAUSE);
  }

  /** Reads what is unsettled: only whole lines, as the beginning of a line can be another block than the line. */
  async #look() {
    const [turn, isAll] = [this.#turn, this.#isFinal];
    const lines = isAll ? this.#text : this.#text.slice(0, this.#text.lastIndexOf("\n") + 1);
    if (this.#isReading || !lines || (!isAll && lines.length < this.#read * GROWTH)) return;
    this.#isReading = true;
    // Without an answer the text stays as it is, which can be read as well.
    const documents = await this.#render([lines.toWellFormed?.() ?? lines]).catch(() => null);
    this.#isReading = false;
    const isOld = turn !== this.#turn;
    if (!isOld) this.#read = lines.length;
    if (!isOld && documents) this.#settle(lines, documents[0], isAll);
    if (this.#isFinal && (isOld || !isAll)) this.#look();
    else if (isOld || this.#text.length > this.#read) this.#lookSoon();
  }

  #settle(lines, blocks, isAll) {
    if (isAll) return this.#tail.replaceWith(build(blocks));
    const settled = blocks.slice(0, -1);
    if (settled.length === 0) return;
    const end = unitsOf(lines, settled.at(-1).end);
    this.#text = this.#text.slice(end);
    this.#read -= end;
    this.#tail.before(build(settled));
    this.#tail.replaceChildren(this.#text);
  }
}

/** How many units a number of characters takes in a string of JavaScript. */
function unitsOf(text, characters) {
  let units = 0;
  for (let left = characters; left > 0; left -= 1) units += text.codePointAt(units) > 0xffff ? 2 : 1;
  return units;
}
