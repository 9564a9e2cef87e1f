// The body of a function: what a page shows that could be more than words, and how much of what is meant to be there.
const all = [...document.querySelectorAll("*")];
const told = (list) => [...new Set(list)];
const known = new Set(("DIV P H3 H4 H5 H6 UL OL LI BLOCKQUOTE TABLE THEAD TBODY TR TH TD FIGURE FIGCAPTION PRE CODE SPAN EM STRONG " +
  "S A BR HR INPUT BUTTON ARTICLE SECTION").split(" "));
const shown = [...document.querySelectorAll("#messages *")];
const links = [...document.querySelectorAll("#messages a")];
const isSound = ({ protocol, rel, target }) =>
  ["http:", "https:", "mailto:"].includes(protocol) && rel.split(" ").includes("noopener") && target === "_blank";
const isOurs = (address) => new URL(address, location).origin === location.origin;
return {
  faults: told([
    ...(window.hits ? [`${window.hits} scripts ran`] : []),
    ...all.flatMap((it) => it.getAttributeNames().filter((name) => name.startsWith("on")).map((name) => `${it.tagName} ${name}`)),
    ...shown.filter(({ tagName }) => !known.has(tagName)).map(({ tagName }) => `an element ${tagName}`),
    ...shown.filter((it) => it.id || it.name || it.hasAttribute("style")).map(({ outerHTML }) => outerHTML.slice(0, 80)),
    ...shown.filter((it) => it.tagName === "INPUT" && !(it.type === "checkbox" && it.disabled)).map(() => "a field"),
    ...[...document.images, ...document.querySelectorAll("svg, math, iframe, object, embed, style, base")].map(({ tagName }) => tagName),
    ...[...document.scripts].filter(({ src }) => !src || !isOurs(src)).map(() => "a script"),
    ...links.filter((link) => !isSound(link)).map(({ outerHTML }) => outerHTML.slice(0, 200)),
    ...performance.getEntriesByType("resource").filter(({ name }) => !isOurs(name)).map(({ name }) => `fetched ${name}`),
  ]),
  links: links.length,
  words: shown.length,
  calls: (document.querySelector("#messages")?.textContent ?? "").split("hit()").length - 1,
};
