// A file becomes a picture here, and a picture a file, by what the browser has for
// that; it does both beside the page. In the page, not in the worker: WebKit lets no
// worker read a blob where the page was opened from a folder.

const [MOST_PIXELS, MOST_SIDE] = [64e6, 16384]; // a canvas can be relied on to hold it

/** @typedef {{ kind?: string, width?: number, height?: number, moves?: boolean }}
 *   Header */

// What a file's first bytes say: its kind, its size if that is easy, whether it moves.
/** @type {(bytes: Uint8Array) => Header} */
function readHeader(bytes) {
  const text = String.fromCharCode(...bytes.subarray(0, 32));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (text.startsWith("\x89PNG") && bytes.length > 32) {
    return {
      kind: "PNG",
      width: view.getUint32(16),
      height: view.getUint32(20),
      moves: findText(bytes, "acTL"),
    };
  }
  if (text.startsWith("GIF8") && bytes.length > 10) {
    const [width, height] = [view.getUint16(6, true), view.getUint16(8, true)];
    return { kind: "GIF", width, height, moves: findText(bytes, "NETSCAPE2.0") };
  }
  if (text.startsWith("RIFF") && text.slice(8, 12) === "WEBP") {
    return { kind: "WebP", moves: findText(bytes, "ANIM") };
  }
  if (text.startsWith("\xff\xd8\xff")) return { kind: "JPEG", ...jpegSize(view) };
  return {};
}

/** @type {(bytes: Uint8Array, word: string) => boolean} */
function findText(bytes, word) {
  const codes = Array.from(word, (letter) => letter.charCodeAt(0));
  const end = Math.min(bytes.length, 4096);
  for (let i = 0; i < end; i++)
    if (codes.every((code, j) => bytes[i + j] === code)) return true;
  return false;
}

/** @type {(view: DataView) => Header} */
function jpegSize(view) {
  for (let at = 2; at + 9 < view.byteLength && view.getUint8(at) === 0xff; ) {
    const marker = view.getUint8(at + 1);
    const frame =
      marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (frame) return { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    at += 2 + view.getUint16(at + 2);
  }
  return {};
}

/** @type {(width: number, height: number) => void} */
function refuseLarge(width, height) {
  const millions = (width * height) / 1e6;
  if (width * height > MOST_PIXELS) {
    throw new Error(
      `This photo has ${millions.toFixed(0)} megapixels; the page takes up to ` +
        `${MOST_PIXELS / 1e6}. Make it smaller first.`,
    );
  }
  if (Math.max(width, height) > MOST_SIDE) {
    throw new Error(
      `This photo is ${width} by ${height} pixels; the page takes sides of up to ` +
        `${MOST_SIDE}. Make it smaller first.`,
    );
  }
}

/** @type {(blob: Blob) => Promise<{ bitmap: ImageBitmap, moves: boolean }>} */
export async function decode(blob) {
  if (!blob.size) throw new Error("This file is empty.");
  const start = await blob
    .slice(0, 2 ** 20)
    .arrayBuffer()
    .catch(() => {
      throw new Error(
        "The file can no longer be read. Was it moved or changed? Choose it again.",
      );
    });
  const header = readHeader(new Uint8Array(start));
  if (header.width && header.height) refuseLarge(header.width, header.height);
  /** @type {ImageBitmap} */
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob); // upright; of moving pictures the first
  } catch {
    throw new Error(
      header.kind
        ? `This ${header.kind} file is damaged: it cannot be read to its end.`
        : "This file is no picture that your browser can read. It reads JPEG, PNG, " +
            "WebP and GIF.",
    );
  }
  refuseLarge(bitmap.width, bitmap.height);
  return { bitmap, moves: Boolean(header.moves) };
}

/** @type {(bitmap: ImageBitmap, type: string) => Promise<Blob>} */
export async function encode(bitmap, type) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
  canvas.getContext("bitmaprenderer")?.transferFromImageBitmap(bitmap);
  /** @type {Blob | null} */
  const file = await new Promise((resolve) => {
    canvas.toBlob(resolve, type, 0.95);
  });
  if (!file)
    throw new Error(
      "Your browser has not enough memory to write a photo of this size.",
    );
  return file;
}
