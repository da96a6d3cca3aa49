// Chromium against a farrier listener with TLS: node chromium.mjs URL. It opens its WebSockets on the HTTP/2 connection that
// it has (RFC 8441), and compresses (RFC 7692). Exits 0 after one line that says what it saw.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter } from 'node:path';

const { chromium } = createRequire(`${process.env.FARRIER_CLIENTS}/`)('playwright-core');
const url = process.argv[2];
const names = ['chromium', 'chromium-browser', 'google-chrome'];
const found = process.env.PATH.split(delimiter).flatMap((dir) => names.map((name) => `${dir}/${name}`));
const executablePath = process.env.CHROMIUM ?? found.find(existsSync);
const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking', '--disable-dev-shm-usage'],
});
const context = await browser.newContext({ ignoreHTTPSErrors: true });
const page = await context.newPage();
await page.goto(`${url}/hello`);
const protocol = await page.evaluate(() => performance.getEntriesByType('navigation')[0].nextHopProtocol);
assert.equal(protocol, 'h2');
const devtools = await context.newCDPSession(page);
await devtools.send('Network.enable');
const handshakes = [];
devtools.on('Network.webSocketHandshakeResponseReceived', ({ response }) => handshakes.push(response));
const echoed = await page.evaluate(async (ws) => {
    const talk = async (n) => {
        const socket = new WebSocket(`${ws}/ws/${n}`);
        await new Promise((resolve, reject) => Object.assign(socket, { onopen: resolve, onerror: reject }));
        const seen = [];
        for (const text of ['', 'hello', 'é'.repeat(100000)]) {
            socket.send(text);
            seen.push(text === (await new Promise((resolve) => { socket.onmessage = (event) => resolve(event.data); })));
        }
        const closed = new Promise((resolve) => { socket.onclose = resolve; });
        socket.close(4000, 'bye');
        const { code, wasClean } = await closed;
        return [...seen, code, wasClean, socket.extensions];
    };
    return Promise.all([1, 2, 3].map(talk));
}, url.replace('https', 'wss'));
for (const seen of echoed) {
    assert.deepEqual(seen.slice(0, 5), [true, true, true, 4000, true]);
    assert.match(seen[5], /^permessage-deflate/);
}
await browser.close();
// Over HTTP/2 the answer is 200, over HTTP/1.1 101.
assert.deepEqual(handshakes.map(({ status }) => status), [200, 200, 200]);
console.log(`${protocol}, ${echoed.length} WebSockets, ${echoed[0][5]}`);
