// The frame log: newest row first, bounded.

import { bytes, clock, element, milliseconds, preview, sizeOf } from "./format.js";
import { paint } from "./paint.js";

const ROWS_KEPT = 300;
const DIRECTIONS = {
  sent: ["↑", "sent"],
  received: ["↓", "received"],
  event: ["•", "event"],
};

export class FrameLog {
  #body = document.querySelector("#frames");
  #empty = document.querySelector("#frames-empty");
  #tally = document.querySelector("#tally");
  #waiting = [];
  #paused = false;
  #count = { sent: 0, received: 0, sentBytes: 0, receivedBytes: 0 };

  /** A message that crossed the wire; trip in milliseconds if it answers one of ours. */
  frame(direction, data, { trip = null, remark = "" } = {}) {
    const size = sizeOf(data);
    this.#count[direction] += 1;
    this.#count[`${direction}Bytes`] += size;
    const opcode = typeof data === "string" ? "text" : "binary";
    this.#add({ direction, opcode, size, content: preview(data), trip, remark });
  }

  /** Something that is not a message: opened, closed, gone. */
  event(opcode, content, bad = false) {
    this.#add({ direction: "event", opcode, size: null, content, trip: null, remark: "", bad });
  }

  clear() {
    this.#waiting = [];
    this.#count = { sent: 0, received: 0, sentBytes: 0, receivedBytes: 0 };
    this.#body.replaceChildren();
    this.#draw();
  }

  /** While paused, rows are kept back (bounded like the log itself) and the counters go on. */
  pause(paused) {
    this.#paused = paused;
    this.#schedule();
  }

  #add(row) {
    this.#waiting.push({ ...row, time: clock() });
    if (this.#waiting.length > ROWS_KEPT) this.#waiting.shift();
    this.#schedule();
  }

  #schedule() {
    paint("frames", () => this.#draw());
  }

  #draw() {
    const { sent, received, sentBytes, receivedBytes } = this.#count;
    this.#tally.textContent = `↑ ${sent} · ${bytes(sentBytes)}  ↓ ${received} · ${bytes(receivedBytes)}`;
    if (!this.#paused) {
      this.#body.prepend(...this.#waiting.reverse().map(rowOf));
      this.#waiting = [];
    }
    while (this.#body.rows.length > ROWS_KEPT) this.#body.deleteRow(-1);
    this.#empty.hidden = this.#body.rows.length > 0;
  }
}

function rowOf({ time, direction, opcode, size, content, trip, remark, bad }) {
  const row = element("tr", bad ? `${direction} bad` : direction);
  const [arrow, word] = DIRECTIONS[direction];
  const way = element("td", "way");
  way.append(element("b", "", arrow), element("span", "word", ` ${word}`));
  const shown = element("td", "content");
  shown.append(element("span", "", content));
  if (remark) shown.append(" ", element("em", "", remark));
  row.append(
    element("td", "time", time),
    way,
    element("td", "opcode", opcode),
    element("td", "number", size === null ? "" : size.toLocaleString("en")),
    shown,
    element("td", "number", trip === null ? "" : `${milliseconds(trip)} ms`),
  );
  return row;
}
