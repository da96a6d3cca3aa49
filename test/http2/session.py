"""What a well-behaved client of HTTP/2 sees: python3 session.py CASE PORT [ROOT], ROOT being a certificate where the port speaks TLS.

Each case ends with what it saw as one line of JSON: a farrier and a real Cowboy are to show the same.
"""

import json
import re
import sys

from peer import ENABLE_CONNECT_PROTOCOL, Peer, WebSocket, trusting

PORT = int(sys.argv[2])
TLS = trusting(sys.argv[3]) if len(sys.argv) > 3 else None
BODY = bytes(n * 7 % 251 for n in range(300_000))


def peer(**options):
    return Peer(PORT, TLS, **options)


def shown(answer):
    """An answer without what differs from time to time, or since 2.10; headers in order of their names, for Cowboy's are a map."""
    if answer[0] == "reset":
        return answer
    status, headers, body, trailers = answer
    for date in headers.pop("date", []):
        assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", date), date
    headers["set-cookie"] = [cookie.removesuffix("; Version=1") for cookie in headers.get("set-cookie", [])]
    return status, sorted(headers.items()), body.decode("latin1"), trailers


def requests_of_every_kind():
    one = peer()
    asked = [
        one.get("/hello"),
        one.get("/hello", "HEAD"),
        one.get("/none"),
        one.get("/missing"),
        one.get("/crash"),
        one.get("/cookies", headers=[("cookie", "x=1"), ("cookie", "y=2")]),
        one.get("/echo", "POST", body=b"small"),
        one.get("/echo", "POST", body=b""),
        one.get("/unread", "POST", body=b"small"),
        one.get("/loop"),
        one.get("/rest"),
        one.get("/rest", headers=[("accept", "image/png")]),
        one.get("/trailers", headers=[("te", "trailers")]),
        one.get("/streamed"),
        one.get("/streamed", "HEAD"),
    ]
    return [shown(answer) for answer in asked]


def the_req_is_as_cowboys():
    one = peer()
    seen = [
        one.get("/req"),
        one.get("/req/a%20b?q=1&r", headers=[("X-A", "1"), ("x-a", "2"), ("x-b", "")]),
        one.get("/req", "POST", headers=[("content-length", "5")], body=b"hello"),
        one.get("/req", "POST", body=b"hello"),
        one.get("/req", "PUT", body=b""),
        one.get("/req", "DELETE"),
    ]
    return [shown(answer)[2].replace(one.authority.rpartition(":")[2], "PORT") for answer in seen]


def bodies_of_any_size_come_and_go_whole():
    one = peer()
    assert one.get("/echo", "POST", body=BODY)[2] == BODY
    assert one.get("/count", "POST", body=bytes(10_000_000))[2] == b"10000000"
    assert one.get("/large/10000000")[2] == b"x" * 10_000_000
    file = one.get("/file")[2]
    assert len(file) > 1000 and int(one.get("/file")[1]["content-length"][0]) == len(file)
    # Cowboy 2.8 does not give an unread body's share of the connection's window back.
    return peer().get("/unread", "POST", body=BODY[:50_000])[0]


def unread_bodies_give_their_window_back():
    one = peer()
    return [one.get("/unread", "POST", body=BODY[:50_000])[0] for _ in range(100)]


def a_hundred_streams_at_once():
    one = peer()
    streams = [one.ask("POST", "/echo", end=False) for _ in range(100)]
    for at, stream in enumerate(streams):
        one.send(stream, b"%d" % at, end=True)
    for at, stream in reversed(list(enumerate(streams))):
        assert one.answer(stream)[2] == b"%d" % at
    return True


def stream_handlers_are_asked():
    return shown(peer().get("/hello", headers=[("accept-encoding", "gzip")]))[1]


def websockets_echo():
    one = peer()
    assert one.settings[ENABLE_CONNECT_PROTOCOL].new_value == 1
    ws = WebSocket(one)
    seen = [ws.status, sorted(name for name, _ in ws.headers)]
    for payload in [b"", b"hello", b"x" * 126, b"x" * 65536, b"x" * 300_000]:
        for opcode in 1, 2:
            ws.send(opcode, payload)
            assert ws.frame() == (opcode, payload)
    ws.send(1, b"one, ", fin=False)
    ws.send(9, b"between")
    ws.send(0, b"two", fin=True)
    ws.send(9)
    ws.send(10, b"unasked")
    ws.text("Grüße")
    return seen + [(opcode, payload.decode()) for opcode, payload in (ws.frame() for _ in range(4))]


def websockets_end():
    one, seen = peer(), []
    for opcode, payload in [(8, b""), (8, b"\x03\xe8bye"), (8, b"\x0f\xa0"), (1, b"close"), (1, b"stop"), (1, b"crash"), (3, b""), (1, b"\xff")]:
        ws = WebSocket(one)
        ws.send(opcode, payload)
        frames = []
        while last := ws.frame():
            frames.append((last[0], last[1].decode("latin1")))
        seen.append((opcode, payload.decode("latin1"), frames, ws.ended))
    # The connection goes on.
    return seen + [one.get("/hello")[0]]


def several_websockets_on_one_connection():
    one = peer()
    sockets = [WebSocket(one, f"/ws/{n}") for n in range(20)]
    for n, ws in enumerate(sockets):
        ws.text(f"to {n}")
    assert one.get("/hello")[2] == b"hello"
    for n, ws in reversed(list(enumerate(sockets))):
        assert ws.frame() == (1, b"to %d" % n)
    sockets[3].send(8)
    assert sockets[3].frame() == (8, b"")
    one.h2.reset_stream(sockets[4].stream, 8)
    one.flush()
    sockets[5].text("still here")
    return sockets[5].frame()[1].decode()


def extensions_are_negotiated():
    one, seen = peer(), []
    for offer in ["permessage-deflate", "permessage-deflate; client_max_window_bits", "x-webkit-deflate-frame", "unknown"]:
        ws = WebSocket(one, headers=[("sec-websocket-extensions", offer)])
        seen.append(dict(ws.headers).get("sec-websocket-extensions"))
    return seen


def compressed_messages_come_back():
    ws = WebSocket(peer(), headers=[("sec-websocket-extensions", "permessage-deflate")])
    ws.send(1, bytes.fromhex("f248cdc9c90700"), rsv1=True)
    ws.send(1, bytes.fromhex("f248cdc9c90700"), rsv1=True)
    return [(opcode, payload.hex()) for opcode, payload in (ws.frame(), ws.frame())]


def a_websocket_is_served_by_the_process_of_its_request():
    ws = WebSocket(peer())
    ws.text("same process")
    return ws.frame()[1].decode()


def bad_websocket_requests():
    one = peer()
    asked = [dict(version=None), dict(version="12"), dict(version="x"), dict(version="8"), dict(version="7"), dict(protocol="WebSocket"),
             dict(headers=[("sec-websocket-extensions", "a;;")])]
    return [WebSocket(one, **options).status for options in asked]


def other_protocols():
    """Cowboy says 400 up to 2.12, and 501 since."""
    one = peer()
    return [WebSocket(one, protocol="other").status, one.get("/ws")[0]]


def a_reset_ends_the_handler():
    one = peer()
    ws = WebSocket(one)
    ws.text("hello")
    ws.frame()
    one.h2.reset_stream(ws.stream, 8)
    one.flush()
    return one.get("/hello")[0]


def a_trapping_handler_is_told_of_a_reset():
    one = peer()
    ws = WebSocket(one, "/trapping")
    ws.text("hello")
    ws.frame()
    one.h2.reset_stream(ws.stream, 8)
    one.flush()
    return one.get("/hello")[0]


def websockets_are_refused():
    one = Peer(PORT, TLS)
    assert ENABLE_CONNECT_PROTOCOL not in one.settings or one.settings[ENABLE_CONNECT_PROTOCOL].new_value == 0
    ws = WebSocket(one)
    return ws.status, getattr(ws, "reset", None), one.get("/hello")[0]


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](), ensure_ascii=True))
