import { h } from "./dom.js";

/**
 * A table of text. Columns are {title, text(row), numeric, trend(row), minor, spare}: minor ones give way on narrow screens,
 * spare ones on the narrowest.
 * @param caption says what it is to those who cannot see it
 */
export function table(caption, columns, rows) {
  const head = h("tr", {}, ...columns.map((column) => h("th", { scope: "col", className: classes(column), textContent: column.title })));
  const body = rows.map((row) => h("tr", {}, ...columns.map((column, index) => cell(column, row, index))));
  return h("table", {}, h("caption", { className: "unseen", textContent: caption }), h("thead", {}, head), h("tbody", {}, ...body));
}

function cell(column, row, index) {
  const element = h(index === 0 ? "th" : "td", { className: classes(column) });
  if (index === 0) element.scope = "row";
  const content = column.text(row);
  element.append(content);
  const trend = column.trend?.(row);
  if (trend > 0n) element.classList.add("up");
  if (trend < 0n) element.classList.add("down");
  return element;
}

function classes({ numeric, minor, spare }) {
  return [numeric && "number", minor && "minor", spare && "spare"].filter(Boolean).join(" ");
}
