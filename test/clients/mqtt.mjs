// The npm package `mqtt` against MQTT over WebSocket: node mqtt.mjs URL COUNT. Exits 0 after one line of JSON: the subprotocol,
// what two clients have sent each other in COUNT messages each way (how many, all in order), the will of a third one whose
// socket is cut, and the code with which the server closed after an orderly end.
// With HOLD=1 it says `connected' once both clients are, and goes on with the next line of its input.
import { once } from 'node:events';
import { createRequire } from 'node:module';

const require = createRequire(`${process.env.FARRIER_CLIENTS}/`);
const mqtt = require('mqtt');
const WebSocket = require('ws');
const [url, count] = [process.argv[2], Number(process.argv[3])];

async function connect(clientId, more = {}) {
    let socket;
    const client = await mqtt.connectAsync(url, {
        clientId, username: 'guest', password: 'guest', protocolVersion: 4, reconnectPeriod: 0, connectTimeout: 20000,
        createWebsocket: (address, subprotocols, options) => {
            socket = new WebSocket(address, subprotocols, options.wsOptions);
            return socket;
        },
        ...more,
    });
    return { client, socket };
}

// Resolves with the payloads once `wanted` of them have come on this topic.
function collect({ client }, topic, wanted) {
    const seen = [];
    return new Promise((resolve) => {
        client.on('message', (on, payload) => {
            if (on === topic && seen.push(payload.toString()) === wanted) resolve(seen);
        });
    });
}

// Each message is acknowledged by the broker.
async function publish({ client }, topic, prefix) {
    await Promise.all(Array.from({ length: count }, (_, i) => client.publishAsync(topic, `${prefix}${i}`, { qos: 1 })));
}

const summary = (seen, prefix) => ({ count: seen.length, inOrder: seen.every((text, i) => text === `${prefix}${i}`) });

const [left, right] = await Promise.all([connect('left'), connect('right')]);
if (process.env.HOLD) {
    console.log('connected');
    await once(process.stdin, 'data');
}
await Promise.all([left.client.subscribeAsync('to/left', { qos: 1 }), right.client.subscribeAsync('to/right', { qos: 1 })]);
const received = [collect(left, 'to/left', count), collect(right, 'to/right', count)];
await Promise.all([publish(left, 'to/right', 'l'), publish(right, 'to/left', 'r')]);
const [byLeft, byRight] = await Promise.all(received);

await right.client.subscribeAsync('will', { qos: 1 });
const wills = collect(right, 'will', 1);
const doomed = await connect('doomed', { will: { topic: 'will', payload: 'cut off', qos: 1 } });
doomed.socket.terminate();
const [will] = await wills;

const closed = once(left.socket, 'close');
await left.client.endAsync();
const [end] = await closed;
await right.client.endAsync();

console.log(JSON.stringify({
    subprotocol: left.socket.protocol, left: summary(byLeft, 'r'), right: summary(byRight, 'l'), will, end,
}));
process.exit(0);
