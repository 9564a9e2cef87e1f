// What is said when the messages of a day are used up, and the button that leads to Pro.

import { button, find, h } from "/assets/dom.js";
import { goToCheckout } from "/assets/checkout.js";
import * as me from "/assets/me.js";
import { clock, sentence } from "/assets/words.js";

/** A button that leads to the checkout; what goes wrong is said in `place`. */
export function upgradeButton(place, options = {}) {
  const error = h("p", { className: "error" });
  const made = button("Upgrade to Pro", async () => {
    made.disabled = true;
    error.remove();
    try {
      await goToCheckout();
    } catch (problem) {
      error.textContent = sentence(problem);
      place.append(error);
    }
    // Who comes back by the browser's own way finds the page as it was left.
    made.disabled = false;
  }, { className: "main", ...options });
  return made;
}

/** Says that all messages are used, as long as that is so. */
export function tellSpent() {
  const [alert, quota] = [find("#spent"), me.current()?.quota];
  if (quota?.remaining !== 0) return;
  const text = `All ${quota.limit} messages of today are used. More at ${clock(quota.resets_at)}.`;
  if (alert.firstChild?.textContent === text) return;
  alert.replaceChildren(h("span", { textContent: text }), upgradeButton(alert, { id: "upgrade" }));
}
