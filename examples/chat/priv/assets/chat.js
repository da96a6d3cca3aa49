"use strict";

const $ = (id) => document.getElementById(id);
const room = () => decodeURIComponent(location.hash.slice(1)) || "lobby";

let name = sessionStorage.getItem("name");
let socket;
let wait = 500;
let quiet;
let typed = 0;

function item(list, ...content) {
  const line = document.createElement("li");
  line.append(...content);
  list.append(line);
  return line;
}

function say(...content) {
  const talk = $("talk");
  const atEnd = talk.scrollHeight - talk.scrollTop - talk.clientHeight < 50;
  const line = item(talk, ...content);
  if (atEnd) line.scrollIntoView();
  return line;
}

function strong(text) {
  const element = document.createElement("strong");
  element.textContent = text;
  return element;
}

function clock(at) {
  const element = document.createElement("time");
  element.textContent = new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return element;
}

const news = {
  you({ name: given, room }) {
    name = given;
    $("talk").replaceChildren();
    $("where").textContent = `#${room}`;
    $("status").textContent = `You are ${given}.`;
  },
  said({ from, text, at }) {
    say(clock(at), " ", strong(from), " ", text);
    $("typing").textContent = "";
  },
  came({ name }) { say(`${name} came in`).className = "news"; },
  left({ name }) { say(`${name} left`).className = "news"; },
  refused({ text }) { say(text).className = "news"; },
  typing({ name }) {
    $("typing").textContent = `${name} is typing …`;
    clearTimeout(quiet);
    quiet = setTimeout(() => ($("typing").textContent = ""), 3000);
  },
  present({ names }) {
    $("people").replaceChildren();
    for (const one of names) item($("people"), one === name ? strong(one) : one);
  },
  rooms({ rooms }) {
    $("rooms").replaceChildren();
    for (const { name, people } of rooms) {
      const link = document.createElement("a");
      link.href = `#${encodeURIComponent(name)}`;
      link.textContent = name;
      if (name === room()) link.setAttribute("aria-current", "true");
      item($("rooms"), link, ` ${people}`);
    }
  },
};

function connect() {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const path = `/rooms/${encodeURIComponent(room())}?name=${encodeURIComponent(name)}`;
  const mine = new WebSocket(`${scheme}://${location.host}${path}`);
  socket = mine;
  mine.onopen = () => (wait = 500);
  mine.onmessage = ({ data }) => {
    const one = JSON.parse(data);
    if (socket === mine) news[one.type](one);
  };
  mine.onclose = ({ code, reason }) => {
    if (socket !== mine) return;
    if (code === 1000) {
      $("status").textContent = reason || "You have left.";
      return;
    }
    $("status").textContent = "The connection is lost; trying again …";
    setTimeout(connect, wait);
    wait = Math.min(wait * 2, 15000);
  };
}

$("say").onsubmit = (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (text && socket.readyState === WebSocket.OPEN) {
    socket.send(text);
    $("text").value = "";
  }
};

$("text").oninput = () => {
  if (Date.now() - typed > 2000 && socket.readyState === WebSocket.OPEN) {
    typed = Date.now();
    socket.send("/typing");
  }
};

$("open").onsubmit = (event) => {
  event.preventDefault();
  if ($("room").value.trim()) location.hash = encodeURIComponent($("room").value.trim());
  $("room").value = "";
};

window.onhashchange = () => {
  const old = socket;
  connect();
  old.close(1000);
};

$("hello").onclose = () => {
  name = $("name").value.trim() || "somebody";
  sessionStorage.setItem("name", name);
  connect();
  $("text").focus();
};

if (name) connect();
else $("hello").showModal();
