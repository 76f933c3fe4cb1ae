// Numbers of places and tables of bytes, read as Python wrote them.

import assert from "node:assert/strict";
import test from "node:test";
import { bestOf, cellAt, nearestOf, placeOf } from "../../colorlab/widgets/places.js";

test("places are counted photo by photo and row by row", () => {
  assert.deepEqual(placeOf(0), { photo: 0, left: 0, top: 0 });
  assert.deepEqual(placeOf(49 + 7 * 2 + 5), { photo: 1, left: 160, top: 64 });
});

test("any place has a cell, and a cell's place has itself", () => {
  for (let number = 0; number < 49; number++) {
    assert.deepEqual(cellAt(placeOf(number)), [number % 7, Math.floor(number / 7)]);
  }
  assert.deepEqual(cellAt({ left: 47, top: 192 }), [1, 6]);
});

test("the nearest are read with both bytes", () => {
  const numbers = Uint16Array.from({ length: 2 * 3 * 2 }, (_, i) => 250 + i);
  const table = new Uint8Array(numbers.buffer);
  assert.deepEqual(nearestOf(table, 0, 0, 3, 2), [250, 251]);
  assert.deepEqual(nearestOf(table, 1, 2, 3, 2), [260, 261]);
});

test("the best places of a unit lie inside the photo, around its answers", () => {
  const other = [9, 9, 9, 9, 8, 8, 8, 8];
  const table = Uint8Array.from([...other, 2, 4, 252, 255, 1, 84, 36, 51]);
  assert.deepEqual(bestOf(table, 1, 2), [
    { photo: 2, left: 0, top: 192, x: 4, y: 60, share: 1 },
    { photo: 1, left: 52, top: 4, x: 32, y: 32, share: 0.2 },
  ]);
});
