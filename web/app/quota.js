// The daily quota in words, and the way to more of it.

import { find, later, setText } from "/assets/dom.js";
import * as keep from "/assets/keep.js";
import * as me from "/assets/me.js";
import { clock } from "/assets/words.js";

/** Set while a page of the payment provider is open. */
const LEFT = "checkout";

/** Shows the quota from now on; `spent(is)` is told when it is used up, or no more. */
export function show(spent) {
  let timer = null;
  me.watch(({ quota }) => {
    clearTimeout(timer);
    const isSpent = quota.remaining === 0;
    setText(find("#quota"), isSpent ? "" : words(quota));
    if (isSpent) later(import("/assets/upgrade.js")).then((upgrade) => upgrade?.tellSpent());
    else clearSpent();
    spent(isSpent);
    const left = Date.parse(quota.resets_at) - Date.now();
    if (left > 0) timer = setTimeout(() => me.load().catch(() => {}), left + 1000);
  });
}

function words({ limit, remaining, resets_at }) {
  if (limit === null) return "";
  return `${remaining} of ${limit} messages left today, more at ${clock(resets_at)}`;
}

function clearSpent() {
  find("#spent").replaceChildren();
}

/** Shows nothing of what the person who left had. */
export function clear() {
  clearSpent();
  setText(find("#quota"), "");
}

/** Reads the plan after a return from the payment provider; promises what is to be said of it. */
export async function afterReturn() {
  if (!keep.tab.read(LEFT)) return "";
  const checkout = await later(import("/assets/checkout.js"));
  return (await checkout?.afterReturn()) ?? "";
}
