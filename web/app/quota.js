// The daily quota in words, and the way to more of it.

import { button, find, h, setText } from "/assets/dom.js";
import * as me from "/assets/me.js";
import { clock, sentence } from "/assets/words.js";

/** Set while a page of the payment provider is open. */
const LEFT = "pollux.checkout";

/** Shows the quota from now on; `spent(is)` is told when it is used up, or no more. */
export function show(spent) {
  let timer = null;
  me.watch(({ quota }) => {
    clearTimeout(timer);
    const isSpent = quota.remaining === 0;
    setText(find("#quota"), isSpent ? "" : words(quota));
    tellSpent(isSpent ? quota : null);
    spent(isSpent);
    const left = Date.parse(quota.resets_at) - Date.now();
    if (left > 0) timer = setTimeout(() => me.load().catch(() => {}), left + 1000);
  });
}

function words({ limit, remaining, resets_at }) {
  if (limit === null) return "";
  return `${remaining} of ${limit} messages left today, more at ${clock(resets_at)}`;
}

function tellSpent(quota) {
  const alert = find("#spent");
  if (!quota) return alert.replaceChildren();
  const text = `All ${quota.limit} messages of today are used. More at ${clock(quota.resets_at)}.`;
  if (alert.dataset.text === text && alert.firstChild) return;
  alert.dataset.text = text;
  alert.replaceChildren(h("span", { textContent: text }), upgradeButton(alert, { id: "upgrade" }));
}

/** A button that leads to the checkout; what goes wrong is said in `place`. */
export function upgradeButton(place, options = {}) {
  const made = button("Upgrade to Pro", async () => {
    made.disabled = true;
    try {
      await (await import("/assets/checkout.js")).goToCheckout();
    } catch (error) {
      made.disabled = false;
      place.append(h("p", { className: "error", textContent: sentence(error) }));
    }
  }, { className: "main", ...options });
  return made;
}

/** Reads the plan after a return from the payment provider. */
export async function afterReturn() {
  if (!sessionStorage.getItem(LEFT)) return;
  const checkout = await import("/assets/checkout.js").catch(() => null);
  await checkout?.afterReturn();
}
