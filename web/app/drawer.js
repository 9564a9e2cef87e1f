// On a phone the rooms are in a drawer: out of reach of the keyboard while it is shut, alone in reach while it is open.

import { find } from "/assets/dom.js";

const narrow = matchMedia("(max-width: 699px)");
let isOpen = false;

export function prepare() {
  find("#show-rooms").addEventListener("click", () => set(true));
  find("#shade").addEventListener("click", () => set(false));
  find("#hide-rooms").addEventListener("click", () => set(false));
  narrow.addEventListener("change", () => set(false));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !isOpen || find("dialog[open], [popover]:popover-open")) return;
    event.preventDefault();
    set(false);
  }, { capture: true });
  set(false);
}

/** Shuts the drawer, as a room was chosen in it. */
export const shut = () => isOpen && set(false);

function set(open) {
  const wasOpen = isOpen;
  isOpen = open && narrow.matches;
  find("#app").classList.toggle("drawn", isOpen);
  find("#rooms").inert = narrow.matches && !isOpen;
  find("#room").inert = isOpen;
  find("#show-rooms").setAttribute("aria-expanded", String(isOpen));
  if (isOpen) find("#new-room").focus();
  else if (wasOpen) find("#show-rooms").focus();
}
