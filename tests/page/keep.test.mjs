// What the page keeps, with storages that take it, that are full and that are forbidden.

import assert from "node:assert/strict";
import { test } from "node:test";

class Storage {
  isFull = false;
  getItem(name) {
    return Object.hasOwn(this, name) ? this[name] : null;
  }
  setItem(name, value) {
    if (this.isFull) throw new Error("full");
    this[name] = value;
  }
  removeItem(name) {
    delete this[name];
  }
}

const local = new Storage();
globalThis.window = { addEventListener() {} };
globalThis.localStorage = local;
Object.defineProperty(globalThis, "sessionStorage", {
  get() {
    throw new Error("forbidden");
  },
});
const keep = await import("/assets/keep.js");

test("what a full storage does not take is remembered and newer than what it holds", () => {
  keep.write("draft.a", "old");
  assert.equal(keep.read("draft.a"), "old");
  local.isFull = true;
  keep.write("draft.a", "new");
  assert.equal(local["pollux.draft.a"], '"old"');
  assert.equal(keep.read("draft.a"), "new");
  local.isFull = false;
  keep.write("draft.a", "newest");
  assert.equal(keep.read("draft.a"), "newest");
  assert.equal(local["pollux.draft.a"], '"newest"');
});

test("what a tab keeps works where its storage is forbidden", () => {
  assert.equal(keep.tab.read("room"), null);
  keep.tab.write("room", "a");
  assert.equal(keep.tab.read("room"), "a");
  keep.tab.drop("room");
  assert.equal(keep.tab.read("room"), null);
});

test("what belongs to the person is forgotten and the rest stays", () => {
  for (const name of ["draft.a", "outbox.b", "key.c", "device"]) keep.write(name, "x");
  keep.forget();
  const left = ["draft.a", "outbox.b", "key.c", "device"].map((name) => keep.read(name));
  assert.deepEqual(left, [null, null, null, "x"]);
});
