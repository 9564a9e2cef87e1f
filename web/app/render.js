// Markdown, read by the server: the texts of many callers go in one request, and what was read once is remembered.

import { callPatiently } from "/assets/api.js";

/** What fits in one request: the server takes 64 KiB of JSON. */
const MOST_TEXTS = 50;
const MOST_BYTES = 40_000;
const REMEMBERED = 400;

const known = new Map();
let queue = [];

/** Reads texts; gives their documents, in order. */
export function render(texts) {
  return Promise.all(texts.map(one));
}

function one(text) {
  const found = known.get(text);
  if (found) return found;
  const made = new Promise((resolve, reject) => {
    if (queue.length === 0) setTimeout(flush, 4);
    queue.push({ text, resolve, reject });
  });
  remember(text, made);
  return made;
}

function remember(text, made) {
  known.set(text, made);
  made.catch(() => known.delete(text));
  if (known.size > REMEMBERED) known.delete(known.keys().next().value);
}

function flush() {
  const waiting = queue;
  queue = [];
  for (const batch of batches(waiting)) send(batch);
}

function batches(waiting) {
  const made = [];
  let bytes = Infinity;
  for (const item of waiting) {
    const size = new TextEncoder().encode(JSON.stringify(item.text)).length;
    bytes += size;
    if (bytes > MOST_BYTES || made.at(-1).length === MOST_TEXTS) {
      made.push([]);
      bytes = size;
    }
    made.at(-1).push(item);
  }
  return made;
}

async function send(batch) {
  try {
    const { documents } = await callPatiently("POST", "/markdown", { body: { texts: batch.map(({ text }) => text) } });
    batch.forEach(({ resolve }, index) => resolve(documents[index]));
  } catch (error) {
    batch.forEach(({ reject }) => reject(error));
  }
}
