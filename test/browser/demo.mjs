// Drives the demo's page in headless Chromium and checks what a person would see.
//
//   node test/browser/demo.mjs URL PID
//
// URL is the page; PID is the process that serves it, which the last tests stop (SIGTERM) and replace.
// Needs playwright-core in CLIENTS_DIR (default _build/clients) and CHROMIUM (default: the first in the PATH).
// Screenshots go to SCREENSHOTS_DIR (default _build/browser). Prints "N passed, N failed"; the exit status is
// 0 if none failed, 1 if one did, 2 if the tests could not be run.

import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const CLIENTS = resolve(ROOT, process.env.CLIENTS_DIR ?? "_build/clients");
const SHOTS = resolve(ROOT, process.env.SCREENSHOTS_DIR ?? "_build/browser");
const PATIENCE_MS = 20_000;
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
];

const [url, pid] = [process.argv[2], Number(process.argv[3])];
if (!url || !Number.isInteger(pid)) {
  console.error("usage: node test/browser/demo.mjs URL PID");
  process.exit(2);
}

// What every test stands on

const complaints = [];
const outside = [];
let context;

/** A new tab on a handler's page, connected. */
async function tab(handler) {
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => new URL(request.url()).host !== new URL(url).host && outside.push(request.url()));
  await page.goto(`${url}#${handler}`);
  await connected(page);
  return page;
}

const connected = (page) => page.waitForSelector("#link[data-state=open]");
const said = (page, text) => page.locator("#conversation li").filter({ hasText: text }).first().waitFor();
const frame = (page, direction, text) =>
  page.locator(`#frames tr.${direction}`).filter({ hasText: text }).first();

async function say(page, text) {
  await page.fill("#message", text);
  await page.press("#message", "Enter");
}

async function cells(row) {
  await row.waitFor();
  return row.locator("td").allTextContents();
}

/** Runs the 100 echoes and gives back the figures on the page. */
async function run(page) {
  await page.click("#run");
  await page.locator("#trip-note").filter({ hasText: "100 echoes, one after the other" }).waitFor();
  const figures = {};
  for (const name of ["min", "p50", "p99", "max"]) {
    const shown = page.locator(`[data-figure=${name}]`);
    await shown.filter({ hasText: /^\d/ }).waitFor();
    figures[name] = Number(await shown.textContent());
  }
  return figures;
}

async function shoot(page, name) {
  await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });
}

// The promises

const tests = {
  async "the page loads from its own server alone, without an error in the console"() {
    const page = await tab("chat");
    await page.locator("[data-fact=otp]").filter({ hasText: /^\d+$/ }).waitFor();
    assert.deepEqual(complaints, []);
    assert.deepEqual(outside, []);
  },

  async "two tabs chat with each other through the Cowboy 1.x handler"() {
    const [one, other] = [await tab("chat"), await tab("chat")];
    const [oneName, otherName] = [await one.inputValue("#name"), await other.inputValue("#name")];
    await said(one, `${otherName} joined`);
    await say(one, "Is the iron hot?");
    await said(other, `${oneName}Is the iron hot?`);
    await said(one, "Is the iron hot?");
    await say(other, "Hot and grüne Zügel ✓");
    await said(one, `${otherName}Hot and grüne Zügel ✓`);
    await other.close();
    await said(one, `${otherName} left`);
  },

  async "a person may change the name under which the chat knows them"() {
    const page = await tab("chat");
    await page.fill("#name", "Zoë & Co");
    await page.press("#name", "Enter");
    await said(page, "Zoë & Co joined");
  },

  async "the handlers that only read binary take 1 MiB of it, in both generations"() {
    for (const handler of ["chat", "timer"]) {
      const page = await tab(handler);
      await page.click("#mebibyte");
      await said(page, "1048576 bytes");
    }
  },

  async "the timer speaks up by itself and answers what it is told"() {
    const page = await tab("timer");
    await said(page, /Hello from process <\d+\.\d+\.\d+>/);
    await say(page, "It is too big");
    await said(page, "That's what she said! It is too big");
    await said(page, "Tick 1");
    await said(page, "Tick 2");
  },

  async "the echo returns text, and the log tells direction, opcode, size and round trip"() {
    const page = await tab("echo");
    await say(page, "hæ?");
    const sent = await cells(frame(page, "sent", "hæ?"));
    const received = await cells(frame(page, "received", "hæ?"));
    assert.deepEqual(sent.slice(1), ["↑ sent", "text", "4", "hæ?", ""]);
    assert.deepEqual(received.slice(1, 5), ["↓ received", "text", "4", "hæ?"]);
    assert.match(received[0], /^\d\d:\d\d:\d\d\.\d{3}$/);
    assert.match(received[5], /^[\d.]+ ms$/);
  },

  async "the echo returns binary of every length class byte by byte"() {
    const page = await tab("echo");
    for (const size of [0, 1, 125, 126, 65535, 65536, 300000]) {
      await page.fill("#binary-size", String(size));
      await page.press("#binary-size", "Enter");
      const row = page.locator("#frames tr.received", { hasText: "✓ same bytes" })
        .filter({ has: page.locator("td:nth-child(4)", { hasText: new RegExp(`^${size.toLocaleString("en")}$`) }) });
      await row.first().waitFor();
    }
  },

  async "the echo returns 1 MiB, every byte as sent"() {
    const page = await tab("echo");
    await page.click("#mebibyte");
    await said(page, "1 MiB of binary, every byte as sent");
    const row = await cells(frame(page, "received", "1,048,576"));
    assert.equal(row[2], "binary");
  },

  async "a run of 100 echoes shows ordered figures and a chart, on every handler"() {
    for (const handler of ["chat", "timer", "echo"]) {
      const page = await tab(handler);
      const { min, p50, p99, max } = await run(page);
      assert.ok(0 <= min && min <= p50 && p50 <= p99 && p99 <= max, `${handler}: ${min} ${p50} ${p99} ${max}`);
      await page.waitForFunction(() => document.querySelectorAll("#chart .dot").length === 100);
    }
  },

  async "a byte count or close code that is not allowed is refused in words, and nothing is sent"() {
    const page = await tab("echo");
    for (const wrong of ["-1", "many", "", "16777217"]) {
      await page.fill("#binary-size", wrong);
      await page.press("#binary-size", "Enter");
      await page.locator("#tools-error").filter({ hasText: "from 0 to 16777216" }).waitFor();
    }
    for (const wrong of ["1006", "999", "5000", "x"]) {
      await page.fill("#close-code", wrong);
      await page.press("#close-code", "Enter");
      await page.locator("#tools-error").filter({ hasText: "3000 to 4999" }).waitFor();
    }
    await say(page, "still here");
    await said(page, "still here");
    // The log is drawn after the conversation.
    await page.locator("#frames tr.sent").first().waitFor();
    assert.equal(await page.locator("#frames tr.sent").count(), 1);
  },

  async "closing with a code shows it, and the page can connect again"() {
    const page = await tab("echo");
    await page.fill("#close-code", "4000");
    await page.press("#close-code", "Enter");
    await page.locator("#link-text").filter({ hasText: "Closed by you (4000)" }).waitFor();
    assert.equal(await page.locator("#run").isDisabled(), true);
    await page.click("#link-button");
    await connected(page);
    await say(page, "back");
    await said(page, "back");
  },

  async "the source on the page is the handler's own file and does not know farrier"() {
    for (const handler of ["chat", "timer", "echo"]) {
      const page = await tab(handler);
      await page.locator("#source").filter({ hasText: `-module(${handler}_handler).` }).waitFor();
      await page.locator("#code-tally").filter({ hasText: ", 0 mention farrier" }).waitFor();
    }
  },

  async "the keyboard alone picks a handler and talks to it"() {
    const page = await tab("chat");
    await page.focus("#picker input[value=chat]");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await page.locator("#code-file").filter({ hasText: "echo_handler.erl" }).waitFor();
    await connected(page);
    for (let steps = 0; steps < 10; steps += 1) {
      if (await page.evaluate(() => document.activeElement.id === "message")) break;
      await page.keyboard.press("Tab");
    }
    await page.keyboard.type("by hand");
    await page.keyboard.press("Enter");
    await said(page, "by hand");
    assert.ok(page.url().endsWith("#echo"));
  },

  async "nothing sticks out sideways from a 320 pixel phone to a wide screen, in light and dark"() {
    for (const scheme of ["light", "dark"]) {
      for (const [name, width, height] of [["desktop", 1440, 900], ["tablet", 820, 1100], ["phone", 390, 844], ["small", 320, 640]]) {
        const page = await tab("echo");
        await page.emulateMedia({ colorScheme: scheme });
        await page.setViewportSize({ width, height });
        await say(page, "Is the iron hot?");
        await page.click("#mebibyte");
        await said(page, "every byte as sent");
        await run(page);
        const [wide, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
        assert.ok(wide <= seen, `${name} ${scheme}: ${wide} > ${seen}`);
        await shoot(page, `${name}-${scheme}`);
      }
    }
  },

  async "no console error and no request to elsewhere in all of the above"() {
    assert.deepEqual(complaints, []);
    assert.deepEqual(outside, []);
  },

  async "when the server goes, the page says so, keeps trying, and is back when the server is"() {
    const page = await tab("echo");
    await say(page, "before");
    await said(page, "before");
    process.kill(pid, "SIGTERM");
    await page.locator("#banner-title").filter({ hasText: "The server is gone." }).waitFor();
    await page.waitForSelector("#link[data-state=waiting]");
    await page.locator("#banner-text").filter({ hasText: /Attempt [2-9]/ }).waitFor();
    assert.equal(await page.locator("#composer button").isDisabled(), true);
    await shoot(page, "server-gone");
    await gone(pid);
    const successor = await startDemo(new URL(url).port);
    try {
      await connected(page);
      await page.locator("#banner").waitFor({ state: "hidden" });
      await say(page, "after");
      await said(page, "after");
    } finally {
      await stopDemo(successor);
    }
  },
};

// Processes

async function gone(process_id) {
  for (let left = PATIENCE_MS; left > 0; left -= 50) {
    try {
      process.kill(process_id, 0);
    } catch {
      return;
    }
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`process ${process_id} does not end on SIGTERM`);
}

/** Another demo on the port of the one that was stopped. */
async function startDemo(port) {
  const child = spawn(join(ROOT, "scripts/demo"), { env: { ...process.env, DEMO_PORT: port }, stdio: ["ignore", "pipe", "inherit"] });
  let out = "";
  await new Promise((done, failed) => {
    child.on("exit", (status) => failed(new Error(`the demo ended with status ${status}`)));
    child.stdout.on("data", (data) => {
      out += data;
      if (/http:\S+/.test(out)) done();
    });
  });
  assert.ok(out.includes(url), `the demo is not back at ${url}: ${out}`);
  return child;
}

async function stopDemo(child) {
  const ended = new Promise((done) => child.once("exit", done));
  child.kill("SIGTERM");
  assert.equal(await ended, 0, "the demo ends with status 0 on SIGTERM");
}

// Running

/** The Chromium to drive. */
function browser() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const names = ["chromium", "chromium-browser", "google-chrome"];
  const candidates = process.env.PATH.split(delimiter).flatMap((directory) => names.map((name) => join(directory, name)));
  const found = candidates.find((candidate) => existsSync(candidate));
  if (!found) throw new Error(`none of ${names.join(", ")} is in the PATH; run 'make deps' or set CHROMIUM`);
  return found;
}

/** The driver, with one sentence instead of a stack trace where it is missing. */
function driver() {
  try {
    return createRequire(join(CLIENTS, "package.json"))("playwright-core");
  } catch {
    throw new Error(`playwright-core is not installed in ${CLIENTS}; run 'make deps'`);
  }
}

async function main() {
  const { chromium } = driver();
  const profile = mkdtempSync(join(tmpdir(), "farrier-browser-"));
  mkdirSync(SHOTS, { recursive: true });
  const counts = { passed: 0, failed: 0 };
  try {
    context = await chromium.launchPersistentContext(profile, {
      executablePath: browser(), headless: true, args: FLAGS,
    });
    for (const [name, test] of Object.entries(tests)) await attempt(name, test, counts);
  } finally {
    await context?.close();
    rmSync(profile, { recursive: true, force: true });
  }
  console.log(`${counts.passed} passed, ${counts.failed} failed`);
  return counts.failed === 0 ? 0 : 1;
}

async function attempt(name, test, counts) {
  try {
    await test();
    counts.passed += 1;
    console.log(`ok      ${name}`);
  } catch (error) {
    counts.failed += 1;
    console.log(`FAILED  ${name}\n        ${String(error.message ?? error).replaceAll("\n", "\n        ")}`);
  }
  // A persistent context ends with its last page, so the first, blank one stays.
  await Promise.all(context.pages().slice(1).map((page) => page.close()));
}

main().then(process.exit, (error) => {
  console.error(error.message);
  process.exit(2);
});
