// Copying a text.

export async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Where the page does not come by https there is no clipboard, but there is a selection.
  const area = Object.assign(document.createElement("textarea"), { value: text, className: "unseen", readOnly: true });
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (!copied) throw new Error("The browser does not let this page copy.");
}
