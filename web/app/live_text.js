// The text of a reply as it grows. What is new shows at once and as it is; whole blocks before it are formatted one by
// one and never touched again, so that a long reply costs no more at its end than at its beginning. Between them stands
// the block that is not at its end yet, as far as it was read: formatted too, but made anew by each reading.

/** Between two looks at what has come, in milliseconds: short at first, then longer, as readings are requests. */
const PAUSE = 500;
const LONGER = 25;
const LONGEST = 1500;
/** How many times the whole text all readings together may be: so a block without an end costs no more than others. */
const READINGS = 4;
/** A line that ends a block of code. */
const FENCE = /\n\s*(?:```+|~~~+)\s*$/;
/** A text node takes in more up to this length, as browsers copy what it holds already. */
const NODE = 1000;

export class LiveText {
  #element;
  #parse;
  #tail = document.createElement("div");
  /** What is not settled. */
  #text = "";
  /** All of it. */
  #whole = "";
  /** The elements of the block at its beginning. */
  #preview = [];
  /** How much of `#text` was read before, and was not settled. */
  #read = 0;
  /** How much was read in all, and how often. */
  #cost = 0;
  #looks = 0;
  #formatted;
  #isFormatted = null;
  #isFinal = false;
  #isReading = false;
  #timer = null;
  /** A text that was put in place of another; an answer about an older one means nothing. */
  #turn = 0;

  /** `parse(texts)` promises the documents that the server reads in them, and what builds elements of their blocks. */
  constructor(element, parse) {
    this.#element = element;
    this.#parse = parse;
    this.#tail.dir = "auto";
    element.classList.add("markdown");
    this.#clear("");
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

  /** The text is whole: all of it is formatted, or shown as it is where that cannot be; promises the end of that. */
  finish(text) {
    if (text !== this.#whole) this.#replace(text);
    if (this.#isFinal) return this.#formatted;
    this.#isFinal = true;
    this.#stopWaiting();
    this.#formatted = new Promise((formatted) => (this.#isFormatted = formatted));
    if (text) this.#look();
    else this.#isFormatted();
    return this.#formatted;
  }

  #replace(text) {
    this.#turn += 1;
    this.#whole = text;
    this.#text = text;
    this.#read = 0;
    this.#cost = 0;
    this.#isFinal = false;
    this.#stopWaiting();
    this.#clear(text);
  }

  #clear(text) {
    this.#preview = [];
    this.#tail.className = "tail";
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
    }, Math.min(PAUSE + LONGER * this.#looks, LONGEST));
  }

  /** Reads what is unsettled: only whole lines, as the beginning of a line can be another block than the line. */
  async #look() {
    const [turn, isAll] = [this.#turn, this.#isFinal];
    const lines = isAll ? this.#text : this.#text.slice(0, this.#text.lastIndexOf("\n") + 1);
    if (this.#isReading || !lines) return;
    if (!isAll && (lines.length === this.#read || this.#cost + lines.length > this.#whole.length * READINGS)) return;
    this.#isReading = true;
    this.#cost += lines.length;
    this.#looks += 1;
    // Without an answer the text stays as it is, which can be read as well.
    const parsed = await this.#parse([lines.toWellFormed?.() ?? lines]).catch(() => null);
    this.#isReading = false;
    const isOld = turn !== this.#turn;
    if (!isOld) this.#read = lines.length;
    if (!isOld && parsed) this.#settle(lines, parsed.documents[0], parsed.build, isAll);
    if (!isOld && isAll) this.#isFormatted();
    if (this.#isFinal && (isOld || !isAll)) this.#look();
    else if (isOld || this.#text.length > this.#read) this.#lookSoon();
  }

  #settle(lines, blocks, build, isAll) {
    for (const element of this.#preview) element.remove();
    this.#preview = [];
    if (isAll) return this.#tail.replaceWith(build(blocks));
    const [settled, last] = [blocks.slice(0, -1), blocks.at(-1)];
    if (!last) return;
    const end = settled.length ? unitsOf(lines, settled.at(-1).end) : 0;
    const shown = unitsOf(lines, last.end);
    const preview = build([last]);
    this.#preview = [...preview.childNodes];
    this.#tail.before(build(settled), preview);
    // What lies beyond the last block and makes none is shown as it is.
    this.#tail.replaceChildren(this.#text.slice(lines.slice(shown).trim() ? shown : lines.length));
    this.#tail.className = last.kind === "code" && !FENCE.test(lines) ? "tail of-code" : "tail";
    this.#text = this.#text.slice(end);
    this.#read -= end;
  }
}

/** How many units a number of characters takes in a string of JavaScript. */
function unitsOf(text, characters) {
  let units = 0;
  for (let left = characters; left > 0; left -= 1) units += text.codePointAt(units) > 0xffff ? 2 : 1;
  return units;
}
