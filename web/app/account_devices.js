// The devices that are signed in, and signing them out.

import { call } from "/assets/api.js";
import { button, h } from "/assets/dom.js";
import * as keep from "/assets/keep.js";
import * as tokens from "/assets/tokens.js";
import { moment } from "/assets/times.js";

export function show(element, act) {
  const list = h("ul", { className: "devices" });
  const others = button("Sign out other devices", () =>
    act(async () => {
      await call("POST", "/auth/logout?scope=others");
      await fill(list, others, act);
      return "All other devices are signed out.";
    }),
  );
  others.hidden = true;
  element.append(h("h3", { textContent: "Devices" }), list, others);
  act(() => fill(list, others, act));
}

async function fill(list, others, act) {
  const { sessions } = await call("GET", "/auth/sessions?limit=100");
  sessions.sort((a, b) => Number(b.current) - Number(a.current));
  list.replaceChildren(...sessions.map((session) => item(session, act, () => fill(list, others, act))));
  others.hidden = sessions.length < 2;
}

function item({ id, current, created_at, last_seen_at, proof }, act, again) {
  const name = h("b", { textContent: current ? "This device" : "Another device" });
  const seen = `signed in by ${proof === "password" ? "password" : "code"} ${moment(created_at)}, last seen ${moment(last_seen_at)}`;
  const end = async () => {
    await call("DELETE", `/auth/sessions/${id}`);
    if (!current) return again();
    keep.forget();
    tokens.end("You are signed out.");
  };
  const out = button("Sign out", () => act(end), { "aria-label": current ? "Sign out this device" : "Sign out" });
  return h("li", {}, h("div", {}, name, h("span", { className: "hint", textContent: seen })), out);
}
