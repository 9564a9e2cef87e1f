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

export async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Where the page does not come by https there is no clipboard, but there is a selection.
  const area = h("textarea", { value: text, className: "unseen", readOnly: true });
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (!copied) throw new Error("The browser does not let this page copy.");
}

/** Says "Copied" on a button for a moment. */
export function copyButton(text) {
  const made = button("Copy", async () => {
    let said = "Copied";
    await copy(text()).catch(() => (said = "Not copied"));
    setText(made, said);
    setTimeout(() => setText(made, "Copy"), 1500);
  });
  return made;
}
