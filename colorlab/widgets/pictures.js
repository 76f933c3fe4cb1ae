// The pictures that a figure brings: their addresses, as images, as pixels.

import { context2d, make } from "./page.js";

// Addresses for files, until `free` takes all of them back.
/** @type {() => { of: (file: Blob) => string, free: () => void }} */
export function makeAddresses() {
  /** @type {string[]} */
  const urls = [];
  return {
    of(file) {
      urls.push(URL.createObjectURL(file));
      return urls[urls.length - 1];
    },
    free() {
      for (const url of urls) URL.revokeObjectURL(url);
    },
  };
}

// Files as images; `ready` when all can be drawn, or never will be.
/** @type {(files: Blob[]) => { images: HTMLImageElement[], ready: Promise<any>,
 *   free: () => void }} */
export function openImages(files) {
  const { of, free } = makeAddresses();
  const images = files.map((file) => make("img", { src: of(file) }));
  const ready = Promise.allSettled(images.map((image) => image.decode()));
  return { images, ready, free };
}

// A file's pixels as they are written, whatever the screen's colors.
/** @type {(file: Blob) => Promise<ImageData>} */
export async function readPixels(file) {
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
  const { width, height } = bitmap;
  const context = context2d(make("canvas", { width, height }));
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, width, height);
}
