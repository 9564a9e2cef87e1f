// What can be done to a room in the list: rename and delete.

import { call } from "/assets/api.js";
import { field, openDialog } from "/assets/dialog.js";
import { button, find, h } from "/assets/dom.js";
import * as rooms from "/assets/rooms.js";

/** Opens the menu of a room at its button. */
export function openMenu(opener, id) {
  find(".menu")?.remove();
  const item = (label, act) =>
    button(label, () => {
      menu.hidePopover();
      act(id);
    }, { role: "menuitem" });
  const menu = h("div", { className: "menu", role: "menu", popover: "auto" }, item("Rename", askName), item("Delete", askDelete));
  menu.addEventListener("keydown", step);
  menu.addEventListener("toggle", ({ newState }) => {
    opener.setAttribute("aria-expanded", String(newState === "open"));
    if (newState === "closed") menu.remove();
  });
  document.body.append(menu);
  menu.showPopover({ source: opener });
  const { right, bottom, top } = opener.getBoundingClientRect();
  const { offsetWidth, offsetHeight } = menu;
  const fits = bottom + offsetHeight < innerHeight;
  menu.style.left = `${Math.max(8, right - offsetWidth)}px`;
  menu.style.top = `${fits ? bottom + 4 : top - offsetHeight - 4}px`;
  menu.firstChild.focus();
}

function step(event) {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!by) return;
  event.preventDefault();
  const items = [...event.currentTarget.children];
  items.at((items.indexOf(document.activeElement) + by) % items.length).focus();
}

function askName(id) {
  const { input, element } = field("Name", { value: rooms.get(id)?.name ?? "", maxLength: 120, dir: "auto", autocomplete: "off" });
  openDialog("Rename room", element, [["Save", () => rename(id, input.value)]]);
  input.select();
}

function askDelete(id) {
  const name = h("b", { textContent: rooms.get(id)?.name ?? "", dir: "auto" });
  const text = h("p", {}, "“", name, "” and all its messages will be gone. This cannot be undone.");
  openDialog("Delete room", text, [["Delete", () => remove(id), "danger"]]);
}

async function rename(id, name) {
  rooms.take(await call("PATCH", `/chatroom/${id}`, { body: { name } }));
}

async function remove(id) {
  await call("DELETE", `/chatroom/${id}`);
  rooms.gone(id, { isMeant: true });
}
