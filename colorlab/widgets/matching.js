// Places that look alike, as in colorlab.classics.example: each function is compared
// with its twin in Python. Lightness is in 0..1, a picture's row after row.

/** @typedef {ArrayLike<number>} Numbers */
/** @typedef {{ L: Numbers, s: Numbers }} Looks Lightness, and deviation around it. */

// look_of: the deviation in the window of `side` pixels; the border is mirrored.
/** @type {(L: Numbers, width: number, side?: number) => Looks} */
export function lookOf(L, width, side = 5) {
  const height = L.length / width;
  const reach = Math.floor(side / 2);
  /** @type {(at: number, length: number) => number} */
  const inside = (at, length) => {
    const turn = ((at % (2 * length)) + 2 * length) % (2 * length);
    return turn < length ? turn : 2 * length - 1 - turn;
  };
  const s = new Float64Array(L.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let [sum, square] = [0, 0];
      for (let v = y - reach; v <= y + reach; v++) {
        const row = inside(v, height) * width;
        for (let u = x - reach; u <= x + reach; u++) {
          const value = L[row + inside(u, width)];
          sum += value;
          square += value * value;
        }
      }
      const mean = sum / side ** 2;
      s[y * width + x] = Math.sqrt(Math.max(0, square / side ** 2 - mean * mean));
    }
  }
  return { L, s };
}

/** @type {(values: Numbers) => [mean: number, deviation: number]} */
function statistics(values) {
  const all = Array.from(values);
  const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
  const squares = all.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return [mean, Math.sqrt(squares / all.length)];
}

// move_statistics: to the mean and the deviation of the target.
/** @type {(source: Numbers, target: Numbers) => Float64Array} */
export function moveStatistics(source, target) {
  const [[mean, spread], [to, wide]] = [statistics(source), statistics(target)];
  const scale = spread > 1e-9 ? wide / spread : 1;
  return Float64Array.from(source, (value) => (value - mean) * scale + to);
}

// find_matches for pixel `at` of a photo: the k best of a reference's places (indices
// of its pixels), whose looks are given once its statistics are moved.
/** @type {(photo: Looks, at: number, reference: Looks, places: number[], k: number) =>
 *   number[]} */
export function findMatches(photo, at, reference, places, k) {
  const far = places.map(
    (place) =>
      Math.abs(reference.L[place] - photo.L[at]) +
      Math.abs(reference.s[place] - photo.s[at]),
  );
  if (k === 1) return [places[far.indexOf(Math.min(...far))]];
  const order = [...far.keys()].sort((one, other) => far[one] - far[other]);
  return order.slice(0, k).map((i) => places[i]);
}

// welsh: for each pixel the mean ab of its k best matches, (pixels, 2).
/** @type {(photo: Looks, reference: Looks, places: number[], ab: Numbers, k: number) =>
 *   Float32Array} */
export function colorByMatches(photo, reference, places, ab, k) {
  const colors = new Float32Array(2 * photo.L.length);
  for (let at = 0; at < photo.L.length; at++) {
    for (const place of findMatches(photo, at, reference, places, k)) {
      colors[2 * at] += ab[2 * place] / k;
      colors[2 * at + 1] += ab[2 * place + 1] / k;
    }
  }
  return colors;
}

// Decibels between two pictures of RGBA bytes.
/** @type {(one: Numbers, other: Numbers) => number} */
export function psnr(one, other) {
  let sum = 0;
  for (let i = 0; i < one.length; i++) {
    if (i % 4 < 3) sum += ((one[i] - other[i]) / 255) ** 2;
  }
  return -10 * Math.log10(sum / (0.75 * one.length));
}
