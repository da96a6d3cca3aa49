"""The Python package `websockets`, which compresses, against a farrier listener: python3 websockets_deflate.py URL.

Ends with a line that counts the checks.
"""

import asyncio
import sys

from websockets.asyncio.client import connect
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory as Offer

TEXTS = ["", "hello", "Grüße", "x" * 100_000, str(list(range(20_000)))]
OFFERS = [
    Offer(),
    Offer(server_no_context_takeover=True, client_no_context_takeover=True),
    Offer(server_max_window_bits=10, client_max_window_bits=10),
]


async def main():
    checks = 0
    for offer in OFFERS:
        async with asyncio.timeout(60), connect(sys.argv[1], extensions=[offer], compression=None, max_size=None) as socket:
            assert socket.response.headers["Sec-WebSocket-Extensions"].startswith("permessage-deflate")
            for text in TEXTS * 2:
                await socket.send(text)
                assert await socket.recv() == text
                await socket.send(text.encode())
                assert await socket.recv() == text.encode()
                checks += 1
            await socket.send([text for text in TEXTS])
            assert await socket.recv() == "".join(TEXTS)
            checks += 1
    print(f"{checks} checks")


asyncio.run(main())
