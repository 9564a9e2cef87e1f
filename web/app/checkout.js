// To the pages of the payment provider and back.

import { call, callPatiently } from "/assets/api.js";
import * as keep from "/assets/keep.js";
import * as me from "/assets/me.js";

/** Set while a page of the payment provider is open: whether something is bought there. */
const LEFT = "checkout";

export async function goToCheckout() {
  const { checkout_url } = await callPatiently("POST", "/subscribe/pro", { tries: 2 });
  go(checkout_url, "buying");
}

export async function goToPortal() {
  const { portal_url } = await call("POST", "/subscription/portal");
  go(portal_url);
}

/** Goes to a page of the payment provider; after the return the plan is read anew. */
export function go(address, why = "looking") {
  const url = new URL(address, location.href);
  if (!["http:", "https:"].includes(url.protocol)) throw new Error("Not an address of the web.");
  keep.tab.write(LEFT, why);
  location.assign(url.href);
}

/** Reads the plan: the payment may be seen a moment after the return. Promises what is to be said of it. */
export async function afterReturn() {
  const isBuying = keep.tab.read(LEFT) === "buying";
  keep.tab.drop(LEFT);
  for (const wait of [0, 2000, 5000]) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    const status = await callPatiently("POST", "/subscription/sync", { tries: 1 }).catch(() => null);
    if (status) me.take({ subscription_tier: status.subscription_tier, quota: status.quota });
    if (status?.subscription_tier === "Pro") return isBuying ? "You are on Pro now." : "";
  }
  return isBuying ? "The plan is Basic as yet. A payment that was just made is seen within minutes." : "";
}
