// Another film: a color photo in the gray of an emulsion that sees no red.

import { context2d, make, makeButtons } from "../../colorlab/widgets/page.js";

// Shares of red, green and blue light; the eye's are those that the network knows.
/** @type {[string, number[]][]} */
const FILMS = [
  ["as the eye", []],
  ["green and blue", [0, 0.5, 0.5]],
  ["blue only", [0, 0, 1]],
];
const GAMMA = 2.2; // nearly sRGB's, as in the chapter colorize
const LIGHT = Float64Array.from({ length: 256 }, (_, code) => (code / 255) ** GAMMA);

/** @type {(pixels: Uint8ClampedArray, shares: number[]) => void} */
export function develop(pixels, [red, green, blue]) {
  for (let at = 0; at < pixels.length; at += 4) {
    const [R, G, B] = [0, 1, 2].map((channel) => LIGHT[pixels[at + channel]]);
    const light = red * R + green * G + blue * B;
    pixels.fill(Math.round(255 * light ** (1 / GAMMA)), at, at + 3);
  }
}

/** @type {(change: () => void) => { node: HTMLElement,
 *   reset: (colored: boolean) => void,
 *   expose: (picture: HTMLCanvasElement) => HTMLCanvasElement }} */
export function makeFilms(change) {
  let film = 0;
  const names = FILMS.map(([name]) => name);
  const films = makeButtons("Film", names, (i) => {
    film = i;
    films.press(i);
    change();
  });
  const node = make("details", { class: "films", hidden: "" }, [
    make("summary", {}, ["Another film: one that sees no red"]),
    make("div", { class: "bar" }, [films.row]),
  ]);
  return {
    node,
    // A photo without color has been on its film already.
    reset(colored) {
      film = 0;
      films.press(0);
      node.hidden = !colored;
    },
    expose(picture) {
      if (!film) return picture;
      const context = context2d(picture);
      const image = context.getImageData(0, 0, picture.width, picture.height);
      develop(image.data, FILMS[film][1]);
      context.putImageData(image, 0, 0);
      return picture;
    },
  };
}
