// Keeps the facts of the node at the foot of the page fresh while it is connected and looked at.

import { bytes, duration } from "./format.js";

const EVERY_MS = 2000;

/** Asks at once when the connection opens, then every two seconds; a dead server is the connection's to report. */
export function watchFacts(connection) {
  const ask = async () => {
    if (connection.state !== "open" || document.hidden) return;
    try {
      const response = await fetch("/facts");
      if (response.ok) show(await response.json());
    } catch {
      stale(true);
    }
  };
  connection.addEventListener("state", ({ detail }) => {
    if (detail.state === "open") ask();
    stale(detail.state === "waiting");
  });
  setInterval(ask, EVERY_MS);
}

function show(facts) {
  const words = {
    ...facts,
    transport: `${facts.transport} ${facts.version}`,
    memory: bytes(facts.memory_bytes),
    uptime: duration(facts.uptime_s),
  };
  for (const shown of document.querySelectorAll("[data-fact]")) {
    shown.textContent = words[shown.dataset.fact].toLocaleString("en");
  }
}

function stale(isStale) {
  document.querySelector("#facts").classList.toggle("stale", isStale);
}
