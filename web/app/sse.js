// Server-sent events out of a response's body, as the standard reads them. The browser's own EventSource can send no
// token but in an address, where none belongs.

/** Yields `{event, data, id, retry}` for each event, and `{}` for a comment, which says that the line is alive. */
export async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      // Lines end in one way here: ours are the only servers spoken to.
      const blocks = (text + value).split("\n\n");
      text = blocks.pop();
      for (const block of blocks) yield parse(block);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function parse(block) {
  const event = {};
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon < 1) continue;
    const [name, value] = [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, "")];
    if (name === "data" && event.data !== undefined) event.data += `\n${value}`;
    else event[name] = value;
  }
  return event;
}
