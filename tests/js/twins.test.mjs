// Every function of the page's arithmetic gives what colorlab gives: the cases, with
// their answers, are written by tests/test_javascript.py in the same run.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const KINDS = { Float32Array, Float64Array, Uint8Array };
const typed = (value) => (value?.kind ? KINDS[value.kind].from(value.values) : value);
const numbers = (value) =>
  typeof value === "object" ? Array.from(value).flatMap(numbers) : [Number(value)];

const cases = JSON.parse(readFileSync(process.env.COLORLAB_TWINS, "utf8"));
assert.ok(cases.length > 20);

for (const { name, module, calls, tolerance } of cases) {
  test(name, async () => {
    const functions = await import(new URL(`../../${module}`, import.meta.url));
    for (const { run, args, expected } of calls) {
      const found = numbers(functions[run](...args.map(typed)));
      assert.equal(found.length, expected.length, "numbers");
      const apart = expected.map((value, i) => Math.abs(found[i] - value));
      const worst = apart.reduce((most, gap) => Math.max(most, gap), 0);
      assert.ok(worst <= tolerance, `off by ${worst}, ${tolerance} is allowed`);
    }
  });
}
