// The file of dots, as colorlab.cli.hintfile reads it: written here, and read.

import { rgbToLab } from "../../colorlab/widgets/color.js";

/** @import { Dot } from "./blend.js" */

/** @typedef {{ model: string, T: number, seen: number }} Made With what the page has
 *   colored: a network's name, its temperature, the shorter side that it saw. */
/** @typedef {Partial<Made> & { dots: Dot[], giveUp: number }} Given A file's. */

export const GIVE_UP = 3e-5; // as in colorlab.hints
export const MOST_BYTES = 1e6; // as in colorlab.cli.hintfile, as are the next
const FORMAT = "colorlab hints 1";
const ENTRIES = ["format", "size", "units", "dots", "model", "T", "seen", "give_up"];
const [MOST_DOTS, MOST_AB, MOST_SIDE] = [10000, 128, 1e6];
const SHAPES_APART = 1.02; // a scan and what the page showed of it differ by rounding
const LEAST_T = 1e-6; // the file's 0

/** @type {(told: string) => never} */
function refuse(told) {
  throw new Error(told);
}

/** @type {(value: any, low: number, high: number) => boolean} */
const isWithin = (value, low, high) =>
  typeof value === "number" && value >= low && value <= high;

// The ab of "#rrggbb".
/** @type {(text: string) => [number, number]} */
export function abOf(text) {
  const [r, g, b] = [1, 3, 5].map((i) => Number.parseInt(text.slice(i, i + 2), 16));
  const lab = rgbToLab(r, g, b);
  return [lab[1], lab[2]];
}

/** @type {(dots: Dot[], width: number, height: number, giveUp: number, made: Made) =>
 *   string} */
export function writeHints(dots, width, height, giveUp, { model, T, seen }) {
  const content = {
    format: FORMAT,
    size: [width, height],
    units: "relative",
    model,
    T: Math.max(T, LEAST_T),
    seen,
    give_up: giveUp,
    dots: dots.map(({ x, y, a, b }) => ({ x, y, ab: [a, b] })),
  };
  return `${JSON.stringify(content, null, 1)}\n`;
}

// What a file says of the photo that is `width` by `height` pixels large; an error says
// in a sentence what is wrong with it.
/** @type {(text: string, width: number, height: number) => Given} */
export function readHints(text, width, height) {
  const content = parse(text);
  const [wide, high] = readSize(content.size);
  const off = Math.max(wide * height, high * width);
  if (off > SHAPES_APART * Math.min(wide * height, high * width)) {
    refuse(
      `These dots are of a photo of ${wide} \u00d7 ${high} pixels, and the one here ` +
        `has ${width} \u00d7 ${height}: it is another photo. Open theirs first.`,
    );
  }
  const { units, dots, model, T, seen, give_up: giveUp = GIVE_UP } = content;
  if (units !== "relative" && units !== "pixels")
    refuse("The file\u2019s units must be \u201crelative\u201d or \u201cpixels\u201d.");
  if (!Array.isArray(dots) || dots.length > MOST_DOTS)
    refuse(`The file must hold a list of dots, of at most ${MOST_DOTS}.`);
  const across = units === "pixels" ? [wide, high] : [1, 1];
  const placed = dots.map((dot, i) => readDot(dot, `Dot ${i + 1}`, across));
  if (model !== undefined && typeof model !== "string")
    refuse("The file\u2019s model must be a network\u2019s name.");
  for (const [name, value] of Object.entries({ T, seen })) {
    if (value !== undefined && !(isWithin(value, 0, Number.MAX_VALUE) && value))
      refuse(`The file\u2019s ${name} must be a number above 0.`);
  }
  if (!isWithin(giveUp, 0, 1))
    refuse("The file\u2019s give_up must be a number from 0 to 1.");
  return { dots: placed, giveUp, model, T: T > LEAST_T ? T : T && 0, seen };
}

/** @type {(text: string) => Record<string, any>} */
function parse(text) {
  /** @type {any} */
  let content;
  try {
    content = JSON.parse(text);
  } catch {
    refuse("This is no file of dots: it cannot be read as JSON.");
  }
  const format = content?.format;
  if (format !== FORMAT) {
    const other = typeof format === "string" && /^colorlab hints \d+$/.test(format);
    refuse(
      other
        ? `This file is of another version: it says \u201c${format}\u201d, and this ` +
            `page reads \u201c${FORMAT}\u201d.`
        : `This is no file of dots: it does not say \u201c${FORMAT}\u201d.`,
    );
  }
  for (const [name, value] of Object.entries(content)) {
    if (!ENTRIES.includes(name))
      refuse(`The file holds \u201c${name}\u201d, which files of dots do not have.`);
    if (value === null) delete content[name]; // as if it were not there
  }
  return content;
}

/** @type {(size: any) => number[]} */
function readSize(size) {
  const sides = Array.isArray(size) && size.length === 2 ? size : [0];
  if (!sides.every((side) => Number.isInteger(side) && isWithin(side, 1, MOST_SIDE)))
    refuse("The file\u2019s size must be the photo\u2019s width and height in pixels.");
  return sides;
}

// A dot's place in shares. One of whole pixels is in its pixel's middle.
/** @type {(dot: any, name: string, across: number[]) => Dot} */
function readDot(dot, name, across) {
  if (Object.keys(dot ?? {}).some((key) => !["x", "y", "ab", "color"].includes(key)))
    refuse(`${name} must have \u201cx\u201d, \u201cy\u201d and a color, and no more.`);
  const [x, y] = ["x", "y"].map((axis, i) => {
    const [value, length] = [dot?.[axis], across[i]];
    if (!isWithin(value, 0, length - Number(length > 1)))
      refuse(`${name} must lie on the photo: its ${axis} is ${JSON.stringify(value)}.`);
    return length > 1 ? (Math.floor(value) + 0.5) / length : value;
  });
  const [a, b] = readColor(dot, name);
  return { x, y, a, b };
}

/** @type {(dot: any, name: string) => [number, number]} */
function readColor({ ab = null, color = null }, name) {
  const isPair = Array.isArray(ab) && ab.length === 2 && color === null;
  if (isPair && ab.every((value) => isWithin(value, -MOST_AB, MOST_AB)))
    return [ab[0], ab[1]];
  const isHex = typeof color === "string" && /^#[0-9a-f]{6}$/i.test(color);
  if (ab === null && isHex) return abOf(color);
  return refuse(
    `${name} must have one color: \u201cab\u201d, two numbers within ${MOST_AB}, or ` +
      "\u201ccolor\u201d, as in \u201c#ff8000\u201d.",
  );
}
