// The conversation: what was said, by whom, with the newest at the foot.

import { bytes, element, milliseconds } from "./format.js";

const LINES_KEPT = 200;
const CHARACTERS_SHOWN = 600;

export class Conversation {
  #list = document.querySelector("#conversation");

  clear() {
    this.#list.replaceChildren();
  }

  /** One line: who is "me", "server" or "note"; trip in milliseconds adds how long the answer took. */
  add({ who, text, author = "", trip = null }) {
    const atFoot = this.#list.scrollHeight - this.#list.scrollTop - this.#list.clientHeight < 40;
    const line = element("li", who);
    if (author && who !== "me") line.append(element("b", "", author));
    const shown = text.length > CHARACTERS_SHOWN ? `${text.slice(0, CHARACTERS_SHOWN)}…` : text;
    line.append(element("span", "", shown));
    if (trip !== null) line.append(element("small", "", `${milliseconds(trip)} ms`));
    this.#list.append(line);
    while (this.#list.children.length > LINES_KEPT) this.#list.firstChild.remove();
    if (atFoot || who === "me") this.#list.scrollTop = this.#list.scrollHeight;
  }

  /** A binary message, by its size. */
  addBinary(who, count, { trip = null, verified = false } = {}) {
    this.add({ who, text: `${bytes(count)} of binary${verified ? ", every byte as sent" : ""}`, trip });
  }
}
