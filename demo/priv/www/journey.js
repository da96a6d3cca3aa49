// The picture in the hero: a dot runs along the wire for a frame that crosses it, in the frame's direction.

import { paint } from "./paint.js";

const LASTS_MS = 620;

export class Journey {
  #dots = { sent: document.querySelector("#dot-sent"), received: document.querySelector("#dot-received") };
  #handler = document.querySelector("#journey-handler");
  #calm = matchMedia("(prefers-reduced-motion: reduce)");

  name(module) {
    this.#handler.textContent = module;
  }

  /** One dot per direction at a time: a burst looks like a burst without costing one. */
  frame(direction) {
    if (this.#calm.matches || document.hidden) return;
    paint(`journey ${direction}`, () => this.#run(direction));
  }

  #run(direction) {
    const dot = this.#dots[direction];
    if (dot.getAnimations().length > 0) return;
    const [from, to] = direction === "sent" ? ["0%", "100%"] : ["100%", "0%"];
    dot.animate(
      [{ left: from, opacity: 0 }, { opacity: 1, offset: 0.15 }, { opacity: 1, offset: 0.85 }, { left: to, opacity: 0 }],
      { duration: LASTS_MS, easing: "ease-in-out" },
    );
  }
}
