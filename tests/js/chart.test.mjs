// A chart's arithmetic: ranges, ticks, means and where a value is drawn.

import assert from "node:assert/strict";
import test from "node:test";
import {
  placeOfStep,
  pointsOf,
  rangeOf,
  runningMedian,
  shareOf,
  stepAt,
  ticksOf,
} from "../../colorlab/widgets/chart.js";

test("a range holds its values, between round numbers", () => {
  assert.deepEqual(rangeOf([2.3, 5.74], false), { low: 0, high: 6, log: false });
  assert.deepEqual(rangeOf([0.2, 1], false), { low: 0, high: 1, log: false });
  assert.equal(rangeOf([0, 0], false).high, 0.25);
  assert.equal(rangeOf([22900, 2.7, 2.8, 3.9], false).high, 4); // but for odd ones
  const { low, high } = rangeOf([1e-7, 0.4], true);
  assert.ok(Math.abs(low / 1e-7 - 1) < 1e-9 && high === 1);
  assert.equal(rangeOf([2, 3], true).high, 10); // one power at least
});

test("there are at most five ticks, the ends among them", () => {
  for (const values of [[0.9], [1.7], [5.74], [9.2], [210], [1]]) {
    const range = rangeOf(values, false);
    const ticks = ticksOf(range);
    assert.ok(ticks.length >= 3 && ticks.length <= 5, String(ticks));
    assert.equal(ticks[0], 0);
    assert.ok(Math.abs(ticks.at(-1) - range.high) < 1e-9);
  }
  const powers = ticksOf(rangeOf([1e-7, 0.4], true));
  assert.ok(powers.length <= 5 && powers.at(-1) === 1);
});

test("a share is linear, or so in the logarithm", () => {
  assert.equal(shareOf(3, { low: 0, high: 6, log: false }), 0.5);
  const middle = shareOf(0.1, { low: 0.01, high: 1, log: true });
  assert.ok(Math.abs(middle - 0.5) < 1e-12);
});

test("a running median looks back, and leaves gaps", () => {
  assert.deepEqual(runningMedian([1, 2, 3, 4], 2), [1, 1.5, 2.5, 3.5]);
  assert.deepEqual(runningMedian([1, null, 3], 2), [1, null, 3]);
  assert.deepEqual(runningMedian([22900, 2, 3, 4], 10), [22900, 11451, 3, 3.5]);
});

test("a pointer over a step finds that step", () => {
  for (const step of [0, 20, 437, 800]) {
    assert.ok(Math.abs(stepAt(placeOfStep(step, 800), 800) - step) < 1e-9);
  }
});

test("a curve goes up with its values, and over gaps", () => {
  const curve = { kind: "mean", steps: [0, 400, 800], values: [0, null, 6] };
  const range = { low: 0, high: 6, log: false };
  const points = pointsOf(curve, 800, range)
    .split(" ")
    .map((point) => point.split(",").map(Number));
  assert.equal(points.length, 2);
  assert.ok(points[1][0] > points[0][0] && points[1][1] < points[0][1]);
});
