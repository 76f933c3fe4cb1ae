// Which rows of a map a layer reads, from what colorlab's layers say of themselves.

/** @typedef {{ name: string, kernel: number, stride: number, dilation: number,
 *   padding: number, transposed: boolean, cell: number, field: number }} Layer */

export const CELL = 4; // pixels, each way, that an output stands for

// Rows of a layer's input that rows of its output read; rows beyond the map are zeros.
/** @type {(layer: Layer, rows: number[]) => number[]} */
function readRows({ kernel, stride, dilation, padding, transposed }, rows) {
  const read = new Set();
  for (const row of rows) {
    for (let tap = 0; tap < kernel; tap++) {
      const at = transposed
        ? (row + padding - tap) / stride
        : stride * row - padding + dilation * tap;
      if (Number.isInteger(at)) read.add(at);
    }
  }
  return [...read].sort((one, other) => one - other);
}

// Rows of the map that layer `from` reads which one row of layer `to` depends on.
/** @type {(layers: Layer[], from: number, to: number, row: number) => number[]} */
export function traceRows(layers, from, to, row) {
  let rows = [row];
  for (let m = to; m >= from; m--) rows = readRows(layers[m], rows);
  return rows;
}

// The layer that one counts cells from: this one, its block's first, or conv5_1.
/** @type {(layers: Layer[], m: number, since: string) => number} */
export function firstLayer(layers, m, since) {
  const block = since === "block" ? layers[m].name.split("_")[0] : "conv5";
  const first = layers.findIndex(({ name }) => name.split("_")[0] === block);
  return since === "layer" ? m : Math.min(m, first);
}
