// The plan in the account: buying it, managing what was bought, cancelling and taking that back.

import { call } from "/assets/api.js";
import { go, goToPortal } from "/assets/checkout.js";
import { button, h } from "/assets/dom.js";
import * as me from "/assets/me.js";
import { upgradeButton } from "/assets/upgrade.js";
import { day } from "/assets/times.js";

const NOTICES = {
  payment_due: "A payment is due. Please look after your card, so that the plan goes on.",
  grace_over: "A payment was not made, so the plan has ended. It comes back with the payment.",
  payment_needs_action: "A payment waits for you to confirm it.",
};

export function show(element, act) {
  element.append(h("h3", { textContent: "Plan" }));
  const place = h("div", {}, h("p", { className: "hint", textContent: "..." }));
  element.append(place);
  const fill = (status) => place.replaceChildren(...content(status, act, fill, place));
  act(async () => fill(await call("GET", "/subscription/status")));
}

function content(status, act, fill, place) {
  const made = [h("p", { textContent: standing(status) })];
  if (status.notice) made.push(h("p", { className: "error", textContent: NOTICES[status.notice] ?? "" }));
  const buttons = h("div", { className: "row" });
  const change = (label, path) =>
    button(label, () =>
      act(async () => {
        const now = await call("POST", path);
        me.take({ subscription_tier: now.subscription_tier, quota: now.quota });
        fill(now);
      }),
    );
  const hasBought = !["none", "canceled", "incomplete_expired"].includes(status.status);
  if (!hasBought) buttons.append(upgradeButton(place));
  if (status.action_url) buttons.append(button("Confirm the payment", () => go(status.action_url), { className: "main" }));
  if (status.status !== "none") buttons.append(button("Manage billing", () => act(goToPortal)));
  if (hasBought) buttons.append(status.cancel_at_period_end ? change("Resume plan", "/subscription/resume") : change("Cancel plan", "/subscription/cancel"));
  return [...made, buttons];
}

function standing({ subscription_tier, quota, cancel_at_period_end, ends_at, current_period_end }) {
  if (subscription_tier !== "Pro") return `Basic: ${quota.limit ?? "all"} messages a day.`;
  if (cancel_at_period_end) return `Pro until ${day(ends_at ?? current_period_end)}, then Basic.`;
  return current_period_end ? `Pro: no daily limit. It renews on ${day(current_period_end)}.` : "Pro: no daily limit.";
}
