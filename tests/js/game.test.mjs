// What a reader of the game is told, and can send to others.

import assert from "node:assert/strict";
import test from "node:test";
import {
  compare,
  countChips,
  shareChips,
  shareText,
} from "../../colorlab/widgets/gamescore.js";

test("who loses less is closer, and a hair is no difference", () => {
  assert.equal(compare(2, 3), 1);
  assert.equal(compare(3, 2), -1);
  assert.equal(compare(2.02, 2), 0);
});

test("chips that are shared and counted are ten", () => {
  const counts = countChips(shareChips([0.5, 0.3, 0.15, 0.05], 10), 4);
  assert.deepEqual([...counts], [5, 3, 2, 0]); // of two equal rests, the first
});

test("a result to share tells the rounds without a color", () => {
  const round = (mine, theirs) => ({ mine, theirs, nothing: 5 });
  const lines = shareText([round(2, 3), round(4, 3), round(3, 3)]).split("\n");
  assert.equal(lines[1], "\u25cf\u25cb\u25d0 closer in 1 of 3 rounds");
  assert.equal(lines[2], "me 3.00, network 3.00, blind 5.00 nats (less is better)");
});
