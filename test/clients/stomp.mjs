// The npm package `@stomp/stompjs` against STOMP over WebSocket: node stomp.mjs URL COUNT. Exits 0 after one line of JSON: the
// subprotocol and STOMP's version, what two clients have sent each other in COUNT messages each way (how many, all in order), and
// the code with which the connection closed after an orderly end. A third client's socket is cut.
import { once } from 'node:events';
import { createRequire } from 'node:module';

const require = createRequire(`${process.env.FARRIER_CLIENTS}/`);
const { Client } = require('@stomp/stompjs');
const WebSocket = require('ws');
const [url, count] = [process.argv[2], Number(process.argv[3])];

function connect() {
    return new Promise((resolve, reject) => {
        let socket;
        const client = new Client({
            connectHeaders: { login: 'guest', passcode: 'guest', host: '/' },
            heartbeatIncoming: 10000,
            // RabbitMQ 3.10's own monitor of a client's heartbeats crashes when flow control sets in, on any Cowboy.
            heartbeatOutgoing: 0,
            reconnectDelay: 0,
            webSocketFactory: () => {
                socket = new WebSocket(url, ['v12.stomp', 'v11.stomp', 'v10.stomp']);
                return socket;
            },
            onConnect: (frame) => resolve({ client, socket, version: frame.headers.version }),
            onStompError: (frame) => reject(new Error(frame.headers.message)),
            onWebSocketError: (event) => reject(new Error(event.message)),
        });
        client.activate();
    });
}

const receipt = ({ client }, id) => new Promise((resolve) => client.watchForReceipt(id, resolve));

// Returns once the broker has confirmed, with a promise of the messages.
async function subscribe(who, destination) {
    const seen = [];
    let resolve;
    const all = new Promise((done) => { resolve = done; });
    const confirmed = receipt(who, destination);
    who.client.subscribe(destination, (message) => {
        if (seen.push(message.body) === count) resolve(seen);
    }, { receipt: destination });
    await confirmed;
    return { all };
}

async function publish(who, destination, prefix) {
    const confirmed = receipt(who, prefix);
    for (let i = 0; i < count; i++) {
        who.client.publish({ destination, body: `${prefix}${i}`, headers: i === count - 1 ? { receipt: prefix } : {} });
    }
    await confirmed;
}

const summary = (seen, prefix) => ({ count: seen.length, inOrder: seen.every((text, i) => text === `${prefix}${i}`) });

const [left, right] = await Promise.all([connect(), connect()]);
const [toLeft, toRight] = await Promise.all([subscribe(left, '/topic/left'), subscribe(right, '/topic/right')]);
await Promise.all([publish(left, '/topic/right', 'l'), publish(right, '/topic/left', 'r')]);
const [byLeft, byRight] = await Promise.all([toLeft.all, toRight.all]);

const doomed = await connect();
doomed.socket.terminate();

const closed = once(left.socket, 'close');
await left.client.deactivate();
const [end] = await closed;
await right.client.deactivate();

console.log(JSON.stringify({
    subprotocol: left.socket.protocol, version: left.version, left: summary(byLeft, 'r'), right: summary(byRight, 'l'), end,
}));
process.exit(0);
