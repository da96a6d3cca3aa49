// The npm package `ws`, which compresses, against a farrier listener: node ws_deflate.mjs URL. Ends with a line that counts the checks.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createRequire } from 'node:module';

const WebSocket = createRequire(`${process.env.FARRIER_CLIENTS}/`)('ws');
const url = process.argv[2];
const offers = [
    [{}, /^permessage-deflate/],
    [{ serverNoContextTakeover: true, clientNoContextTakeover: true }, /server_no_context_takeover/],
    [{ serverMaxWindowBits: 10, clientMaxWindowBits: 10 }, /server_max_window_bits=10/],
];
let checks = 0;
for (const [options, expected] of offers) {
    const socket = new WebSocket(url, { perMessageDeflate: { threshold: 0, ...options } });
    await once(socket, 'open');
    assert.match(Object.keys(socket._extensions)[0], /^permessage-deflate$/);
    assert.match(await header(options), expected);
    const texts = ['', 'hello', 'Grüße', 'x'.repeat(100000), JSON.stringify(Array.from({ length: 5000 }, (_, n) => ({ n })))];
    for (const text of [...texts, ...texts]) {
        socket.send(text);
        assert.equal((await once(socket, 'message'))[0].toString(), text);
        checks++;
    }
    for (let n = 0; n < 500; n++) socket.send(`message ${n}`);
    for (let n = 0; n < 500; n++) {
        if (n === 0) socket.inbox = [];
        await new Promise((resolve) => {
            if (!socket.listening) {
                socket.listening = true;
                socket.on('message', (data) => { socket.inbox.push(data.toString()); socket.wake?.(); });
            }
            socket.wake = () => socket.inbox.length > n && resolve();
            socket.wake();
        });
        assert.equal(socket.inbox[n], `message ${n}`);
    }
    checks++;
    socket.close(4000, 'bye');
    assert.equal((await once(socket, 'close'))[0], 4000);
}
console.log(`${checks} checks`);

async function header(options) {
    const socket = new WebSocket(url, { perMessageDeflate: options });
    const opened = once(socket, 'open');
    const [response] = await once(socket, 'upgrade');
    await opened;
    socket.terminate();
    return response.headers['sec-websocket-extensions'];
}
