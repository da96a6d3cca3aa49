// Round trips: what was sent and awaits its answer, the figures, and the run of probes.

const KEPT = 200;

export class Trips {
  #pending = [];
  samples = [];

  /** Notes that `answer` is expected for what was sent `at` (performance.now()). */
  expect(answer, at) {
    this.#pending.push({ answer, at });
  }

  /** The milliseconds that the answer `data` took, or null if nobody waits for it. */
  settle(data, at) {
    const index = this.#pending.findIndex(({ answer }) => same(answer, data));
    if (index < 0) return null;
    const trip = at - this.#pending[index].at;
    this.#pending.splice(index, 1);
    this.samples.push(trip);
    if (this.samples.length > KEPT) this.samples.shift();
    return trip;
  }

  /** Forgets what will never be answered, as after a lost connection. */
  abandon() {
    this.#pending = [];
  }

  clear() {
    this.#pending = [];
    this.samples = [];
  }
}

/** Whether two messages have the same type and the same bytes. */
function same(one, other) {
  if (typeof one === "string" || typeof other === "string") return one === other;
  if (one.byteLength !== other.byteLength) return false;
  const [left, right] = [new Uint8Array(one), new Uint8Array(other)];
  return left.every((byte, index) => byte === right[index]);
}

/** {p50, p99, min, max} by nearest rank, or null without samples. */
export function figures(samples) {
  if (samples.length === 0) return null;
  const sorted = [...samples].sort((a, b) => a - b);
  const rank = (share) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  return { p50: rank(0.5), p99: rank(0.99), min: sorted[0], max: sorted[sorted.length - 1] };
}
