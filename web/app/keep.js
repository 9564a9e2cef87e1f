// What this browser keeps from one visit to the next, and what its tabs tell each other. Where it may keep nothing, the
// page still works, until it is closed.

const PREFIX = "pollux.";
const channel = "BroadcastChannel" in window ? new BroadcastChannel("pollux") : null;

/** A storage of the browser; what it does not take is kept in memory, which is then newer. */
function shelf(storage) {
  const memory = new Map();
  const drop = (name) => {
    memory.delete(name);
    trying(() => storage().removeItem(PREFIX + name));
  };
  return {
    read: (name) => memory.get(name) ?? trying(() => JSON.parse(storage().getItem(PREFIX + name))),
    write(name, value) {
      if (value === null || value === undefined || value === "") return drop(name);
      memory.delete(name);
      const isKept = trying(() => storage().setItem(PREFIX + name, JSON.stringify(value)) ?? true);
      if (!isKept) memory.set(name, value);
    },
    drop,
    /** The names of all that is kept. */
    names() {
      const stored = trying(() => Object.keys(storage())) ?? [];
      return [...memory.keys(), ...stored.map((name) => name.replace(PREFIX, ""))];
    },
  };
}

function trying(act) {
  try {
    return act();
  } catch {
    return null;
  }
}

export const { read, write, drop, names } = shelf(() => localStorage);

/** What this tab alone keeps. */
export const tab = shelf(() => sessionStorage);

/** Forgets all that belongs to the person who was signed in. */
export function forget() {
  for (const name of names()) if (/^(draft|outbox|key)\./.test(name)) drop(name);
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
