// The stream of one room: it goes on where it was cut, so that a lost network or a restarted server is not seen in the
// text. It ends when the room is left, is gone, or the session is over.

import { open } from "/assets/api.js";
import { delay, pause } from "/assets/backoff.js";
import { waits } from "/assets/connection.js";
import { events } from "/assets/sse.js";
import * as tokens from "/assets/tokens.js";

/** The server says something every 15 s; after this long the line is dead, whatever the system believes. */
const DEAD = 40_000;
/** A tab that nobody looks at gives its line up after this long: browsers have six for all tabs together. */
const UNSEEN = 20_000;

export class RoomStream {
  #stopped = new AbortController();
  #place;
  #retry = 1000;

  /** `tell(event, data)` for each event; `opened(resumed)` when a line stands; `gone()` when the room is no more. */
  constructor(room, place, { tell, opened, gone }) {
    this.room = room;
    this.#place = place;
    this.tell = tell;
    this.opened = opened;
    this.gone = gone;
    this.#run();
  }

  stop() {
    this.#stopped.abort();
  }

  async #run() {
    const { signal } = this.#stopped;
    for (let tries = 0; !signal.aborted; tries += 1) {
      await seen(signal);
      if (signal.aborted) break;
      const error = await this.#listen(() => (tries = 0)).catch((error) => error ?? new Error());
      if (signal.aborted || !tokens.current()) break;
      if (error?.status === 404) {
        waits(this, false);
        return this.gone();
      }
      if (!document.hidden) waits(this, true);
      const wait = Math.max(delay(tries, this.#retry), (error?.wait ?? 0) * 1000);
      await pause(wait, signal).catch(() => {});
    }
    waits(this, false);
  }

  /** One line, to its end. */
  async #listen(alive) {
    const line = new AbortController();
    const signal = AbortSignal.any([this.#stopped.signal, line.signal]);
    const cut = () => line.abort();
    let timer = setTimeout(cut, DEAD);
    let unseen = null;
    const look = () => {
      clearTimeout(unseen);
      if (document.hidden) unseen = setTimeout(cut, UNSEEN);
    };
    window.addEventListener("offline", cut, { signal });
    // A page that is only kept for the way back needs no line either.
    window.addEventListener("pagehide", cut, { signal });
    document.addEventListener("visibilitychange", look, { signal });
    look();
    try {
      const headers = { Accept: "text/event-stream" };
      if (this.#place) headers["Last-Event-ID"] = this.#place;
      const path = `/chatroom/${this.room}/stream`;
      const response = await open("GET", path, { headers, signal, patience: 0 });
      waits(this, false);
      this.opened(Boolean(this.#place));
      for await (const event of events(response.body)) {
        alive();
        clearTimeout(timer);
        timer = setTimeout(cut, DEAD);
        this.#take(event);
      }
    } finally {
      clearTimeout(timer);
      clearTimeout(unseen);
      line.abort();
    }
  }

  #take({ event, data, id, retry }) {
    if (this.#stopped.signal.aborted) return;
    if (retry) this.#retry = Number(retry) || this.#retry;
    if (event === "session.revoked") return tokens.end("Your session was ended on another device. Please sign in again.");
    if (event) this.tell(event, JSON.parse(data));
    if (id) this.#place = id;
  }
}

/** Waits until somebody looks at the tab. */
async function seen(signal) {
  while (document.hidden && !signal.aborted) await pause(3_600_000, signal).catch(() => {});
}
