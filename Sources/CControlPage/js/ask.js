// A question before anything that changes a job.

/** Resolves to true, or to the text given where one is asked for; false when it is left as it is. field: {label, value, kind: numeric or text}. */
export function ask({ title, text, yes, danger = false, field }) {
  const dialog = document.getElementById("ask"), button = document.getElementById("ask-yes");
  const line = document.getElementById("ask-field"), input = document.getElementById("ask-input");
  document.getElementById("ask-title").textContent = title;
  document.getElementById("ask-text").textContent = text;
  button.textContent = yes;
  button.className = danger ? "danger" : "";
  line.hidden = !field;
  if (field) {
    document.getElementById("ask-label").textContent = field.label;
    input.inputMode = field.kind;
    input.placeholder = field.placeholder ?? "";
    input.value = field.value;
  }
  dialog.returnValue = "no";
  dialog.showModal();
  (field ? input : dialog.querySelector("button.plain")).focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes" && (field ? input.value.trim() : true)), { once: true });
  });
}
