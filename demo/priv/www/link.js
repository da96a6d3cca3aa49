// Says how the connection is: the lamp and words in the header, and the banner when something went wrong.

const CLOSE_CODES = {
  1000: "normal", 1001: "going away", 1002: "protocol error", 1003: "unsupported data", 1006: "no close frame",
  1007: "invalid payload", 1008: "policy violation", 1009: "message too big", 1011: "internal error",
};

const $ = (selector) => document.querySelector(selector);
const named = (code) => (CLOSE_CODES[code] ? `${code}, ${CLOSE_CODES[code]}` : String(code));

export class LinkView {
  #connection;
  #countdown = 0;

  constructor(connection) {
    this.#connection = connection;
    connection.addEventListener("state", ({ detail }) => this.#show(detail));
    $("#link-button").addEventListener("click", () => this.#toggle());
    $("#banner-button").addEventListener("click", () => this.#again());
  }

  #toggle() {
    if (["idle", "closed"].includes(this.#connection.state)) this.#connection.connect();
    else this.#connection.close(1000);
  }

  #again() {
    if (this.#connection.state === "waiting") this.#connection.retryNow();
    else this.#connection.connect();
  }

  #show(detail) {
    clearInterval(this.#countdown);
    $("#link").dataset.state = detail.state;
    $("#link-text").textContent = this.#words(detail);
    $("#link-button").textContent = { closed: "Connect", waiting: "Stop trying" }[detail.state] ?? "Disconnect";
    if (detail.state === "waiting") this.#count(detail);
    else if (detail.state === "closed" && !detail.byUs) this.#closedByServer(detail);
    else if (detail.state === "connecting" && detail.attempt > 0) this.#banner("The server is gone.", "Trying to reach it…", "Try now");
    else $("#banner").hidden = true;
  }

  #words({ state, code, byUs }) {
    if (state === "closed") return byUs ? `Closed by you (${code})` : `Closed by the server (${code})`;
    return { connecting: "Connecting…", open: "Connected", closing: "Closing…", waiting: "Server gone" }[state];
  }

  /** Counts the seconds to the next attempt. */
  #count({ attempt, retryAt }) {
    const tell = () => {
      const left = Math.max(0, Math.ceil((retryAt - performance.now()) / 1000));
      this.#banner("The server is gone.", `Attempt ${attempt} in ${left} s. Is the node still running?`, "Try now");
    };
    tell();
    this.#countdown = setInterval(tell, 250);
  }

  #closedByServer({ code, reason }) {
    this.#banner("The server closed the connection.", `Code ${named(code)}${reason && `: ${reason}`}.`, "Connect");
  }

  #banner(title, text, button) {
    $("#banner-title").textContent = title;
    if ($("#banner-text").textContent !== text) $("#banner-text").textContent = text;
    $("#banner-button").textContent = button;
    $("#banner").hidden = false;
  }
}
