// Rings that would overlap stand apart, inside, and no farther off than they must.

import assert from "node:assert/strict";
import test from "node:test";
import { spreadApart } from "../../colorlab/widgets/plane.js";

const [WIDTH, HEIGHT, R] = [240, 160, 6];

// Numbers in 0..1, always the same.
function chance(seed) {
  let state = seed;
  return () => {
    state = (state * 16807) % 2147483647;
    return state / 2147483647;
  };
}

function nearest(places) {
  let least = Infinity;
  places.forEach(([x, y], i) => {
    for (const [u, v] of places.slice(0, i)) {
      least = Math.min(least, Math.hypot(x - u, y - v));
    }
  });
  return least;
}

const CROWDS = {
  "all over": (next) => [WIDTH * next(), HEIGHT * next()],
  "in one corner": (next) => [30 * next(), 30 * next()],
  "at one place": () => [100, 80],
};

for (const [name, place] of Object.entries(CROWDS)) {
  test(`fifty rings ${name} do not overlap`, () => {
    const next = chance(7);
    const points = Array.from({ length: 50 }, () => place(next));
    const radii = points.map(() => R);
    const places = spreadApart(points, radii, WIDTH, HEIGHT);
    assert.ok(nearest(places) > 2 * R - 0.5, `${nearest(places)}`);
    assert.deepEqual(places[0], points[0]);
    for (const [x, y] of places.slice(1)) {
      assert.ok(x >= R && x <= WIDTH - R && y >= R && y <= HEIGHT - R);
    }
  });
}

test("rings that have room stay", () => {
  const points = [
    [50, 50],
    [80, 50],
    [50, 90],
  ];
  assert.deepEqual(spreadApart(points, [9, R, R], WIDTH, HEIGHT), points);
});
