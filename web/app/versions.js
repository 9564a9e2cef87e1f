// The way between several replies to one message.

import { button, h, setText } from "/assets/dom.js";

export class Versions {
  #back;
  #on;
  #text = h("span", { className: "count", "aria-live": "polite" });
  #group;

  /** `show(by)` shows the one before, or after. */
  constructor(show) {
    const step = async (by) => {
      await show(by);
      // The keyboard stays at its button, unless there is nothing further that way.
      const [same, other] = by < 0 ? [this.#back, this.#on] : [this.#on, this.#back];
      (same.disabled ? other : same).focus({ preventScroll: true });
    };
    this.#back = button("‹", () => step(-1), { "aria-label": "Previous version" });
    this.#on = button("›", () => step(1), { "aria-label": "Next version" });
    const options = { className: "versions", role: "group", "aria-label": "Versions" };
    this.#group = h("div", options, this.#back, this.#text, this.#on);
  }

  /** Shows which of how many it is, among what can be done with it. */
  count(index, all, actions) {
    setText(this.#text, `${index + 1} of ${all}`);
    this.#back.disabled = index === 0;
    this.#on.disabled = index === all - 1;
    actions.prepend(this.#group);
  }
}
