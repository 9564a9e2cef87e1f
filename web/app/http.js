// One request and its answer: JSON both ways, and every refusal as a Problem that can be put in words.

const PATIENCE = 35_000;
/** Who is to wait for more seconds than this is told so, and asks again later. */
const LONG = 90;

/** The server's own word for what is wrong (RFC 9457). */
export class Problem extends Error {
  constructor(status, body, headers) {
    super(body?.detail ?? `The server answered ${status}.`);
    this.status = status;
    this.code = body?.code ?? "internal";
    this.detail = body?.detail;
    this.flaws = body?.errors ?? [];
    this.id = body?.instance;
    this.wait = Number(headers.get("Retry-After")) || 0;
  }

  /** Whether the same request may do better in a while. */
  get passes() {
    if (this.wait > LONG || this.code === "billing_not_configured") return false;
    return this.status >= 500 ? this.status !== 502 : ["rate_limited", "idempotency_in_progress"].includes(this.code);
  }
}

/** No answer: what became of the request is not known. */
export class Unreachable extends Error {
  passes = true;
}

/** Sends a request and gives the response, if it is one of success. */
export async function exchange(method, path, { token, body, key, headers = {}, signal, patience = PATIENCE } = {}) {
  const all = { Accept: "application/json", ...headers };
  if (token) all.Authorization = `Bearer ${token}`;
  if (key) all["Idempotency-Key"] = key;
  if (body !== undefined) all["Content-Type"] = "application/json";
  const limits = [signal, patience && AbortSignal.timeout(patience)].filter(Boolean);
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: all,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.any(limits),
      credentials: "omit",
      cache: "no-store",
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Unreachable("The server cannot be reached.");
  }
  if (response.ok) return response;
  throw new Problem(response.status, await response.json().catch(() => null), response.headers);
}

/** The JSON of a response. A body that breaks off is as no answer at all. */
export async function read(response, signal) {
  if (response.status === 204) return null;
  try {
    return await response.json();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Unreachable("The answer broke off.");
  }
}
