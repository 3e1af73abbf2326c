// The server's REST API. A token, where one is asked for, lives in this tab alone.

const TOKEN = "weir-token";

export class Refused extends Error {
  constructor(status, message) { super(message); this.status = status; }
}

export const setToken = (token) => sessionStorage.setItem(TOKEN, token);

export async function api(method, path, body) {
  const token = sessionStorage.getItem(TOKEN);
  const response = await fetch(`v1${path}`, {
    method,
    headers: { ...(token ? { Authorization: `Bearer ${token}` } : {}), ...(body ? { "Content-Type": "application/json" } : {}) },
    body: body ? JSON.stringify(body) : undefined,
    signal: AbortSignal.timeout(10_000),
  });
  const isText = response.headers.get("Content-Type")?.startsWith("text/plain");
  const answer = isText ? await response.text() : await response.json();
  if (!response.ok) throw new Refused(response.status, answer.errors?.join("; ") ?? `the server answered ${response.status}`);
  return answer;
}

export const get = (path) => api("GET", path);
