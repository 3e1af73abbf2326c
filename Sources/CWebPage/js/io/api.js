// Requests to the gateway. Errors arrive as problem+json (RFC 9457) and leave as ApiError.

const TIMEOUT_MILLIS = 10_000;
const UNANSWERED = new Set([408, 425, 429, 500, 502, 503, 504]);

/** A request that failed. */
export class ApiError extends Error {
  /**
   * @param status the HTTP status, 0 when no answer came
   * @param slug the kind of problem: the last part of its type
   * @param unanswered true when the same request may yet succeed: nothing is known about whether it was done
   */
  constructor({ status, slug, title, detail, requestId = null, retryAfterMillis = null, unanswered }) {
    super(detail || title);
    Object.assign(this, { status, slug, title, detail, requestId, retryAfterMillis, unanswered });
  }
}

export class Api {
  #token;
  #onUnauthorized;

  /** @param token returns the bearer token, or null; @param onUnauthorized called with the ApiError of a 401 */
  constructor(token, onUnauthorized) {
    this.#token = token;
    this.#onUnauthorized = onUnauthorized;
  }

  get(path, query = {}, options = {}) {
    const words = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "" && value != null));
    const text = words.size > 0 ? `${path}?${words}` : path;
    return this.send("GET", text, options);
  }

  /** Sends `body` (a value, or text sent as it is); returns the answer's JSON. */
  post(path, body, options = {}) {
    return this.send("POST", path, { ...options, body: typeof body === "string" ? body : JSON.stringify(body ?? {}) });
  }

  async send(method, path, { body, headers = {}, signal, token = this.#token() } = {}) {
    const fields = { Accept: "application/json", ...headers };
    if (token) fields.Authorization = `Bearer ${token}`;
    if (body !== undefined) fields["Content-Type"] = "application/json";
    const limit = AbortSignal.timeout(TIMEOUT_MILLIS);
    let response;
    let text;
    try {
      response = await fetch(path, {
        method, body, headers: fields, cache: "no-store", credentials: "omit", redirect: "error",
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
      });
      text = await response.text();
    } catch (error) {
      if (signal?.aborted) throw error;
      throw noAnswer(limit.aborted);
    }
    if (response.ok) return parsed(text, response);
    const error = problem(text, response);
    if (response.status === 401) this.#onUnauthorized(error);
    throw error;
  }
}

function noAnswer(timedOut) {
  return new ApiError({
    status: 0, slug: "no-answer", title: "No answer from the server", unanswered: true,
    detail: timedOut ? "The server did not answer within 10 seconds." : "The server cannot be reached.",
  });
}

function parsed(text, response) {
  try {
    return text === "" ? null : JSON.parse(text);
  } catch {
    throw new ApiError({
      status: response.status, slug: "unreadable-answer", title: "Unreadable answer", unanswered: true,
      detail: "The server's answer is not JSON.", requestId: response.headers.get("X-Request-Id"),
    });
  }
}

function problem(text, response) {
  let said = {};
  try {
    said = JSON.parse(text) ?? {};
  } catch {
    // Not ours: a proxy's page, say. The status is all there is to tell.
  }
  const status = response.status;
  return new ApiError({
    status,
    slug: String(said.type ?? "").split("/").pop() || `http-${status}`,
    title: said.title || `The server answered ${status}`,
    detail: said.detail || "",
    requestId: response.headers.get("X-Request-Id"),
    retryAfterMillis: retryAfter(response.headers.get("Retry-After")),
    unanswered: UNANSWERED.has(status),
  });
}

function retryAfter(text) {
  return text && /^[0-9]{1,6}$/.test(text) ? Number(text) * 1000 : null;
}
