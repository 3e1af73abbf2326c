// Where the chains of a graph are drawn: in columns by their distance from the sources, each column ordered so that few edges
// cross. Pure.

export const BOX = { width: 240, height: 92, gapX: 90, gapY: 26 };

/** nodes: [{id, inputs: [{id}]}], a node after those it reads. Gives {boxes: Map id → {x, y}, width, height}. */
export function layout(nodes) {
  const depth = new Map();
  for (const node of nodes) {
    depth.set(node.id, Math.max(-1, ...(node.inputs ?? []).map((input) => depth.get(input.id) ?? -1)) + 1);
  }
  const columns = [];
  for (const node of nodes) (columns[depth.get(node.id)] ??= []).push(node);
  const row = new Map();
  for (const column of columns) {
    const wish = (node) => {
      const rows = (node.inputs ?? []).map((input) => row.get(input.id)).filter((value) => value !== undefined);
      return rows.length ? rows.reduce((sum, value) => sum + value, 0) / rows.length : Infinity;
    };
    column.sort((a, b) => wish(a) - wish(b) || 0);
    column.forEach((node, index) => row.set(node.id, index));
  }
  const tallest = Math.max(1, ...columns.map((column) => column.length));
  const height = tallest * (BOX.height + BOX.gapY) - BOX.gapY;
  const boxes = new Map();
  columns.forEach((column, x) => {
    const own = column.length * (BOX.height + BOX.gapY) - BOX.gapY;
    column.forEach((node, y) => boxes.set(node.id, {
      x: x * (BOX.width + BOX.gapX), y: (height - own) / 2 + y * (BOX.height + BOX.gapY),
    }));
  });
  return { boxes, width: Math.max(1, columns.length) * (BOX.width + BOX.gapX) - BOX.gapX, height };
}
