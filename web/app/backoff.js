// Waiting before the next try: longer each time, never two clients in step, and over at once when the network is back.

const LONGEST = 30_000;

/** Milliseconds before try number `tries` (from 0). */
export function delay(tries, first = 1000) {
  const full = Math.min(LONGEST, first * 2 ** Math.min(tries, 10));
  return full / 2 + (Math.random() * full) / 2;
}

/** Sleeps, unless the network comes back or the page is looked at again; ends at once when `signal` is aborted. */
export function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const ended = new AbortController();
    const done = (settle) => () => {
      ended.abort();
      clearTimeout(timer);
      settle();
    };
    const timer = setTimeout(done(resolve), milliseconds);
    const also = { signal: ended.signal };
    window.addEventListener("online", done(resolve), also);
    document.addEventListener("visibilitychange", () => document.hidden || done(resolve)(), also);
    signal?.addEventListener("abort", done(() => reject(signal.reason)), also);
    if (signal?.aborted) done(() => reject(signal.reason))();
  });
}
