// Markdown, read by the server: the texts of many callers go in one request, and what was read once is remembered.

import { callPatiently } from "/assets/api.js";

export { build } from "/assets/markdown.js";

/** What fits in one request: the server takes 64 KiB of JSON. */
const MOST_TEXTS = 50;
const MOST_BYTES = 40_000;
const REMEMBERED = 400;
const TOGETHER = 8;

const known = new Map();
let queue = [];
let isSending = false;

/** Reads texts; gives their documents, in order. */
export function render(texts) {
  return Promise.all(texts.map(one));
}

function one(text) {
  const found = known.get(text);
  if (found) return found;
  const made = new Promise((resolve, reject) => queue.push({ text, resolve, reject }));
  remember(text, made);
  if (!isSending) sendAll();
  return made;
}

function remember(text, made) {
  known.set(text, made);
  made.catch(() => known.delete(text));
  if (known.size > REMEMBERED) known.delete(known.keys().next().value);
}

/** One request at a time, so that a long way through a room stays within what one user may ask. */
async function sendAll() {
  isSending = true;
  // Whoever asks in the same moment goes along.
  await null;
  while (queue.length > 0) await send(batch());
  isSending = false;
}

/** Takes as many texts off the queue as fit together; the first one in any case. */
function batch() {
  let bytes = 0;
  const fits = ({ text }, index) => {
    bytes += new TextEncoder().encode(JSON.stringify(text)).length;
    return index === 0 || (bytes < MOST_BYTES && index < MOST_TEXTS);
  };
  const end = queue.findIndex((item, index) => !fits(item, index));
  return queue.splice(0, end < 0 ? queue.length : end);
}

async function send(batch) {
  try {
    const { documents } = await callPatiently("POST", "/markdown", { body: { texts: batch.map(({ text }) => text) } });
    for (const [index, { resolve }] of batch.entries()) {
      resolve(documents[index]);
      // Elements are made of them at once; between a few of them the page may be drawn and scrolled.
      if (index % TOGETHER === TOGETHER - 1) await new Promise((done) => setTimeout(done));
    }
  } catch (error) {
    batch.forEach(({ reject }) => reject(error));
  }
}
