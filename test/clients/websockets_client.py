"""The Python package `websockets` against a farrier listener: python3 websockets_client.py URL.

Exits 0 after one line that counts the checks.
"""

import asyncio
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

URL = sys.argv[1]


async def text_comes_back(socket):
    for text in ["hello", "", "Grüße, привет, 👋", "x" * 125, "x" * 126, "x" * 65536]:
        await socket.send(text)
        assert await socket.recv() == text


async def binary_comes_back(socket):
    for size in [0, 1, 125, 126, 65535, 65536]:
        await socket.send(bytes(size))
        assert await socket.recv() == bytes(size)


async def a_mebibyte_comes_back(socket):
    for message in ["é" * (1 << 19), bytes(1 << 20)]:
        await socket.send(message)
        assert await socket.recv() == message


async def a_thousand_messages_come_back_in_order(socket):
    async def send():
        for number in range(1000):
            await socket.send(f"message {number}")

    sending = asyncio.create_task(send())
    for number in range(1000):
        assert await socket.recv() == f"message {number}"
    await sending


async def fragments_are_one_message(socket):
    await socket.send(["one, ", "two, ", "three"])
    assert await socket.recv() == "one, two, three"
    await socket.send([b"\x00", b"", b"\xff"])
    assert await socket.recv() == b"\x00\xff"


async def pings_are_answered(socket):
    for payload in [b"", b"p", b"p" * 125]:
        await (await socket.ping(payload))


async def an_unasked_pong_does_no_harm(socket):
    await socket.pong(b"x")
    await socket.send("still here")
    assert await socket.recv() == "still here"


async def compression_is_declined(socket):
    assert "Sec-WebSocket-Extensions" not in socket.response.headers


def client_closes(code):
    async def check(socket):
        await socket.close(code, "bye")
        assert socket.close_code == code, socket.close_code
        # A peer's reason is not echoed.
        assert socket.close_reason == "", socket.close_reason

    return check


def server_closes(code):
    async def check(socket):
        await socket.send(f"close {code} going away")
        try:
            await socket.recv()
        except ConnectionClosed as closed:
            assert (closed.rcvd.code, closed.rcvd.reason) == (code, "going away"), closed.rcvd
        else:
            raise AssertionError("a message instead of the end")

    return check


CHECKS = [
    text_comes_back,
    binary_comes_back,
    a_mebibyte_comes_back,
    a_thousand_messages_come_back_in_order,
    fragments_are_one_message,
    pings_are_answered,
    an_unasked_pong_does_no_harm,
    compression_is_declined,
    *[closes(code) for closes in (client_closes, server_closes) for code in (1000, 1001, 1011, 3000, 4999)],
]


async def main():
    for check in CHECKS:
        async with asyncio.timeout(20), connect(URL, max_size=None) as socket:
            await check(socket)
    async with connect(URL, subprotocols=["chat", "superchat"]) as socket:
        assert socket.subprotocol == "chat"
    print(f"{len(CHECKS) + 1} checks")


asyncio.run(main())
