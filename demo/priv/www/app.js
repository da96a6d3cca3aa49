// Wires the page together: picker, connection, conversation, frame log, round trips, facts.

import { Chart } from "./chart.js";
import { Connection } from "./connection.js";
import { Conversation } from "./conversation.js";
import { bytes, milliseconds } from "./format.js";
import { watchFacts } from "./facts.js";
import { FrameLog } from "./frames.js";
import { HANDLERS, someName } from "./handlers.js";
import { Journey } from "./journey.js";
import { LinkView } from "./link.js";
import { breathe, hold, paint, release } from "./paint.js";
import { SourceView } from "./source.js";
import { figures, Trips } from "./trips.js";

const MEBIBYTE = 1024 * 1024;
const LARGEST = 16 * MEBIBYTE;
const RUN_LENGTH = 100;
/** Probes measured between two drawings of the page. */
const STRETCH = 10;

const $ = (selector) => document.querySelector(selector);
const connection = new Connection();
const conversation = new Conversation();
const log = new FrameLog();
const trips = new Trips();
const chart = new Chart($("#chart"));
const source = new SourceView();
const journey = new Journey();
new LinkView(connection);

let handler = HANDLERS.chat;
let name = sessionStorage.getItem("name") ?? someName();
/** The run of probes that is under way, or null: {number, startedAt, answer}. */
let run = null;

// Choosing a handler

function choose(key) {
  handler = HANDLERS[key];
  document.documentElement.dataset.handler = key;
  $(`#picker input[value=${key}]`).checked = true;
  $("#name-field").hidden = $("#another-tab").hidden = key !== "chat";
  conversation.clear();
  forgetTrips();
  source.show(handler.module);
  journey.name(handler.module);
  connect();
}

function connect() {
  const url = new URL(handler.path(name), location.href);
  url.protocol = url.protocol.replace("http", "ws");
  connection.connect(url.href);
}

function keyInAddress() {
  const key = location.hash.slice(1);
  return key in HANDLERS ? key : "chat";
}

// Sending

function send(message) {
  const answer = handler.answer(message, name);
  const at = connection.send(message);
  if (at === null) return false;
  trips.expect(answer, at);
  return true;
}

connection.addEventListener("sent", ({ detail: { data } }) => {
  log.frame("sent", data);
  journey.frame("sent");
});

function sendBinary(count) {
  const message = randomBytes(count);
  if (send(message)) conversation.addBinary("me", count);
}

/** Random, so that an answer cannot be right by chance; the browser hands out 64 KiB at a time. */
function randomBytes(count) {
  const made = new Uint8Array(count);
  for (let at = 0; at < count; at += 65536) crypto.getRandomValues(made.subarray(at, at + 65536));
  return made;
}

// Receiving

connection.addEventListener("received", ({ detail: { data, at } }) => {
  const trip = trips.settle(data, at);
  const binary = typeof data !== "string";
  log.frame("received", data, { trip, remark: binary && trip !== null ? "✓ same bytes" : "" });
  journey.frame("received");
  if (trip !== null) showTrips();
  if (run && data === run.answer) return probed();
  if (binary) return conversation.addBinary("server", data.byteLength, { trip, verified: trip !== null });
  conversation.add({ ...handler.read(data, name), trip });
});

connection.addEventListener("state", ({ detail }) => {
  const open = detail.state === "open";
  for (const control of document.querySelectorAll("[data-needs=open]")) control.disabled = !open;
  if (open) log.event("open", new URL(handler.path(name), location.href).pathname);
  if (!open) endRun("The connection ended before the run did.");
  if (!open) trips.abandon();
});

connection.addEventListener("closed", ({ detail: { code, reason, byUs } }) => {
  const text = code === 1006 ? "no close frame" : `${code}${reason && ` ${reason}`}, ${byUs ? "asked for by this page" : "by the server"}`;
  log.event("close", text, !byUs);
  conversation.add({ who: "note", text: `Connection closed: ${text}` });
});

// Round trips

function forgetTrips() {
  endRun("");
  trips.clear();
  showTrips();
  $("#trip-note").textContent = "From this page through the handler and back.";
}

function showTrips() {
  paint("trips", () => {
    const found = figures(trips.samples);
    for (const shown of document.querySelectorAll("[data-figure]")) {
      shown.textContent = found ? milliseconds(found[shown.dataset.figure]) : "–";
    }
  });
  chart.show(trips.samples);
}

function startRun() {
  forgetTrips();
  run = { number: 0, took: 0, startedAt: performance.now(), answer: null };
  $("#run").textContent = "Running…";
  $("#run").disabled = true;
  nextStretch();
}

/** Lets the page draw, then measures with the drawing held. */
async function nextStretch() {
  const mine = run;
  await breathe();
  if (run !== mine) return;
  hold();
  run.startedAt = performance.now();
  probe();
}

function probe() {
  run.number += 1;
  const message = handler.probe(run.number);
  run.answer = handler.answer(message, name);
  send(message);
}

function probed() {
  if (run.number % STRETCH !== 0) return probe();
  run.took += performance.now() - run.startedAt;
  release();
  if (run.number < RUN_LENGTH) return nextStretch();
  const rate = Math.round((RUN_LENGTH / run.took) * 1000).toLocaleString("en");
  endRun(`${RUN_LENGTH} echoes, one after the other, in ${milliseconds(run.took)} ms: ${rate} a second.`);
}

function endRun(note) {
  if (!run) return;
  run = null;
  release();
  $("#run").textContent = `Run ${RUN_LENGTH} echoes`;
  $("#run").disabled = connection.state !== "open";
  if (note) $("#trip-note").textContent = note;
}

// Controls

/** Shows what is wrong with a field, or takes the complaint back. */
function complain(input, text = "") {
  const shown = $("#tools-error");
  for (const field of document.querySelectorAll(".tools input")) field.removeAttribute("aria-invalid");
  if (text) input.setAttribute("aria-invalid", "true");
  shown.textContent = text;
  shown.hidden = !text;
}

function onSubmit(form, act) {
  $(form).addEventListener("submit", (event) => {
    event.preventDefault();
    act();
  });
}

onSubmit("#composer", () => {
  const input = $("#message");
  if (input.value === "" || !send(input.value)) return;
  if (handler.showsSent) conversation.add({ who: "me", text: input.value });
  input.value = "";
});

onSubmit("#binary", () => {
  const input = $("#binary-size");
  const count = Number(input.value.replace(/[ ,_]/g, "") || NaN);
  if (!Number.isInteger(count) || count < 0 || count > LARGEST) {
    return complain(input, `Binary takes a whole number of bytes from 0 to ${LARGEST} (${bytes(LARGEST)}).`);
  }
  complain(input);
  sendBinary(count);
});

onSubmit("#close", () => {
  const input = $("#close-code");
  const code = Number(input.value);
  if (code !== 1000 && !(Number.isInteger(code) && code >= 3000 && code <= 4999)) {
    return complain(input, "A page may close with 1000, or with 3000 to 4999; the other codes belong to the protocol.");
  }
  complain(input);
  connection.close(code, "as asked");
});

$("#mebibyte").addEventListener("click", () => sendBinary(MEBIBYTE));
$("#run").addEventListener("click", startRun);
$("#clear").addEventListener("click", () => log.clear());
$("#pause").addEventListener("click", ({ currentTarget }) => {
  const paused = currentTarget.getAttribute("aria-pressed") !== "true";
  currentTarget.setAttribute("aria-pressed", String(paused));
  currentTarget.textContent = paused ? "Resume" : "Pause";
  log.pause(paused);
});

$("#picker").addEventListener("change", ({ target }) => {
  history.replaceState(null, "", `#${target.value}`);
  choose(target.value);
});
addEventListener("hashchange", () => choose(keyInAddress()));

$("#name").value = name;
$("#name").addEventListener("change", ({ target }) => {
  name = target.value.replace(/[:*]/g, "").trim() || someName();
  target.value = name;
  sessionStorage.setItem("name", name);
  connect();
});
sessionStorage.setItem("name", name);

watchFacts(connection);
log.clear();
choose(keyInAddress());
