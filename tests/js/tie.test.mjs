// A figure and its model: changes go both ways, and nothing listens afterwards.

import assert from "node:assert/strict";
import test from "node:test";
import { tie } from "../../colorlab/widgets/page.js";

function fakeModel(traits) {
  const listeners = [];
  return {
    listeners,
    saved: 0,
    get: (name) => traits[name],
    set(name, value) {
      traits[name] = value;
      for (const { event, hear } of [...listeners])
        if (event === `change:${name}`) hear();
    },
    save_changes() {
      this.saved++;
    },
    on: (event, hear) => listeners.push({ event, hear }),
    off(event, hear) {
      const at = listeners.findIndex((one) => one.event === event && one.hear === hear);
      if (at >= 0) listeners.splice(at, 1);
    },
  };
}

test("a change from outside is drawn", () => {
  const model = fakeModel({ T: 0.38, view: "colored" });
  const drawn = [];
  const { state } = tie(model, ["T", "view"], (changed) => drawn.push(changed));
  model.set("T", 1);
  assert.deepEqual(drawn, [{ T: 1 }]);
  assert.deepEqual(state(), { T: 1, view: "colored" });
  assert.equal(model.saved, 0);
});

test("a change in one view is saved, drawn once, and seen by the other", () => {
  const model = fakeModel({ k: 5, sigma: 5 });
  const drawn = { mine: [], other: [] };
  const { set } = tie(model, ["k", "sigma"], (changed) => drawn.mine.push(changed));
  tie(model, ["k", "sigma"], (changed) => drawn.other.push(changed));
  set({ k: 10, sigma: 2 });
  assert.deepEqual(drawn.mine, [{ k: 10, sigma: 2 }]);
  assert.deepEqual(drawn.other, [{ k: 10 }, { sigma: 2 }]);
  assert.equal(model.saved, 1);
});

test("a view that was removed leaves no listener, and not another view's", () => {
  const model = fakeModel({ T: 0.38 });
  const drawn = [];
  const first = tie(model, ["T"], () => drawn.push("first"));
  tie(model, ["T"], () => drawn.push("second"));
  first.untie();
  model.set("T", 1);
  assert.deepEqual(drawn, ["second"]);
  assert.equal(model.listeners.length, 1);
});
