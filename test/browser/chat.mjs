// Two people in the chat of examples/chat, in headless Chromium: node test/browser/chat.mjs URL
//
// Needs playwright-core in CLIENTS_DIR (default _build/clients) and CHROMIUM (default: the first in the PATH). The exit status is 0
// if the page does what it should, 1 if not.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";

const ROOT = resolve(fileURLToPath(import.meta.url), "../../..");
const CLIENTS = resolve(ROOT, process.env.CLIENTS_DIR ?? "_build/clients");
const url = process.argv[2];
const complaints = [];

function chromium() {
  const places = process.env.PATH.split(delimiter);
  const names = ["chromium", "chromium-browser", "google-chrome"];
  return process.env.CHROMIUM ?? names.flatMap((name) => places.map((place) => join(place, name))).find(existsSync);
}

async function person(browser, name) {
  const page = await (await browser.newContext()).newPage();
  page.setDefaultTimeout(20_000);
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(url);
  await page.fill("#name", name);
  await page.press("#name", "Enter");
  await page.waitForSelector(`#people >> text=${name}`);
  return page;
}

const said = (page, text) => page.locator("#talk li").filter({ hasText: text }).first().waitFor();
const texts = (page, list) => page.locator(`${list} li`).allInnerTexts();

async function main() {
  const playwright = createRequire(join(CLIENTS, "package.json"))("playwright-core");
  const browser = await playwright.chromium.launch({ executablePath: chromium(), args: ["--no-sandbox", "--disable-gpu"] });
  try {
    const ada = await person(browser, "Ada");
    const bob = await person(browser, "Bob");
    await said(ada, "Bob came in");
    await bob.locator("#text").pressSequentially("Stri");
    await ada.waitForSelector("text=Bob is typing");
    await bob.fill("#text", "Strike <b>now</b>!");
    await bob.press("#text", "Enter");
    await said(ada, "Bob Strike <b>now</b>!");
    assert.deepEqual(await texts(ada, "#people"), ["Ada", "Bob"]);

    await bob.fill("#room", "forge");
    await bob.press("#room", "Enter");
    await bob.waitForSelector("text=#forge");
    await said(ada, "Bob left");
    await ada.waitForSelector("#rooms >> text=forge");
    assert.deepEqual(await texts(ada, "#rooms"), ["forge 1", "lobby 1"]);
    assert.deepEqual(await texts(bob, "#people"), ["Bob"]);

    // Who comes later sees what was said.
    await said(await person(browser, "Eve"), "Bob Strike <b>now</b>!");
    assert.deepEqual(complaints, []);
  } finally {
    await browser.close();
  }
}

await main();
