// Questions to the person, in the browser's own dialog: it keeps the focus and gives it back.

import { button, h, setText } from "/assets/dom.js";
import { sentence } from "/assets/words.js";

/** The style comes with the first dialog, before it is shown. */
await new Promise((done) => {
  document.head.append(h("link", { rel: "stylesheet", href: "/assets/dialogs.css", onload: done, onerror: done }));
});

/**
 * Opens a dialog with a heading and content. `deeds` are its buttons, `[label, act, className]`; one whose act ends well
 * closes it, what goes wrong is said in it. Gives the dialog.
 */
export function openDialog(title, content, deeds, cancel = "Cancel") {
  const heading = h("h2", { textContent: title, id: `dialog-${title.replaceAll(/\W+/g, "-")}` });
  const error = h("p", { className: "error", role: "alert" });
  const dialog = h("dialog", { "aria-labelledby": heading.id });
  const buttons = deeds.map(([label, act, className], index) => {
    const isFirst = index === 0;
    const made = button(label, isFirst ? null : () => run(act), { className: className ?? "main", type: isFirst ? "submit" : "button" });
    return made;
  });
  const run = async (act) => {
    buttons.forEach((each) => (each.disabled = true));
    setText(error, "");
    try {
      if ((await act()) !== false) dialog.close();
    } catch (problem) {
      setText(error, sentence(problem));
    }
    buttons.forEach((each) => (each.disabled = false));
  };
  const form = h("form", { noValidate: true }, heading, content, error);
  form.append(h("div", { className: "buttons" }, button(cancel, () => dialog.close()), ...buttons));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (deeds[0]) run(deeds[0][1]);
  });
  dialog.append(form);
  dialog.addEventListener("close", () => dialog.remove());
  closeOutside(dialog);
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Closes a dialog by a click that begins and ends on the ground around it. Its own edge is no such ground. */
export function closeOutside(dialog) {
  const isOutside = ({ target, clientX, clientY }) => {
    const { left, right, top, bottom } = dialog.getBoundingClientRect();
    return target === dialog && (clientX < left || clientX > right || clientY < top || clientY > bottom);
  };
  let isPressed = false;
  dialog.addEventListener("pointerdown", (event) => (isPressed = isOutside(event)));
  dialog.addEventListener("click", (event) => isPressed && isOutside(event) && dialog.close());
}

/** A labelled field. */
export function field(label, options = {}) {
  const input = h("input", { type: "text", ...options });
  return { input, element: h("label", { className: "field" }, h("span", { textContent: label }), input) };
}
