import { Emitter } from "../core/emitter.js";
import { tab } from "./storage.js";

const TOKEN_LENGTH_MAX = 8_192;

/** Who is signed in: a bearer token and what it says about itself. Changes are emitted. */
export class Session {
  changed = new Emitter();
  token = null;
  userId = null;

  constructor() {
    const kept = tab.read("token", null);
    if (typeof kept === "string") this.#take(kept);
  }

  get isSignedIn() {
    return this.token !== null;
  }

  /** Signs in with `token`; false when it is not a usable one. The server checks the signature, not this page. */
  signIn(token) {
    if (!this.#take(token.trim())) return false;
    tab.write("token", this.token);
    this.changed.emit();
    return true;
  }

  signOut() {
    this.token = null;
    this.userId = null;
    tab.write("token", null);
    this.changed.emit();
  }

  #take(token) {
    const claims = readClaims(token);
    if (!claims || typeof claims.sub !== "string") return false;
    if (typeof claims.exp === "number" && claims.exp * 1000 <= Date.now()) return false;
    this.token = token;
    this.userId = claims.sub;
    return true;
  }
}

/** The claims of a JWT, or null when it has not the shape of one. */
export function readClaims(token) {
  if (token.length > TOKEN_LENGTH_MAX) return null;
  const parts = token.split(".");
  if (parts.length !== 3) return null;
  try {
    const bytes = Uint8Array.from(atob(parts[1].replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null;
  }
}
