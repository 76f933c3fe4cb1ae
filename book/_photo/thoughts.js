// What the network thinks of a point.

import { likeliest, makeInspector } from "../../colorlab/widgets/inspector.js";
import { make } from "../../colorlab/widgets/page.js";
import { tellColor } from "../../colorlab/widgets/plane.js";

/** @import { Point } from "../../colorlab/widgets/inspector.js" */

// The point's distribution on the ab plane, and its answers in words.
/** @type {(centers: Float32Array) => { nodes: HTMLElement[],
 *   draw: (point: Point) => void, redraw: () => void }} */
export function makeThoughts(centers) {
  const inspector = makeInspector(centers);
  const told = make("p", { "aria-live": "polite" });
  const what = "What the network thinks of the ringed point. Choose another.";
  /** @type {Point | undefined} */
  let shown;
  /** @type {(point: Point) => void} */
  const draw = (point) => {
    shown = point;
    inspector.draw(point);
    const { color, share, many } = likeliest(point.p, centers);
    const verb = many === 1 ? "holds over 1\u00a0%" : "hold over 1\u00a0% each";
    const percent = `${(100 * share).toFixed(0)}\u00a0%`;
    told.textContent =
      `Lightness ${point.L.toFixed(0)}. At this T, ${many} of ${point.p.length} ` +
      `colors ${verb}; the likeliest, ${tellColor(color)}, holds ${percent}.`;
  };
  return {
    nodes: [
      make("div", { class: "pane plot" }, [inspector.plane]),
      make("div", { class: "pane words" }, [
        make("p", {}, [what]),
        told,
        inspector.table,
      ]),
    ],
    draw,
    redraw() {
      if (shown) draw(shown);
    },
  };
}
