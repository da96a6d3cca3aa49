// One WebSocket with a memory: it says which state it is in, and reconnects with back-off when the server is gone.

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 10_000;

/**
 * States, as the "state" event's detail:
 *   connecting · open · closing
 *   closed   {code, reason, byUs}      ended with a close frame; stays closed until connect()
 *   waiting  {attempt, retryAt}        the server is gone; tries again at retryAt (performance.now())
 * Other events: "sent" {data}, "received" {data, at}, "closed" {code, reason, wasClean, byUs}.
 */
export class Connection extends EventTarget {
  #socket = null;
  #url = "";
  #attempt = 0;
  #timer = 0;
  #closeAsked = null;
  state = "idle";

  /** Connects to url, dropping whatever was there before without a word about it. */
  connect(url = this.#url) {
    this.#drop();
    this.#url = url;
    this.#attempt = 0;
    this.#open();
  }

  /** Tries again at once while waiting. */
  retryNow() {
    if (this.state !== "waiting") return;
    clearTimeout(this.#timer);
    this.#open();
  }

  /** Sends text or bytes; answers when (performance.now()), or null if the connection is not open. */
  send(data) {
    if (this.state !== "open") return null;
    const at = performance.now();
    this.#socket.send(data);
    this.#emit("sent", { data });
    return at;
  }

  /** Starts the closing handshake. Throws as WebSocket.close does if the code or reason is not allowed. */
  close(code, reason) {
    clearTimeout(this.#timer);
    if (this.state === "waiting") return this.#become("closed", { code: 1006, reason: "", byUs: true });
    if (!this.#socket) return;
    this.#socket.close(code, reason);
    this.#closeAsked = { code, reason };
    this.#become("closing");
  }

  #open() {
    const socket = new WebSocket(this.#url);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.#attempt = 0;
      this.#become("open");
    };
    socket.onmessage = (event) => this.#emit("received", { data: event.data, at: performance.now() });
    socket.onclose = (event) => this.#ended(event);
    this.#socket = socket;
    this.#closeAsked = null;
    this.#become("connecting", { attempt: this.#attempt });
  }

  #ended({ code, reason, wasClean }) {
    const wasOpen = this.state === "open" || this.state === "closing";
    const byUs = this.#closeAsked !== null;
    this.#socket = null;
    if (wasOpen) this.#emit("closed", { code, reason, wasClean, byUs });
    // 1001, 1006 and 1012 say "going away", "no close frame" and "service restart": it is worth trying again.
    if (!byUs && [1001, 1006, 1012].includes(code)) this.#wait();
    else this.#become("closed", { code, reason, byUs });
  }

  #wait() {
    const longest = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#attempt);
    const delay = longest * (0.75 + Math.random() / 4);
    this.#attempt += 1;
    this.#timer = setTimeout(() => this.#open(), delay);
    this.#become("waiting", { attempt: this.#attempt, retryAt: performance.now() + delay });
  }

  #drop() {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(1000);
  }

  #become(state, detail = {}) {
    this.state = state;
    this.#emit("state", { state, ...detail });
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
