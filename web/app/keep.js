// What this browser keeps from one visit to the next, and what its tabs tell each other. Where it may keep nothing, the
// page still works, until it is closed.

const PREFIX = "pollux.";
const memory = new Map();
const channel = "BroadcastChannel" in window ? new BroadcastChannel("pollux") : null;

export function read(name) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + name));
  } catch {
    return memory.get(name) ?? null;
  }
}

export function write(name, value) {
  if (value === null || value === undefined || value === "") return drop(name);
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    memory.set(name, value);
  }
}

export function drop(name) {
  memory.delete(name);
  try {
    localStorage.removeItem(PREFIX + name);
  } catch {
    // Nothing is kept there.
  }
}

/** The names of all that is kept and begins so. */
export function names(beginning) {
  let all = [...memory.keys()];
  try {
    all = all.concat(Object.keys(localStorage).map((name) => name.replace(PREFIX, "")));
  } catch {
    // Nothing is kept there.
  }
  return all.filter((name) => name.startsWith(beginning));
}

/** Forgets all that belongs to the person who was signed in. */
export function forget() {
  for (const beginning of ["draft.", "outbox.", "key."]) names(beginning).forEach(drop);
}

/** Calls back when another tab has changed what is kept under a name. */
export function watch(name, changed) {
  window.addEventListener("storage", (event) => {
    if (event.key === PREFIX + name || event.key === null) changed(read(name));
  });
}

/** Tells the other tabs. */
export function tell(kind, value) {
  channel?.postMessage({ kind, value });
}

/** Hears what another tab told. */
export function hear(kind, heard) {
  channel?.addEventListener("message", ({ data }) => {
    if (data?.kind === kind) heard(data.value);
  });
}

/** A name nobody else has: 128 random bits. */
export function unique() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * The Idempotency-Key of something that is to be done once: the same one is given until it is known to be done or
 * refused, also after a reload.
 */
export function keyOf(deed) {
  const name = `key.${deed}`;
  const kept = read(name) ?? unique();
  write(name, kept);
  return { key: kept, settled: () => drop(name) };
}
