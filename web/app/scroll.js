// The scroll of the messages: it stays at the end when the reader is there, and keeps its place when older messages come
// in above.

import { find, focusHome } from "/assets/dom.js";

/** How near the end counts as the end, in pixels. */
const NEAR = 48;

export class Scroll {
  #view;
  #content;
  #button;
  #isAtEnd = true;
  #last = 0;

  constructor(view, content) {
    this.#view = view;
    this.#content = content;
    this.#button = find("#to-end");
    this.#button.addEventListener("click", () => this.toEnd(true));
    view.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    const grown = new ResizeObserver(() => this.#grown());
    grown.observe(content);
    grown.observe(view);
  }

  /** Goes to the end and stays there. */
  toEnd(byHand = false) {
    this.#isAtEnd = true;
    this.#view.scrollTop = this.#view.scrollHeight;
    this.#button.hidden = true;
    if (byHand) focusHome();
  }

  /** Runs what puts content in above, without moving what is being read. */
  keeping(change) {
    const anchor = this.#content.firstElementChild;
    const before = anchor?.getBoundingClientRect().top ?? 0;
    change();
    if (!anchor?.isConnected) return;
    this.#view.scrollTop += anchor.getBoundingClientRect().top - before;
    this.#last = this.#view.scrollTop;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#view;
    const left = scrollHeight - scrollTop - clientHeight;
    // Only who scrolls up leaves the end; text that grows does not push anybody from it.
    if (left <= NEAR) this.#isAtEnd = true;
    else if (scrollTop < this.#last - 1) this.#isAtEnd = false;
    this.#last = scrollTop;
    this.#button.hidden = left <= NEAR || this.#isAtEnd;
  }

  #grown() {
    if (this.#isAtEnd) this.#view.scrollTop = this.#view.scrollHeight;
    else this.#scrolled();
  }
}

/**
 * Loads when an element comes near to being seen; `load()` promises whether something came, which may not have filled the
 * view yet. What is given back asks anew.
 */
export function whenNear(element, view, margin, load) {
  const watcher = new IntersectionObserver(
    async ([entry]) => entry.isIntersecting && (await load()) && again(),
    { root: view, rootMargin: margin },
  );
  const again = () => {
    watcher.unobserve(element);
    watcher.observe(element);
  };
  again();
  return again;
}
