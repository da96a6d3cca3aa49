// The round-trip chart: one dot per trip, p50 and p99 as lines, drawn as SVG in the page's own colours.

import { milliseconds } from "./format.js";
import { paint } from "./paint.js";
import { figures } from "./trips.js";

const SVG = "http://www.w3.org/2000/svg";
const LEAST_HEIGHT = 200;
const EDGE = { top: 12, right: 44, bottom: 22, left: 40 };
const SHOWN = 100;

function svg(tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

/** The next 1, 2 or 5 times a power of ten at or above value. */
function niceCeiling(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= value * 0.999);
}

/** Grid step and top of the scale; what lies far above p99 is drawn at the top edge instead of squeezing the rest. */
function scaleFor(stats) {
  const highest = stats ? Math.max(0.4, Math.min(stats.max, stats.p99 * 1.6)) : 1;
  const step = niceCeiling(highest / 5);
  return { step, top: step * Math.ceil(highest / step) };
}

export class Chart {
  #host;
  #samples = [];

  constructor(host) {
    this.#host = host;
    new ResizeObserver(() => this.show(this.#samples)).observe(host);
  }

  /** Draws the last 100 samples, at the next animation frame. */
  show(samples) {
    this.#samples = samples;
    paint("chart", () => this.#host.replaceChildren(this.#draw(this.#samples.slice(-SHOWN))));
  }

  #draw(samples) {
    const width = Math.max(240, this.#host.clientWidth);
    const height = Math.max(LEAST_HEIGHT, this.#host.clientHeight);
    const stats = figures(samples);
    const { step, top } = scaleFor(stats);
    const x = (index) => EDGE.left + (index + 0.5) * ((width - EDGE.left - EDGE.right) / SHOWN);
    const y = (value) => EDGE.top + (1 - value / top) * (height - EDGE.top - EDGE.bottom);
    const root = svg("svg", {
      viewBox: `0 0 ${width} ${height}`, width, height, role: "img",
      "aria-label": stats
        ? `Last ${samples.length} round trips: median ${milliseconds(stats.p50)} ms, 99th percentile ${milliseconds(stats.p99)} ms`
        : "No round trips yet",
    });
    root.append(...grid(step, top, width, y), ...feet(width, height), ...stems(samples, top, x, y));
    if (stats) root.append(...levels(stats, width, y));
    else root.append(svg("text", { x: width / 2, y: height / 2, class: "hint" }, "Send something, or run 100 echoes"));
    return root;
  }
}

function grid(step, top, width, y) {
  const values = Array.from({ length: Math.round(top / step) + 1 }, (_, index) => index * step);
  return values.flatMap((value) => [
    svg("line", { x1: EDGE.left, x2: width - EDGE.right, y1: y(value), y2: y(value), class: "grid" }),
    svg("text", { x: EDGE.left - 8, y: y(value) + 3.5, class: "tick left" }, String(Number(value.toPrecision(3)))),
  ]);
}

function feet(width, height) {
  return [
    svg("text", { x: EDGE.left, y: height - 4, class: "tick" }, "oldest"),
    svg("text", { x: width - EDGE.right, y: height - 4, class: "tick left" }, "newest"),
  ];
}

/** A stem and a dot per sample; a triangle at the top edge for one that is off the scale. */
function stems(samples, top, x, y) {
  return samples.flatMap((sample, index) => {
    const stem = svg("line", { x1: x(index), x2: x(index), y1: y(0), y2: y(Math.min(sample, top)), class: "stem" });
    if (sample <= top) return [stem, svg("circle", { cx: x(index), cy: y(sample), r: 2.6, class: "dot" })];
    const tip = EDGE.top - 8;
    const points = `${x(index)},${tip} ${x(index) - 5},${tip + 8} ${x(index) + 5},${tip + 8}`;
    const mark = svg("polygon", { points, class: "dot off" });
    mark.append(svg("title", {}, `${milliseconds(sample)} ms, off the scale`));
    return [stem, mark];
  });
}

/** p50 and p99 with their labels kept apart. */
function levels({ p50, p99 }, width, y) {
  const apart = 12;
  const low = y(p50);
  const high = Math.min(y(p99), low - apart);
  const line = (name, value, label) => [
    svg("line", { x1: EDGE.left, x2: width - EDGE.right, y1: y(value), y2: y(value), class: `level ${name}` }),
    svg("text", { x: width - EDGE.right + 6, y: label + 3.5, class: `level-name ${name}` }, name),
  ];
  return [...line("p50", p50, low), ...line("p99", p99, high)];
}
