// The old photos of data/photos/historic, by their files' names.

/** @type {Record<string, string>} */
export const SAMPLES = {
  "nagasaki-boats": "Boats in Nagasaki, about 1865",
  "french-alpine-landscape": "French Alps, 1865-1870",
  "black-canyon": "Black Canyon, 1871",
  "locomotion-house-cat": "A cat in motion, 1887",
  "airplane-from-above": "Airplane, 1914-1929",
  "acanthus-mollis": "Acanthus, 1928",
  "allium-oreophilum": "Allium, 1928",
  "dust-bowl-home": "A house in the Dust Bowl, about 1935-1940",
};
