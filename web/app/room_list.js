// The list of rooms: newest first, read on as it is scrolled, and searched by name.

import { button, find, h, later, setText } from "/assets/dom.js";
import * as rooms from "/assets/rooms.js";
import { whenNear } from "/assets/scroll.js";

export class RoomList {
  #list = find("#room-list");
  #search = find("#room-search");
  #items = new Map();
  #current = null;

  constructor() {
    const load = () => rooms.loadMore().catch(() => {});
    const again = whenNear(find("#more-rooms"), this.#list.parentElement, "400px", load);
    rooms.watch(() => {
      this.#show();
      if (rooms.hasMore()) again();
    });
    this.#search.addEventListener("input", () => this.#show());
  }

  /** Marks the room that is open. */
  mark(id) {
    this.#current = id;
    this.#show();
  }

  clear() {
    this.#search.value = "";
    this.#items.clear();
    this.#list.replaceChildren();
  }

  /** The menu and its dialogs come when they are asked for. */
  async #menu(options, id) {
    const menu = await later(import("/assets/room_menu.js"));
    menu?.openMenu(options, id);
  }

  #show() {
    const wanted = this.#search.value.trim().toLocaleLowerCase();
    const all = rooms.list();
    const found = wanted ? all.filter(({ name }) => name.toLocaleLowerCase().includes(wanted)) : all;
    const items = found.map((room) => this.#item(room));
    // Only what moved is touched, so that a menu or the focus stays where it is.
    items.forEach((item, index) => {
      if (this.#list.children[index] !== item) this.#list.insertBefore(item, this.#list.children[index] ?? null);
    });
    while (this.#list.children.length > items.length) this.#list.lastChild.remove();
    const none = rooms.areAll() ? "No room is called so." : "Searching...";
    setText(find("#rooms-note"), wanted && found.length === 0 ? none : "");
    if (wanted) rooms.loadAll().catch(() => {});
  }

  #item(room) {
    let item = this.#items.get(room.id);
    if (!item) {
      const link = h("a", { href: `/#${room.id}`, dir: "auto" });
      const options = button("⋯", () => this.#menu(options, room.id), { className: "options", "aria-haspopup": "menu" });
      item = h("li", { "data-room": room.id }, link, options);
      this.#items.set(room.id, item);
    }
    const [link, options] = item.children;
    setText(link, room.name);
    options.setAttribute("aria-label", `Options for ${room.name}`);
    if (room.id === this.#current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
    return item;
  }
}
