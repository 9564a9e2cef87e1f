// From the server's trees to elements. A tree names what it knows, text goes in as text, and there is no way from
// either to markup: whatever a reply says, it stays words.

import { copyButton, h } from "/assets/dom.js";

/** What a link may lead to. The server says the same; that it is said twice costs nothing. */
const LINK = /^(?:https?:\/\/|mailto:)[^\s\\]+$/i;

/** The blocks of a document as elements, each in its own direction of writing. */
export function build(blocks) {
  const made = document.createDocumentFragment();
  for (const block of blocks) {
    const element = node(block);
    if (element.dir === "") element.dir = "auto";
    made.append(element);
  }
  return made;
}

const KINDS = {
  paragraph: ({ children }) => h("p", {}, ...nodes(children)),
  // The page's own headings come before these.
  heading: ({ level, children }) => h(`h${Math.min(level + 2, 6)}`, {}, ...nodes(children)),
  quote: ({ children }) => h("blockquote", {}, ...nodes(children)),
  list: ({ start, children }) => (start === undefined ? h("ul", {}, ...nodes(children)) : h("ol", { start }, ...nodes(children))),
  item,
  code,
  table,
  rule: () => h("hr"),
  emphasis: ({ children }) => h("em", {}, ...nodes(children)),
  strong: ({ children }) => h("strong", {}, ...nodes(children)),
  strikethrough: ({ children }) => h("s", {}, ...nodes(children)),
  code_span: ({ text }) => h("code", { textContent: text }),
  link,
  break: () => h("br"),
};

function node(one) {
  if (typeof one === "string") return document.createTextNode(one);
  return Object.hasOwn(KINDS, one.kind) ? KINDS[one.kind](one) : h("span", {}, ...nodes(one.children ?? []));
}

const nodes = (children) => children.map(node);

function link({ href, children }) {
  if (!LINK.test(href)) return h("span", {}, ...nodes(children));
  return h("a", { href, target: "_blank", rel: "noopener noreferrer nofollow" }, ...nodes(children));
}

function item({ checked, children }) {
  if (checked === undefined) return h("li", {}, ...nodes(children));
  const box = h("input", { type: "checkbox", disabled: true, checked, "aria-label": checked ? "Done" : "To do" });
  return h("li", { className: "task" }, box, ...nodes(children));
}

function code({ language, text }) {
  const bar = h("figcaption", {}, h("span", { textContent: language ?? "" }), copyButton("Copy code", () => text));
  const lines = h("pre", { tabIndex: 0, role: "group", "aria-label": language ? `Code in ${language}` : "Code" });
  const shown = h("code", { textContent: text });
  lines.append(shown);
  if (language) paint(shown, text, language);
  return h("figure", { className: "code", dir: "ltr" }, bar, lines);
}

/** Colours come with the first code that has any; without them it can be read as well. */
async function paint(shown, text, language) {
  const colours = await import("/assets/colours.js").catch(() => null);
  if (colours) shown.replaceChildren(colours.colour(text, language));
}

function table({ align, rows: [head, ...rows] }) {
  const row = (cells, tag) =>
    h("tr", {}, ...cells.map((cell, column) => {
      const options = { className: align[column] === "none" ? undefined : align[column] };
      return h(tag, tag === "th" ? { ...options, scope: "col" } : options, ...nodes(cell));
    }));
  const made = h("table", {}, h("thead", {}, row(head, "th")), h("tbody", {}, ...rows.map((cells) => row(cells, "td"))));
  // A wide table is moved sideways by itself, with the keyboard too.
  return h("div", { className: "table", tabIndex: 0, role: "group", "aria-label": "Table" }, made);
}
