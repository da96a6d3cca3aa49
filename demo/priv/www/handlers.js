// What the page knows of each handler: where it listens, where its source is, and what it answers.
// answer(message, name) is the exact reply that a round trip waits for.

const said = (text) => ({ who: "server", text });

export const HANDLERS = {
  chat: {
    module: "chat_handler",
    path: (name) => `/ws/chat?name=${encodeURIComponent(name)}`,
    // A probe is answered to its sender alone, so that a run does not flood the room.
    probe: (number) => `/ping ${number}`,
    answer(message, name) {
      if (typeof message !== "string") return `* text only, please; that was ${message.byteLength} bytes`;
      if (message.startsWith("/ping ")) return message.replace("/ping", "/pong");
      return `${name}: ${message}`;
    },
    // Own lines come back from the room, so only what was received is shown.
    showsSent: false,
    read(text, name) {
      if (text.startsWith("* ")) return { who: "note", text: text.slice(2) };
      const colon = text.indexOf(": ");
      if (colon < 0) return said(text);
      const author = text.slice(0, colon);
      return { who: author === name ? "me" : "server", author, text: text.slice(colon + 2) };
    },
  },

  timer: {
    module: "timer_handler",
    path: () => "/ws/timer",
    probe: (number) => `echo ${number}`,
    answer(message) {
      return typeof message === "string"
        ? `That's what she said! ${message}`
        : `That's what she said, in ${message.byteLength} bytes!`;
    },
    showsSent: true,
    read: (text) => (/^(Tick|Hello from) /.test(text) ? { who: "note", text } : said(text)),
  },

  echo: {
    module: "echo_handler",
    path: () => "/ws/echo",
    probe: (number) => `echo ${number}`,
    answer: (message) => message,
    showsSent: true,
    read: said,
  },
};

const FIRST = ["Amber", "Brisk", "Calm", "Dusty", "Early", "Fleet", "Grey", "Hardy", "Iron", "Keen", "Light", "Merry"];
const LAST = ["Anvil", "Bellows", "Bridle", "Foal", "Forge", "Hammer", "Harness", "Mare", "Pony", "Rasp", "Saddle", "Tongs"];
const any = (list) => list[Math.floor(Math.random() * list.length)];

/** A name for a new tab. */
export const someName = () => `${any(FIRST)} ${any(LAST)}`;
