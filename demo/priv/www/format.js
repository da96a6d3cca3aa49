// Numbers and payloads as people read them.

const encoder = new TextEncoder();
const PREVIEW_CHARACTERS = 160;
const PREVIEW_BYTES = 24;

/** Bytes that a message takes on the wire. */
export const sizeOf = (data) => (typeof data === "string" ? encoder.encode(data).length : data.byteLength);

/** 17 → "17 B", 4096 → "4 KiB", 1048576 → "1 MiB". */
export function bytes(count) {
  if (count < 1024) return `${count} B`;
  const unit = count < 1024 ** 2 ? ["KiB", 1024] : ["MiB", 1024 ** 2];
  return `${Number((count / unit[1]).toFixed(1))} ${unit[0]}`;
}

/** The start of a payload: text with its line ends made visible, or hexadecimal. */
export function preview(data) {
  if (typeof data === "string") {
    const start = data.slice(0, PREVIEW_CHARACTERS).replace(/\r?\n/g, "⏎");
    return data.length > PREVIEW_CHARACTERS ? `${start}…` : start;
  }
  const view = new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0, data.byteLength);
  const start = [...view.subarray(0, PREVIEW_BYTES)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return view.length > PREVIEW_BYTES ? `${start} …` : start;
}

/** Milliseconds with the digits that a browser's clock can vouch for. */
export const milliseconds = (value) => (value < 100 ? value.toFixed(1) : value.toFixed(0));

/** Wall-clock time with milliseconds. */
export function clock(date = new Date()) {
  return `${date.toTimeString().slice(0, 8)}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/** 59 → "59 s", 3700 → "1 h 1 min". */
export function duration(seconds) {
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** An element with a class and text; text is never taken for markup. */
export function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== "") made.textContent = text;
  return made;
}
