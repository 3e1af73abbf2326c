// Making elements. Text becomes text nodes, never markup.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

/** An HTML element: `properties` are set as properties when there is one of that name, else as attributes. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name in element) element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** An SVG element; everything is an attribute. */
export function s(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Sets text only when it differs: an unchanged node keeps selections and makes no work for screen readers. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Marks an amount as gain, loss or neither. */
export function setTrend(element, units) {
  element.classList.toggle("up", units !== null && units > 0n);
  element.classList.toggle("down", units !== null && units < 0n);
}

/** Fills a select with {value, label}, keeping what is chosen if it is still there. */
export function setOptions(select, options) {
  const chosen = select.value;
  const same = options.length === select.options.length && options.every(({ value }, i) => select.options[i].value === value);
  if (same) return;
  select.replaceChildren(...options.map(({ value, label }) => h("option", { value, textContent: label })));
  if (options.some(({ value }) => value === chosen)) select.value = chosen;
}

/** Shows an error below a field and ties it to the field, or takes it away (null). */
export function setFieldError(input, output, error) {
  if (error === null) input.removeAttribute("aria-invalid");
  else input.setAttribute("aria-invalid", "true");
  output.hidden = error === null;
  setText(output, error ?? "");
}
