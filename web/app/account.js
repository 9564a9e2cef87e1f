// The account: who one is, the plan, devices, password, one's data, and the way out.

import { call } from "/assets/api.js";
import * as data from "/assets/account_data.js";
import * as devices from "/assets/account_devices.js";
import * as password from "/assets/account_password.js";
import * as plan from "/assets/account_plan.js";
import { closeOutside, field } from "/assets/dialog.js";
import { button, find, h, setText } from "/assets/dom.js";
import * as keep from "/assets/keep.js";
import * as me from "/assets/me.js";
import * as tokens from "/assets/tokens.js";
import { sentence } from "/assets/words.js";

/** Opens the dialog. */
export function open() {
  const heading = h("h2", { textContent: "Account", id: "account-heading" });
  const close = button("×", () => dialog.close(), { className: "icon", "aria-label": "Close" });
  const top = h("div", { className: "top" }, heading, close);
  const dialog = h("dialog", { className: "account", "aria-labelledby": heading.id }, top);
  for (const show of [profile, plan.show, devices.show, password.show, data.show]) dialog.append(section(dialog, show));
  dialog.append(button("Sign out", () => signOut(dialog), { id: "sign-out" }));
  dialog.addEventListener("close", () => dialog.remove());
  closeOutside(dialog);
  document.body.append(dialog);
  dialog.showModal();
}

/**
 * A part of the dialog. `show(element, act)` fills it and may give what ends it; `act(work)` does something, and says in the part what came of it:
 * what it returns, or what went wrong.
 */
function section(dialog, show) {
  const said = h("p", { role: "status" });
  const content = h("div");
  let isBusy = false;
  const act = async (work) => {
    if (isBusy) return;
    isBusy = true;
    const pressed = document.activeElement?.closest("dialog button");
    if (pressed) pressed.disabled = true;
    said.className = "";
    try {
      setText(said, (await work()) ?? "");
    } catch (error) {
      said.className = "error";
      setText(said, sentence(error));
    }
    isBusy = false;
    if (!pressed) return;
    pressed.disabled = false;
    // What was pressed can be gone with what it did.
    const next = pressed.isConnected ? pressed : find("button", content) ?? find("button", dialog);
    if (document.activeElement === document.body) next.focus();
  };
  const stop = show(content, act);
  if (stop) dialog.addEventListener("close", stop);
  return h("section", {}, content, said);
}

function profile(element, act) {
  const { mobile, name, subscription_tier } = me.current() ?? {};
  const own = field("Your name", { value: name ?? "", maxLength: 120, autocomplete: "name", dir: "auto" });
  const save = async () => {
    me.take(await call("PATCH", "/user/me", { body: { name: own.input.value.trim() || null } }));
    return "Saved.";
  };
  const form = h("form", { className: "row", noValidate: true }, own.element, h("button", { type: "submit", textContent: "Save name" }));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    act(save);
  });
  const facts = h("dl", {}, h("dt", { textContent: "Number" }), h("dd", { textContent: mobile }), h("dt", { textContent: "Plan" }));
  const tier = h("dd", { textContent: subscription_tier, id: "tier" });
  facts.append(tier);
  element.append(facts, form);
  return me.watch((now) => setText(tier, now.subscription_tier));
}

async function signOut(dialog) {
  // Whether or not the server hears of it, this browser forgets its tokens.
  await call("POST", "/auth/logout").catch(() => {});
  dialog.close();
  keep.forget();
  tokens.end("You are signed out.");
}
