import { byId, setFieldError, setText } from "./dom.js";
import { toastError } from "./toasts.js";

const NAME = /^[A-Za-z0-9_-]{1,64}$/;

/** The sign-in: by name where the server offers that, by a pasted token anywhere. */
export function mountSignIn(api, session) {
  const form = byId("sign-in-form");
  const name = byId("user-id");
  const token = byId("token");
  const nameError = (text) => setFieldError(name, byId("user-id-error"), text);
  const tokenError = (text) => setFieldError(token, byId("token-error"), text);

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const userId = name.value.trim();
    if (!NAME.test(userId)) {
      nameError(userId === "" ? "Enter a name." : "Use 1 to 64 letters, digits, _ or -.");
      name.focus();
      return;
    }
    nameError(null);
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      const answer = await api.post("/v1/dev/token", { userId }, { token: null });
      if (!session.signIn(answer.token)) nameError("The server's token is not usable. Is this machine's clock right?");
    } catch (error) {
      if ([403, 404, 405].includes(error.status)) askForToken();
      else toastError(error);
    } finally {
      button.disabled = false;
    }
  });

  byId("token-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const usable = session.signIn(token.value);
    tokenError(usable ? null : "This is no token, or it has run out. Copy the whole of it.");
    if (usable) token.value = "";
    else token.focus();
  });

  function askForToken() {
    byId("token-details").open = true;
    notice("This server does not sign in by name. Paste a token.");
    token.focus();
  }
}

/** Says above the form why one is here; null takes it away. */
export function notice(text) {
  const element = byId("sign-in-notice");
  element.hidden = text === null;
  setText(element, text ?? "");
}
