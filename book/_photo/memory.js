// What the tab keeps of the page: going back to it, or a reload, finds the photo again.

import { encode } from "./files.js";

/** @typedef {{ name: string, sample?: string, address: string }} Kept */

const KEY = "colorlab-photo";
const LARGE = 2e6; // bytes: a tab keeps about 5 million letters
const RETURNS = ["back_forward", "reload"];

/** @type {(blob: Blob) => Promise<string>} */
function toAddress(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}

// Keep a photo; of a large file, what the page shows of it. A reader may forbid it.
/** @type {(blob: Blob, shown: ImageData, name: string, sample?: string) =>
 *   Promise<void>} */
export async function keep(blob, shown, name, sample) {
  const small = blob.size <= LARGE;
  try {
    const picture = small
      ? blob
      : await encode(await createImageBitmap(shown), "image/jpeg");
    const kept = { name, sample, address: await toAddress(picture) };
    sessionStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    forget();
  }
}

function forget() {
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    /* nothing is kept, then */
  }
}

// What was kept, where the reader comes back; a new visit starts anew.
/** @type {() => { blob: Blob, name: string, sample?: string } | undefined} */
export function recall() {
  const [visit] = performance.getEntriesByType("navigation");
  const { type } = /** @type {PerformanceNavigationTiming} */ (visit);
  if (!RETURNS.includes(type)) {
    forget();
    return undefined;
  }
  try {
    const text = sessionStorage.getItem(KEY);
    if (!text) return undefined;
    /** @type {Kept} */
    const { name, sample, address } = JSON.parse(text);
    const [head, letters] = address.split(",");
    const bytes = Uint8Array.from(atob(letters), (letter) => letter.charCodeAt(0));
    const blob = new Blob([bytes], { type: head.slice(5).split(";")[0] });
    return { blob, name, sample };
  } catch {
    return undefined;
  }
}
