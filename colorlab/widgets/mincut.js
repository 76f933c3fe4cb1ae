// Labels that are likely and near their neighbors', as colorlab.classics.multimodal
// chooses them: each function is compared with its twin in Python.

/** @typedef {ArrayLike<number>} Numbers */
/** @typedef {object} Problem
 * @property {Float64Array[]} costs Of each candidate: -log p of every cell.
 * @property {Float64Array[]} far Of each candidate: ab units to each other one.
 * @property {number} columns */
/** @typedef {{ labels: Uint16Array, own: number, steps: number }} Choice Candidates by
 *   number, and what they cost: as colors, and as steps between neighbors. */

const FARTHEST = 40; // ab units; neighbors farther apart cost no more
const UNIT = 1000; // flows are whole numbers of 1 / UNIT nats

// The problem of bins (Q) with `centers`, of which `shares` gives p, cell after cell.
// Candidates are the `most` likeliest bins of any cell, the first of equal ones.
/** @type {(p: Numbers, centers: Numbers, columns: number, most?: number) =>
 *   { problem: Problem, bins: number[] }} */
export function makeProblem(p, centers, columns, most = 3) {
  const Q = centers.length / 2;
  const cells = p.length / Q;
  /** @type {Set<number>} */
  const likely = new Set();
  for (let cell = 0; cell < cells; cell++) {
    const start = cell * Q;
    /** @type {number[]} */
    const best = [];
    for (let q = 0; q < Q; q++) {
      let at = best.length;
      while (at > 0 && p[start + q] > p[start + best[at - 1]]) at--;
      if (at < most) best.splice(at, 0, q);
      best.length = Math.min(best.length, most);
    }
    for (const q of best) likely.add(q);
  }
  const bins = [...likely].sort((one, other) => one - other);
  const costs = bins.map((q) =>
    Float64Array.from({ length: cells }, (_, cell) => -Math.log(p[cell * Q + q])),
  );
  const far = bins.map((q) =>
    Float64Array.from(bins, (r) => {
      const [a, b] = [0, 1].map((c) => centers[2 * q + c] - centers[2 * r + c]);
      return Math.min(Math.sqrt(a * a + b * b), FARTHEST);
    }),
  );
  return { problem: { costs, far, columns }, bins };
}

// energy: its two parts, in nats.
/** @type {(problem: Problem, labels: Uint16Array, smoothness: number) => Choice} */
export function measure({ costs, far, columns }, labels, smoothness) {
  let [own, steps] = [0, 0];
  labels.forEach((label, i) => {
    own += costs[label][i];
    if ((i + 1) % columns) steps += far[label][labels[i + 1]];
    if (i + columns < labels.length) steps += far[label][labels[i + columns]];
  });
  return { labels, own, steps: smoothness * steps };
}

// label_changes: pairs of neighbors with different labels.
/** @type {(labels: Uint16Array, columns: number) => number} */
export function countChanges(labels, columns) {
  let changes = 0;
  labels.forEach((label, i) => {
    if ((i + 1) % columns && label !== labels[i + 1]) changes++;
    if (i + columns < labels.length && label !== labels[i + columns]) changes++;
  });
  return changes;
}

// The cells that a source still reaches once as much flows to a sink as can, through
// a grid. `source` and `sink` hold each cell's ties to these, `right` and `down` those
// to its neighbors; all are used up. Dinic 1970: by shortest ways, many at a time.
/** @type {(source: Int32Array, sink: Int32Array, right: Int32Array, down: Int32Array,
 *   columns: number) => Uint8Array} */
export function cutGrid(source, sink, right, down, columns) {
  const cells = source.length;
  const left = new Int32Array(cells);
  const up = new Int32Array(cells);
  const ties = [right, down, left, up]; // the opposite of way d is (d + 2) % 4
  const moves = [1, columns, -1, -columns];
  const level = new Int32Array(cells);
  const next = new Uint8Array(cells); // the way to be tried
  const queue = new Int32Array(cells);

  // How many ties lie between the source and each cell; -1 where it reaches not.
  function spread() {
    level.fill(-1);
    let [end, open] = [0, false];
    for (let i = 0; i < cells; i++) {
      if (source[i] > 0) {
        level[i] = 0;
        queue[end++] = i;
      }
    }
    for (let at = 0; at < end; at++) {
      const i = queue[at];
      open ||= sink[i] > 0;
      for (let d = 0; d < 4; d++) {
        const j = i + moves[d];
        if (ties[d][i] > 0 && level[j] < 0) {
          level[j] = level[i] + 1;
          queue[end++] = j;
        }
      }
    }
    return open;
  }

  // Let flow from one cell all that goes by rising levels.
  /** @type {(start: number) => void} */
  function drain(start) {
    const path = [start];
    while (path.length && source[start] > 0) {
      const i = path[path.length - 1];
      if (sink[i] > 0) {
        let flow = Math.min(source[start], sink[i]);
        for (let n = 0; n + 1 < path.length; n++) {
          flow = Math.min(flow, ties[next[path[n]]][path[n]]);
        }
        source[start] -= flow;
        sink[i] -= flow;
        for (let n = 0; n + 1 < path.length; n++) {
          const d = next[path[n]];
          ties[d][path[n]] -= flow;
          ties[(d + 2) % 4][path[n + 1]] += flow;
        }
        path.length = 1;
        continue;
      }
      while (next[i] < 4) {
        const j = i + moves[next[i]];
        if (ties[next[i]][i] > 0 && level[j] === level[i] + 1) break;
        next[i]++;
      }
      if (next[i] < 4) path.push(i + moves[next[i]]);
      else {
        path.pop();
        if (path.length) next[path[path.length - 1]]++;
      }
    }
  }

  while (spread()) {
    next.fill(0);
    for (let i = 0; i < cells; i++) if (source[i] > 0) drain(i);
  }
  return Uint8Array.from(level, (value) => (value < 0 ? 0 : 1));
}

// Which cells change to a candidate for the lowest energy: those that the source, which
// stands for keeping, does not reach.
/** @type {(problem: Problem, labels: Uint16Array, to: number, smoothness: number) =>
 *   Uint16Array} */
function expand({ costs, far, columns }, labels, to, smoothness) {
  const cells = labels.length;
  const change = Float64Array.from(labels, (own, i) => costs[to][i] - costs[own][i]);
  const [right, down] = [new Int32Array(cells), new Int32Array(cells)];
  /** @type {(tie: Int32Array, i: number, j: number) => void} */
  const join = (tie, i, j) => {
    const both = smoothness * far[labels[i]][labels[j]];
    const first = smoothness * far[to][labels[j]];
    const second = smoothness * far[labels[i]][to];
    change[i] += first - both;
    change[j] -= first;
    tie[i] = Math.round(UNIT * Math.max(0, first + second - both));
  };
  for (let i = 0; i < cells; i++) if ((i + 1) % columns) join(right, i, i + 1);
  for (let i = 0; i + columns < cells; i++) join(down, i, i + columns);
  const [source, sink] = [1, -1].map((sign) =>
    Int32Array.from(change, (cost) => Math.round(UNIT * Math.max(0, sign * cost))),
  );
  const kept = cutGrid(source, sink, right, down, columns);
  return labels.map((label, i) => (kept[i] ? label : to));
}

// coherent, candidate by candidate: gives the choice so far after each.
/** @type {(problem: Problem, smoothness: number) => Generator<Choice, void>} */
export function* decide(problem, smoothness) {
  const { costs } = problem;
  const first = Uint16Array.from(costs[0], (_, cell) => {
    let best = 0;
    costs.forEach((cost, n) => {
      if (cost[cell] < costs[best][cell]) best = n;
    });
    return best;
  });
  let choice = measure(problem, first, smoothness);
  yield choice;
  if (!smoothness) return;
  const total = (/** @type {Choice} */ { own, steps }) => own + steps;
  for (let before = Infinity; total(choice) <= before - 1e-6; ) {
    before = total(choice);
    for (let to = 0; to < costs.length; to++) {
      const labels = expand(problem, choice.labels, to, smoothness);
      const other = measure(problem, labels, smoothness);
      if (total(other) < total(choice) - 1e-9) choice = other;
      yield choice;
    }
  }
}
