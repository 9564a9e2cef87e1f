// Setting and changing the password.

import { call } from "/assets/api.js";
import { field } from "/assets/dialog.js";
import { h } from "/assets/dom.js";
import * as me from "/assets/me.js";

export function show(element, act) {
  const old = field("Current password", { type: "password", autocomplete: "current-password" });
  const fresh = field("New password", { type: "password", autocomplete: "new-password" });
  const hint = h("p", { className: "hint", textContent: "8 characters or more. Your other devices are signed out." });
  const user = h("input", { type: "text", autocomplete: "username", value: me.current()?.mobile ?? "", hidden: true });
  const save = h("button", { type: "submit", textContent: "Save password" });
  const late = h("p", { className: "hint", textContent: "Within 5 minutes of a sign-in by code the current one can be left out." });
  const form = h("form", { noValidate: true }, user, old.element, late, fresh.element, hint, save);
  const ask = (is) => [old.element, late].forEach((each) => (each.hidden = !is));
  ask(me.current()?.has_password ?? false);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    act(async () => {
      const body = { new_password: fresh.input.value, old_password: old.input.value || null };
      const { message } = await call("POST", "/auth/change-password", { body });
      me.take({ has_password: true });
      ask(true);
      form.reset();
      return message;
    });
  });
  element.append(h("h3", { textContent: "Password" }), form);
}
