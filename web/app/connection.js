// One line that says when the page is cut off. What is short is not said: a line that flickers says nothing.

import { setText } from "/assets/dom.js";

const SOON = 1200;
const waiting = new Set();
let timer = null;

/** Notes that something waits for the server, or does no more. */
export function waits(what, does) {
  if (does) waiting.add(what);
  else waiting.delete(what);
  show();
}

function show() {
  clearTimeout(timer);
  if (!navigator.onLine) return say("You are offline.");
  if (waiting.size === 0) return say("");
  timer = setTimeout(() => say("Connecting again..."), SOON);
}

function say(text) {
  for (const element of document.querySelectorAll(".connection")) setText(element, text);
}

window.addEventListener("online", show);
window.addEventListener("offline", show);
show();
