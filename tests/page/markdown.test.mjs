// What the page makes of trees and of growing text, counted in a document of our own.

import "./dom.mjs";
import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { colour } from "/assets/colours.js";
import { LiveText } from "/assets/live_text.js";
import { build } from "/assets/markdown.js";

const paragraph = (text, end) => ({ kind: "paragraph", children: [text], end });
/** Reads paragraphs as the server does: a blank line ends one. */
function paragraphs(text) {
  const blocks = [];
  for (const { 0: piece, index } of text.matchAll(/(?:.+\n?)+/g)) {
    blocks.push(paragraph(piece.trim(), [...text.slice(0, index + piece.length)].length));
  }
  return blocks;
}

/** A reader as the page has it, by what it makes of one text. */
const parser = (read) => async ([text]) => ({ documents: [await read(text)], build });

/** A text without blanks, to compare what is shown with. */
const bare = (text) => text.replaceAll(/\s/g, "");

/** Lets what was promised happen. */
const settled = async () => {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
};

test("ten thousand chunks touch no settled block and are read a few times at most", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const element = document.createElement("div");
  let [read, readings, running] = [0, 0, 0];
  const live = new LiveText(element, parser(async (text) => {
    readings += 1;
    running += 1;
    assert.equal(running, 1);
    await null;
    running -= 1;
    read += [...text].length;
    return paragraphs(text);
  }));
  const kept = new Map();
  let whole = "";
  for (let chunk = 0; chunk < 10_000; chunk += 1) {
    const text = chunk % 25 === 24 ? "🏝️é.\n\n" : `word${chunk} `;
    whole += text;
    live.append(text);
    mock.timers.tick(40);
    await settled();
    // The tail is last, and before it is what may still change.
    for (const block of element.children.slice(0, -2)) if (!kept.has(block)) kept.set(block, block.allChanges);
    if (chunk % 100 === 0) assert.equal(bare(element.textContent), bare(whole));
  }
  const before = kept.size;
  live.finish(whole);
  await settled();
  assert.ok(before > 350, `${before} blocks were settled on the way`);
  assert.equal(element.children.length, 400);
  for (const [block, changes] of kept) assert.ok(block.parent === element && block.allChanges === changes);
  assert.ok(read <= 4 * whole.length, `${read} characters were read of ${whole.length}`);
  assert.ok(document.copied <= 1100 * 10_000, `${document.copied} characters were copied`);
  console.log(`figures: ${whole.length} characters in 10000 chunks: ${readings} readings of ${read} characters in all, ` +
    `${before} blocks settled on the way, 0 touched again`);
  mock.timers.reset();
});

test("a block without an end is read a few times its length in all", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  let read = 0;
  const live = new LiveText(document.createElement("div"), parser((text) => {
    read += text.length;
    return [{ kind: "code", text, end: [...text].length }];
  }));
  let length = 0;
  for (let chunk = 0; chunk < 10_000; chunk += 1) {
    live.append("let a = 1;\n");
    length += 11;
    mock.timers.tick(120);
    await settled();
  }
  assert.ok(read > length / 2 && read <= 4 * length, `${read} characters were read of ${length}`);
  console.log(`figures: ${length} characters of one block: ${read} read in all`);
  mock.timers.reset();
});

test("an answer about an older text is dropped and two are never asked for at once", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const element = document.createElement("div");
  const asked = [];
  const live = new LiveText(element, parser((text) => new Promise((resolve) => asked.push({ text, resolve }))));
  live.append("old\n\nold\n");
  mock.timers.tick(1200);
  live.reset("new\n\nnew\n");
  mock.timers.tick(5000);
  assert.deepEqual(asked.map(({ text }) => text), ["old\n\nold\n"]);
  asked[0].resolve(paragraphs("old\n\nold\n"));
  await settled();
  assert.equal(element.textContent, "new\n\nnew\n");
  mock.timers.tick(1200);
  assert.equal(asked.length, 2);
  live.finish("new\n\nnew\nend");
  assert.equal(asked.length, 2);
  asked[1].resolve(paragraphs(asked[1].text));
  await settled();
  assert.equal(asked[2].text, "new\n\nnew\nend");
  asked[2].resolve(paragraphs(asked[2].text));
  await settled();
  assert.deepEqual(element.children.map((block) => [block.tag, block.textContent]), [["p", "new"], ["p", "new\nend"]]);
  mock.timers.reset();
});

test("a block that grows is formatted as far as it was read and its text is whole at any moment", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const element = document.createElement("div");
  const live = new LiveText(element, parser((text) => {
    const [before, code] = text.split("```js\n");
    const blocks = before.trim() ? paragraphs(before) : [];
    if (code !== undefined) blocks.push({ kind: "code", text: code.replace(/```\n$/, ""), end: [...text].length });
    return blocks;
  }));
  const look = async () => {
    mock.timers.tick(1500);
    await settled();
    return element.children.map(({ tag, className }) => (tag === "div" ? className : tag));
  };
  live.append("é🏝️ one\n\n");
  assert.deepEqual(await look(), ["p", "tail"]);
  live.append("```js\nlet a = 1;\nlet b");
  assert.deepEqual(await look(), ["p", "figure", "tail of-code"]);
  const paragraph = element.children[0];
  const changes = paragraph.allChanges;
  assert.equal(element.children[2].textContent, "let b");
  live.append(" = 2;\n```\n");
  assert.deepEqual(await look(), ["p", "figure", "tail"]);
  const code = element.all.find(({ tag }) => tag === "pre");
  assert.equal(code.textContent, "let a = 1;\nlet b = 2;\n");
  live.append("[a]: b\n");
  await look();
  assert.ok(element.children[0] === paragraph && paragraph.allChanges === changes);
  let isDone = false;
  live.finish("é🏝️ one\n\n```js\nlet a = 1;\nlet b = 2;\n```\n[a]: b\n").then(() => (isDone = true));
  await settled();
  assert.ok(isDone);
  assert.deepEqual(await look(), ["p", "figure"]);
  mock.timers.reset();
});

test("what makes no block is shown as it is until the end", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const element = document.createElement("div");
  const live = new LiveText(element, parser(() => [paragraph("one", 4)]));
  live.append("one\n\n[a]: b\n");
  mock.timers.tick(1500);
  await settled();
  assert.deepEqual(element.children.map(({ textContent }) => textContent), ["one", "\n[a]: b\n"]);
  mock.timers.reset();
});

test("a half line settles nothing and text that cannot be read stays as it is", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const element = document.createElement("div");
  const asked = [];
  const live = new LiveText(element, parser((text) => {
    asked.push(text);
    throw new Error("away");
  }));
  live.append("a\n#");
  mock.timers.tick(1200);
  assert.deepEqual(asked, ["a\n"]);
  await settled();
  live.finish("a\n#b");
  await settled();
  assert.deepEqual(asked, ["a\n", "a\n#b"]);
  assert.equal(element.textContent, "a\n#b");
  mock.timers.reset();
});

test("a tree becomes elements and never more than it names", () => {
  const made = build([
    { kind: "heading", level: 1, children: ["a"] },
    { kind: "list", start: 3, children: [{ kind: "item", checked: true, children: ["b"] }] },
    { kind: "table", align: ["right", "none"], rows: [[["c"], ["d"]], [["e"]]] },
    { kind: "code", language: "rust", text: "let a = 1;" },
    { kind: "script", children: ["f"] },
    { kind: "constructor", children: ["g"] },
    { kind: "link", href: "https://a.example", children: ["h"] },
    { kind: "link", href: "javascript:alert(1)", children: ["i"] },
    { kind: "link", href: "java\nscript:https://", children: ["j"] },
  ]);
  const tags = made.children.map((element) => element.tag);
  assert.deepEqual(tags, ["h3", "ol", "div", "figure", "span", "span", "a", "span", "span"]);
  const [heading, list, table, figure, , , link] = made.children;
  assert.deepEqual([heading.dir, figure.dir], ["auto", "ltr"]);
  assert.equal(list.all.find(({ tag }) => tag === "input").attributes.disabled, "true");
  assert.deepEqual([table.attributes.tabIndex, table.attributes["aria-label"]], ["0", "Table"]);
  assert.deepEqual(link.attributes, { href: "https://a.example", target: "_blank", rel: "noopener noreferrer nofollow" });
  assert.ok(figure.all.some(({ tag, textContent }) => tag === "button" && textContent === "Copy code"));
  assert.equal(figure.all.find(({ tag }) => tag === "pre").textContent, "let a = 1;");
});

test("colours change no character and know comments strings numbers and words", () => {
  const marked = (text, language) => colour(text, language).children.map((span) => `${span.className.slice(5)}:${span.textContent}`);
  assert.deepEqual(marked("let a = 'x'; // 1", "js"), ["word:let", "string:'x'", "comment:// 1"]);
  assert.deepEqual(marked("fn a<'b>(c: &'b str) -> char { 'd' }", "rust"), ["word:fn", "word:char", "string:'d'"]);
  assert.deepEqual(marked("def f(): # x\n  return 0x1f", "Python"), ["word:def", "comment:# x", "word:return", "number:0x1f"]);
  assert.deepEqual(marked("SELECT 1 -- x", "sql"), ["word:SELECT", "number:1", "comment:-- x"]);
  assert.deepEqual(marked("<a b=\"c\"><!-- d", "html"), ["word:<a", "string:\"c\"", "comment:<!-- d"]);
  assert.deepEqual(marked("let a = 1;", "nothing"), []);
  for (const text of ["\"".repeat(999), "'\\", "/* /*", "`${", "\"\"\"", "1.2.3e", "<!---", "é🏝️ $a"]) {
    for (const language of ["js", "rust", "py", "sql", "html", "css"]) assert.equal(colour(text, language).textContent, text);
  }
});

test("colours take a time that grows with the code and are given up where it is long", () => {
  const cost = (text, language) => {
    const began = process.cpuUsage();
    for (let turn = 0; turn < 5; turn += 1) colour(text, language);
    const { user, system } = process.cpuUsage(began);
    return user + system;
  };
  for (const piece of ["\"", "'", "`", "/*", "//", "<!--", "<", "\"\"\"", "\\", "1.", "0x", "a-", "'\\", "--", "#"]) {
    for (const language of ["js", "rust", "py", "sql", "html", "css"]) {
      cost(piece.repeat(2_000), language);
      const rounds = [];
      // The best of some rounds counts, as others use the machine too.
      const isLinear = () => {
        rounds.push([2_400, 19_200].map((length) => cost(piece.repeat(length / piece.length), language)));
        const [small, large] = rounds.at(-1);
        return large < 24 * small + 8_000;
      };
      assert.ok(Array.from({ length: 5 }).some(isLinear), `${piece} in ${language}: ${rounds.join("; ")}`);
    }
  }
  assert.equal(colour("1 ".repeat(10_001), "js").children.length, 0);
});
