// The npm package `ws` against a farrier listener: node ws.mjs URL. Exits 0 after one line that counts the checks.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createRequire } from 'node:module';

const WebSocket = createRequire(`${process.env.FARRIER_CLIENTS}/`)('ws');
const url = process.argv[2];

async function connect(protocols = [], options = {}) {
    const socket = new WebSocket(url, protocols, options);
    socket.inbox = [];
    socket.waiting = [];
    socket.on('message', (data, isBinary) => {
        const message = isBinary ? data : data.toString();
        const waiter = socket.waiting.shift();
        waiter ? waiter(message) : socket.inbox.push(message);
    });
    await once(socket, 'open');
    return socket;
}

const next = (socket) =>
    socket.inbox.length ? Promise.resolve(socket.inbox.shift()) : new Promise((resolve) => socket.waiting.push(resolve));

async function echoed(socket, message) {
    socket.send(message);
    assert.deepEqual(await next(socket), message);
}

async function closed(socket) {
    const [code, reason] = await once(socket, 'close');
    return [code, reason.toString()];
}

const checks = {
    async 'text comes back'(socket) {
        for (const text of ['hello', '', 'Grüße, привет, 👋', 'x'.repeat(125), 'x'.repeat(126), 'x'.repeat(65536)]) await echoed(socket, text);
    },
    async 'binary comes back'(socket) {
        for (const size of [0, 1, 125, 126, 65535, 65536]) await echoed(socket, Buffer.alloc(size, size & 255));
    },
    async 'a mebibyte comes back'(socket) {
        await echoed(socket, 'é'.repeat(1 << 19));
        await echoed(socket, Buffer.alloc(1 << 20, 7));
    },
    async 'a thousand messages come back in order'(socket) {
        for (let n = 0; n < 1000; n++) socket.send(`message ${n}`);
        for (let n = 0; n < 1000; n++) assert.equal(await next(socket), `message ${n}`);
    },
    async 'fragments are one message'(socket) {
        socket.send('one, ', { fin: false });
        socket.send('two, ', { fin: false });
        socket.send('three', { fin: true });
        assert.equal(await next(socket), 'one, two, three');
    },
    async 'a ping between fragments is answered'(socket) {
        socket.send('one, ', { fin: false });
        socket.ping('between');
        assert.equal((await once(socket, 'pong'))[0].toString(), 'between');
        socket.send('two', { fin: true });
        assert.equal(await next(socket), 'one, two');
    },
    async 'pings are answered'(socket) {
        for (const payload of ['', 'p', 'p'.repeat(125)]) {
            socket.ping(payload);
            assert.equal((await once(socket, 'pong'))[0].toString(), payload);
        }
    },
    async 'an unasked pong does no harm'(socket) {
        socket.pong('x');
        await echoed(socket, 'still here');
    },
    async 'compression is declined'(socket) {
        assert.equal(socket.extensions, '');
    },
};

for (const code of [1000, 1001, 1011, 3000, 4999]) {
    checks[`the client closes with ${code}`] = async (socket) => {
        socket.close(code, 'bye');
        assert.deepEqual(await closed(socket), [code, '']);
    };
    checks[`the server closes with ${code}`] = async (socket) => {
        socket.send(`close ${code} going away`);
        assert.deepEqual(await closed(socket), [code, 'going away']);
    };
}
checks['the client closes without a code'] = async (socket) => {
    socket.close();
    assert.deepEqual(await closed(socket), [1005, '']);
};

for (const [name, check] of Object.entries(checks)) {
    const socket = await connect();
    try {
        await check(socket);
    } catch (error) {
        console.error(`${name}: ${error.message}`);
        process.exit(1);
    }
    socket.terminate();
}

const spoken = await connect(['chat', 'superchat']);
assert.equal(spoken.protocol, 'chat');
spoken.terminate();
console.log(`${Object.keys(checks).length + 1} checks`);
