// Events as the page reads them, however the network cuts them up; and how long it waits before it comes back.

import assert from "node:assert/strict";
import { test } from "node:test";
import { delay } from "/assets/backoff.js";
import { events } from "/assets/sse.js";

const WIRE = 'retry: 1000\n: hello\n\nid: a.1.5\nevent: reply.delta\ndata: {"text":"é🏝️: x"}\n\n:\n\nevent: quota.updated\ndata: {}\n\n';
const MEANT = [
  { retry: "1000" },
  { id: "a.1.5", event: "reply.delta", data: '{"text":"é🏝️: x"}' },
  {},
  { event: "quota.updated", data: "{}" },
];

async function read(pieces) {
  const all = [];
  for await (const event of events(new ReadableStream({
    start(stream) {
      for (const piece of pieces) stream.enqueue(piece);
      stream.close();
    },
  }))) all.push(event);
  return all;
}

test("events are the same wherever their bytes are cut", async () => {
  const bytes = new TextEncoder().encode(WIRE);
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    assert.deepEqual(await read([bytes.slice(0, cut), bytes.slice(cut)]), MEANT, `cut at ${cut}`);
  }
  assert.deepEqual(await read(Array.from(bytes, (byte) => Uint8Array.of(byte))), MEANT);
});

test("an event that is cut off is not told", async () => {
  const bytes = new TextEncoder().encode(`${WIRE}id: a.1.6\nevent: reply.delta\ndata: {"te`);
  assert.deepEqual(await read([bytes]), MEANT);
});

test("waits grow, differ, and stay within half a minute", () => {
  for (let tries = 0; tries < 40; tries += 1) {
    const full = Math.min(30_000, 1000 * 2 ** tries);
    const waits = Array.from({ length: 50 }, () => delay(tries));
    assert.ok(waits.every((wait) => wait >= full / 2 && wait <= full), `try ${tries}`);
    assert.ok(new Set(waits).size > 1);
  }
});
