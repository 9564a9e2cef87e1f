// Making elements. Text goes in as text and never as markup, so nothing a person or a model wrote can become more.

export const find = (selector, root = document) => root.querySelector(selector);

/** An element with properties, attributes (`aria-...`, `data-...`, `role`) and children. */
export function h(tag, options = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || value === null) continue;
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export function button(label, onclick, options = {}) {
  return h("button", { type: "button", textContent: label, onclick, ...options });
}

/** Sets text only where it differs, so that nothing is announced twice. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Says something to who cannot see it, once. */
export function announce(text) {
  find("#announcer").replaceChildren(h("p", { textContent: text }));
}

/** A module that is asked for only now; where it cannot come, that is said. */
export function later(module) {
  return module.catch(() => setText(find("#notice"), "This part of the page cannot be loaded. Please try again."));
}

/** Whether fingers write here, on a keyboard that is part of the screen. */
export const isTouched = () => matchMedia("(pointer: coarse)").matches;

/** Puts the focus where one writes; on a phone, where the keyboard would cover what the room says, on that. */
export function focusHome() {
  find(isTouched() ? "#scroll" : "#draft").focus({ preventScroll: true });
}

/** A button that copies what `text()` gives, and says so for a moment. */
export function copyButton(label, text) {
  const made = button(label, async () => {
    const said = await import("/assets/copy.js").then(({ copy }) => copy(text())).then(() => "Copied", () => "Not copied");
    setText(made, said);
    announce(said);
    setTimeout(() => setText(made, label), 1500);
  });
  return made;
}
