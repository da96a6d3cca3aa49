"""What no proper client of HTTP/2 does: python3 hostile.py CASE PORT. Ends with `ok` if the server did as RFC 9113 says.

Each case has a witness, a WebSocket on a connection of its own, which must not notice anything.
"""

import select
import socket
import struct
import sys

import hpack

from peer import Peer, WebSocket, frame

PORT = int(sys.argv[2])
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8
PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED, FRAME_SIZE_ERROR, COMPRESSION_ERROR, ENHANCE_YOUR_CALM = 1, 3, 5, 6, 9, 11


def raw(kind, flags, stream, payload=b"", length=None):
    """A frame (RFC 9113 4.1), with a length of its own choice."""
    size = len(payload) if length is None else length
    return struct.pack("!I", size)[1:] + struct.pack("!BBI", kind, flags, stream) + payload


def block(*fields, path="/hello", method="GET"):
    head = [(":method", method), (":scheme", "http"), (":authority", "localhost"), (":path", path)]
    return hpack.Encoder().encode(head + list(fields))


def only(*fields):
    return hpack.Encoder().encode(fields)


def number(value):
    return struct.pack("!I", value)


def setting(name, value):
    return raw(SETTINGS, 0, 0, struct.pack("!HI", name, value))


OPEN = raw(HEADERS, END_HEADERS, 1, block(method="POST", path="/count"))
ASKED = raw(HEADERS, END_HEADERS | END_STREAM, 1, block())

# Bytes after the preface, and the code of the GOAWAY.
CONNECTION_ERRORS = {
    "DATA without a stream (6.1)": (raw(DATA, 0, 0, b"x"), PROTOCOL_ERROR),
    "DATA of an idle stream (5.1)": (raw(DATA, 0, 1, b"x"), PROTOCOL_ERROR),
    "DATA with more padding than payload (6.1)": (OPEN + raw(DATA, PADDED, 1, b"\x05xx"), PROTOCOL_ERROR),
    "HEADERS without a stream (6.2)": (raw(HEADERS, END_HEADERS | END_STREAM, 0, block()), PROTOCOL_ERROR),
    "HEADERS of a stream with an even number (5.1.1)": (raw(HEADERS, END_HEADERS | END_STREAM, 2, block()), PROTOCOL_ERROR),
    "HEADERS with more padding than payload (6.2)": (raw(HEADERS, PADDED | END_HEADERS, 1, b"\xff" + block()), PROTOCOL_ERROR),
    "a new stream with a lower number (5.1.1)": (
        raw(HEADERS, END_HEADERS | END_STREAM, 5, block()) + raw(HEADERS, END_HEADERS | END_STREAM, 3, block()), PROTOCOL_ERROR),
    "a frame beyond SETTINGS_MAX_FRAME_SIZE (4.2)": (OPEN + raw(DATA, 0, 1, bytes(16385)), FRAME_SIZE_ERROR),
    "headers beyond SETTINGS_MAX_FRAME_SIZE (4.2)": (raw(HEADERS, END_HEADERS, 1, bytes(16385)), FRAME_SIZE_ERROR),
    "PRIORITY without a stream (6.3)": (raw(PRIORITY, 0, 0, bytes(5)), PROTOCOL_ERROR),
    "RST_STREAM without a stream (6.4)": (raw(RST_STREAM, 0, 0, number(8)), PROTOCOL_ERROR),
    "RST_STREAM of an idle stream (6.4)": (raw(RST_STREAM, 0, 1, number(8)), PROTOCOL_ERROR),
    "RST_STREAM of 3 bytes (6.4)": (OPEN + raw(RST_STREAM, 0, 1, bytes(3)), FRAME_SIZE_ERROR),
    "SETTINGS of a stream (6.5)": (raw(SETTINGS, 0, 1), PROTOCOL_ERROR),
    "SETTINGS of 5 bytes (6.5)": (raw(SETTINGS, 0, 0, bytes(5)), FRAME_SIZE_ERROR),
    "SETTINGS that acknowledge and set (6.5)": (raw(SETTINGS, ACK, 0, bytes(6)), FRAME_SIZE_ERROR),
    "ENABLE_PUSH of 2 (6.5.2)": (setting(2, 2), PROTOCOL_ERROR),
    "INITIAL_WINDOW_SIZE above 2^31-1 (6.5.2)": (setting(4, 1 << 31), FLOW_CONTROL_ERROR),
    "MAX_FRAME_SIZE below 16384 (6.5.2)": (setting(5, 16383), PROTOCOL_ERROR),
    "MAX_FRAME_SIZE above 2^24-1 (6.5.2)": (setting(5, 1 << 24), PROTOCOL_ERROR),
    "ENABLE_CONNECT_PROTOCOL of 2 (RFC 8441 3)": (setting(8, 2), PROTOCOL_ERROR),
    "PUSH_PROMISE of a client (8.4)": (OPEN + raw(PUSH_PROMISE, END_HEADERS, 1, number(2) + block()), PROTOCOL_ERROR),
    "PING of a stream (6.7)": (raw(PING, 0, 1, bytes(8)), PROTOCOL_ERROR),
    "PING of 7 bytes (6.7)": (raw(PING, 0, 0, bytes(7)), FRAME_SIZE_ERROR),
    "GOAWAY of a stream (6.8)": (raw(GOAWAY, 0, 1, bytes(8)), PROTOCOL_ERROR),
    "WINDOW_UPDATE of an idle stream (5.1)": (raw(WINDOW_UPDATE, 0, 1, number(1)), PROTOCOL_ERROR),
    "WINDOW_UPDATE of nothing (6.9)": (raw(WINDOW_UPDATE, 0, 0, number(0)), PROTOCOL_ERROR),
    "WINDOW_UPDATE of 3 bytes (6.9)": (raw(WINDOW_UPDATE, 0, 0, bytes(3)), FRAME_SIZE_ERROR),
    "a window above 2^31-1 (6.9.1)": (raw(WINDOW_UPDATE, 0, 0, number((1 << 31) - 1)), FLOW_CONTROL_ERROR),
    "CONTINUATION of nothing (6.10)": (raw(CONTINUATION, END_HEADERS, 1, block()), PROTOCOL_ERROR),
    "CONTINUATION after END_HEADERS (6.10)": (OPEN + raw(CONTINUATION, END_HEADERS, 1, block()), PROTOCOL_ERROR),
    "CONTINUATION of another stream (6.10)": (raw(HEADERS, 0, 1, block()) + raw(CONTINUATION, END_HEADERS, 3), PROTOCOL_ERROR),
    "DATA within a header block (6.2)": (OPEN + raw(HEADERS, 0, 3, block()) + raw(DATA, 0, 1, b"x"), PROTOCOL_ERROR),
    "an unknown frame within a header block (5.5)": (raw(HEADERS, 0, 1, block()) + raw(77, 0, 0), PROTOCOL_ERROR),
    "an index of nothing (RFC 7541 6.1)": (raw(HEADERS, END_HEADERS | END_STREAM, 1, b"\x80"), COMPRESSION_ERROR),
    "an index of no table (RFC 7541 2.3.3)": (raw(HEADERS, END_HEADERS | END_STREAM, 1, b"\xff\x00"), COMPRESSION_ERROR),
    "an endless integer (RFC 7541 5.1)": (raw(HEADERS, END_HEADERS | END_STREAM, 1, b"\xff" + b"\xff" * 20), COMPRESSION_ERROR),
    "a table larger than allowed (RFC 7541 6.3)": (raw(HEADERS, END_HEADERS | END_STREAM, 1, b"\x3f\xe1\xff\x03" + block()), COMPRESSION_ERROR),
    "a header block that ends early (RFC 7541 5.2)": (raw(HEADERS, END_HEADERS | END_STREAM, 1, block()[:-2]), COMPRESSION_ERROR),
}

# Bytes of stream 1, and the codes of its RST_STREAM; or the status of an answer.
STREAM_ERRORS = {
    "WINDOW_UPDATE of nothing (6.9)": (OPEN + raw(WINDOW_UPDATE, 0, 1, number(0)), [PROTOCOL_ERROR]),
    "a stream's window above 2^31-1 (6.9.1)": (OPEN + raw(WINDOW_UPDATE, 0, 1, number((1 << 31) - 1)), [FLOW_CONTROL_ERROR]),
    "upper case in a name (8.2)": (raw(HEADERS, END_HEADERS | END_STREAM, 1, block(("X-Upper", "1"))), [PROTOCOL_ERROR]),
    "connection (8.2.2)": (raw(HEADERS, END_HEADERS | END_STREAM, 1, block(("connection", "close"))), [PROTOCOL_ERROR]),
    "transfer-encoding (8.2.2)": (raw(HEADERS, END_HEADERS | END_STREAM, 1, block(("transfer-encoding", "chunked"))), [PROTOCOL_ERROR]),
    "te other than trailers (8.2.2)": (raw(HEADERS, END_HEADERS | END_STREAM, 1, block(("te", "gzip"))), [PROTOCOL_ERROR]),
    "an unknown pseudo header (8.3)": (raw(HEADERS, END_HEADERS | END_STREAM, 1, block((":what", "1"))), [PROTOCOL_ERROR]),
    "a response's pseudo header (8.3)": (raw(HEADERS, END_HEADERS | END_STREAM, 1, block((":status", "200"))), [PROTOCOL_ERROR]),
    "a pseudo header after others (8.3)": (
        raw(HEADERS, END_HEADERS | END_STREAM, 1, only(("x", "1"), (":method", "GET"), (":scheme", "http"), (":path", "/hello"))), [PROTOCOL_ERROR]),
    "two methods (8.3.1)": (raw(HEADERS, END_HEADERS | END_STREAM, 1, block((":method", "GET"))), [PROTOCOL_ERROR]),
    "no method (8.3.1)": (raw(HEADERS, END_HEADERS | END_STREAM, 1, only((":scheme", "http"), (":path", "/hello"))), [PROTOCOL_ERROR]),
    "no scheme (8.3.1)": (raw(HEADERS, END_HEADERS | END_STREAM, 1, only((":method", "GET"), (":path", "/hello"))), [PROTOCOL_ERROR]),
    "no path (8.3.1)": (raw(HEADERS, END_HEADERS | END_STREAM, 1, only((":method", "GET"), (":scheme", "http"), (":authority", "a"))), [PROTOCOL_ERROR]),
    "an empty path (8.3.1)": (raw(HEADERS, END_HEADERS | END_STREAM, 1, block(path="")), [PROTOCOL_ERROR]),
    "a content-length that is too large (8.1.1)": (
        raw(HEADERS, END_HEADERS, 1, block(("content-length", "5"), method="POST", path="/never")) + raw(DATA, END_STREAM, 1, b"x"), [PROTOCOL_ERROR]),
    "a content-length that is too small (8.1.1)": (
        raw(HEADERS, END_HEADERS, 1, block(("content-length", "1"), method="POST", path="/never")) + raw(DATA, 0, 1, b"xx"), [PROTOCOL_ERROR]),
    "trailers that do not end the stream (8.1)": (OPEN + raw(HEADERS, END_HEADERS, 1, only(("x", "1"))), [PROTOCOL_ERROR]),
    # hyper drops it.
    "trailers with a pseudo header (8.1)": (
        OPEN + raw(HEADERS, END_HEADERS | END_STREAM, 1, only((":path", "/"))), [PROTOCOL_ERROR, "answered 200"]),
    "DATA after the end of the stream (5.1)": (
        raw(HEADERS, END_HEADERS | END_STREAM, 1, block(path="/never")) + raw(DATA, 0, 1, b"x"), [STREAM_CLOSED, PROTOCOL_ERROR]),
    "DATA beyond the window (6.9.1)": (
        raw(HEADERS, END_HEADERS, 1, block(method="POST", path="/never")) + raw(DATA, 0, 1, bytes(16384)) * 9, [FLOW_CONTROL_ERROR]),
}

HARMLESS = {
    "an unknown frame (5.5)": raw(77, 255, 3, b"what"),
    "an unknown setting (6.5.2)": setting(999, 1),
    "PRIORITY of an idle stream (5.1)": raw(PRIORITY, 0, 7, bytes(5)),
    "an acknowledged PING that nobody sent (6.7)": raw(PING, ACK, 0, bytes(8)),
    "reserved bits (4.1)": raw(PING, 0, 1 << 31, bytes(8)),
}


def witness():
    ws = WebSocket(Peer(PORT))
    ws.text("before")
    assert ws.frame()[1] == b"before"
    return ws


def unharmed(ws):
    ws.text("after")
    assert ws.frame()[1] == b"after"
    assert Peer(PORT).get("/hello")[2] == b"hello"


def connection_errors():
    """hyper says PROTOCOL_ERROR where a code of its own would fit better (7)."""
    ends = [(name, code, ended_by(data)) for name, (data, code) in CONNECTION_ERRORS.items()]
    assert_none([f"{name}: {got}" for name, code, got in ends if got not in (code, PROTOCOL_ERROR)])


def ended_by(data):
    one = Peer(PORT)
    one.raw(data)
    return one.until_end()


def stream_errors():
    """A server may also end the connection (5.4.1)."""
    wrong = []
    for name, (data, codes) in STREAM_ERRORS.items():
        one = Peer(PORT)
        one.raw(data)
        got = reset_of(one, name)
        if got not in codes + [f"GOAWAY {code}" for code in codes]:
            wrong.append(f"{name}: {got}")
    assert_none(wrong)


def assert_none(wrong):
    assert not wrong, "\n".join(wrong)


def reset_of(one, name):
    """The code with which stream 1, or the connection, ends."""
    for kind, _, stream, payload in one.frames():
        if kind == RST_STREAM and stream == 1:
            return int.from_bytes(payload, "big")
        if kind == GOAWAY:
            return f"GOAWAY {int.from_bytes(payload[4:8], 'big')}"
        if kind == HEADERS and stream == 1:
            return f"answered {hpack.Decoder().decode(payload)[0][1]}"
    return f"{name}: closed"


def harmless_frames():
    for name, data in HARMLESS.items():
        one = Peer(PORT)
        one.raw(data)
        assert one.get("/hello")[2] == b"hello", name


def prefaces_that_are_none():
    for preface in [b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\n", b"PRI / HTTP/1.1\r\n\r\n", b"PRIVATE * HTTP/2.0\r\n\r\n", b"PR", b"\x00" * 100]:
        sock = socket.create_connection(("127.0.0.1", PORT), 15)
        sock.settimeout(15)
        sock.sendall(preface)
        sock.shutdown(socket.SHUT_WR)
        answer = b""
        while data := sock.recv(65536):
            answer += data
        assert answer == b"" or answer.startswith(b"HTTP/1.1 4") or answer.startswith(b"HTTP/1.1 5"), (preface, answer)


def pour(one, data, most):
    """Sends as the server takes it, reading nothing: the code of the GOAWAY, "closed", or "held" once the server takes no more."""
    one.socket.setblocking(False)
    sent = 0
    while sent < most:
        readable, writable, _ = select.select([one.socket], [one.socket], [], 1)
        if not writable:
            return "held"
        try:
            sent += one.socket.send(data)
        except (BrokenPipeError, ConnectionResetError):
            break
    else:
        return "taken"
    return "closed"


def outcome(one, data, most):
    """The same with a client that reads."""
    one.socket.settimeout(15)
    sent = 0
    buffer = b""
    while sent < most:
        try:
            one.socket.sendall(data)
            sent += len(data)
            while select.select([one.socket], [], [], 0)[0]:
                got = one.socket.recv(65536)
                if not got:
                    return goaway(buffer)
                buffer = (buffer + got)[-100_000:]
        except (BrokenPipeError, ConnectionResetError):
            return goaway(buffer)
    one.raw(raw(PING, 0, 0, b"farewell"))
    try:
        while got := one.socket.recv(65536):
            buffer = (buffer + got)[-100_000:]
            if b"farewell" in buffer:
                return "taken"
    except ConnectionResetError:
        pass
    return goaway(buffer)


def goaway(buffer):
    at = buffer.rfind(b"\x07\x00" + bytes(4))
    return int.from_bytes(buffer[at + 10 : at + 14], "big") if at >= 3 else "closed"


def reset_streams(path, count, method="GET", fields=(), end=b""):
    """CVE-2023-44487: requests that are given up at once."""
    one = Peer(PORT)
    encoder = hpack.Encoder()
    head = [(":method", method), (":scheme", "http"), (":authority", "localhost"), (":path", path), *fields]
    one.socket.settimeout(15)
    buffer = b""
    for stream in range(1, 2 * count, 2):
        try:
            one.raw(raw(HEADERS, END_HEADERS | (END_STREAM if method == "GET" else 0), stream, encoder.encode(head)) + (end or raw(RST_STREAM, 0, 0, number(8)))[:5]
                    + number(stream) + (end or raw(RST_STREAM, 0, 0, number(8)))[9:])
            while select.select([one.socket], [], [], 0)[0]:
                got = one.socket.recv(65536)
                if not got:
                    return goaway(buffer), stream // 2
                buffer += got
        except (BrokenPipeError, ConnectionResetError):
            return goaway(buffer), stream // 2
    return "taken", count


def rapid_reset_of_requests_that_wait():
    how, streams = reset_streams("/never", 20_000)
    assert how in (ENHANCE_YOUR_CALM, "closed") and streams < 10_000, (how, streams)


def rapid_reset_of_requests_that_are_answered():
    how, streams = reset_streams("/hello", 20_000)
    assert how in (ENHANCE_YOUR_CALM, "closed") and streams < 10_000, (how, streams)


def rapid_reset_of_websockets():
    fields = [(":protocol", "websocket"), ("sec-websocket-version", "13")]
    how, streams = reset_streams("/ws", 20_000, "CONNECT", fields)
    assert how in (ENHANCE_YOUR_CALM, "closed") and streams < 10_000, (how, streams)


def resets_that_the_server_is_made_to_send():
    """CVE-2025-8671: streams that the client makes the server reset."""
    # The first byte beyond the window resets a stream, and nothing else.
    how, streams = reset_streams("/never", 20_000, "POST", end=raw(WINDOW_UPDATE, 0, 0, number((1 << 31) - 1)))
    assert how in (ENHANCE_YOUR_CALM, "closed") and streams < 10_000, (how, streams)


def endless_header_block():
    """CVE-2024-27316: CONTINUATION without end."""
    for piece in [b"", only(("x" * 10, "y" * 10)), only(("x" * 1000, "y" * 10_000))]:
        one = Peer(PORT)
        one.raw(raw(HEADERS, END_STREAM, 1, block()))
        how = outcome(one, raw(CONTINUATION, 0, 1, piece) * max(1, 16_000 // (9 + len(piece))), 50_000_000)
        assert how in (ENHANCE_YOUR_CALM, PROTOCOL_ERROR, COMPRESSION_ERROR, "closed"), (len(piece), how)


def headers_without_number():
    one = Peer(PORT)
    fields = [(f"x-{n}", "y") for n in range(1000)]
    assert one.get("/hello", headers=fields)[0] in (431, "reset")
    assert one.get("/hello")[0] == 200


def headers_that_the_table_makes_large():
    """One field of 4 KiB in the table, referred to by one byte each."""
    one = Peer(PORT)
    field = b"\x40\x01x\x7f" + b"\xa1\x1e" + b"v" * 4000
    data = field + b"\xbe" * 12_000
    one.raw(raw(HEADERS, END_HEADERS | END_STREAM, 1, block() + data[:16_000]))
    got = reset_of(one, "large")
    assert str(got).startswith(("answered 431", "GOAWAY")) or got in (PROTOCOL_ERROR, ENHANCE_YOUR_CALM), got


def settings_without_number():
    """CVE-2019-9515."""
    one = Peer(PORT)
    how = pour(one, setting(4, 65535) * 1000, 60_000_000)
    assert how in ("held", "closed"), how


def pings_without_number():
    """CVE-2019-9512."""
    how = pour(Peer(PORT), raw(PING, 0, 0, bytes(8)) * 1000, 60_000_000)
    assert how in ("held", "closed"), how


def empty_frames_without_number():
    """CVE-2019-9518."""
    one = Peer(PORT)
    one.raw(raw(HEADERS, END_HEADERS, 1, block(method="POST", path="/never")))
    how = outcome(one, raw(DATA, 0, 1) * 1000, 10_000_000)
    assert how in (ENHANCE_YOUR_CALM, "closed"), how


def priorities_without_number():
    """CVE-2019-9513."""
    one = Peer(PORT)
    outcome(one, b"".join(raw(PRIORITY, 0, stream, bytes(5)) for stream in range(1, 2001, 2)), 10_000_000)


def answers_that_nobody_takes():
    """CVE-2019-9511 and CVE-2019-9517: windows that stay shut."""
    peers = []
    for window in 0, 1, 65535:
        for _ in range(2):
            one = Peer(PORT, credit=False, settings={4: window})
            for path in ["/large/10000"] * 80 + ["/endless"] * 5:
                one.ask("GET", path)
            peers.append(one)
    return peers


def websockets_that_nobody_reads():
    peers = [Peer(PORT, credit=False) for _ in range(10)]
    for one in peers:
        for ws in [WebSocket(one) for _ in range(5)]:
            ws.text("flood")
        # The rest of the connection goes on as far as its window does.
    return peers


def handlers_that_do_not_read():
    """What a handler that hangs, or that is passive, is sent stays with the client, and other streams go on."""
    one = Peer(PORT)
    for word in "hang", "passive":
        ws = WebSocket(one)
        ws.text(word)
        sent = 0
        piece = frame(2, bytes(1000))
        while one.h2.local_flow_control_window(ws.stream) >= len(piece):
            one.h2.send_data(ws.stream, piece)
            one.flush()
            sent += len(piece)
            assert sent < 1_000_000, word
            # What the server has to say by now.
            while select.select([one.socket], [], [], 0.001)[0]:
                one.pending += one.receive()
    ws = WebSocket(one)
    ws.text("still here")
    assert ws.frame()[1] == b"still here"
    return [one]


def a_client_without_a_window():
    """A WebSocket whose client takes one byte at a time gets all of them."""
    one = Peer(PORT, settings={4: 1})
    ws = WebSocket(one)
    ws.text("x" * 200)
    assert ws.frame() == (1, b"x" * 200)
    assert one.get("/large/2000")[2] == b"x" * 2000


def idle_connections_end():
    idle = Peer(PORT)
    busy = Peer(PORT)
    ws = WebSocket(busy)
    silent = socket.create_connection(("127.0.0.1", PORT), 15)
    silent.settimeout(15)
    silent.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    deaf = Peer(PORT)
    assert idle.until_end() == 0
    while silent.recv(65536):
        pass
    while deaf.socket.recv(65536):
        pass
    ws.text("still here")
    assert ws.frame()[1] == b"still here"


if __name__ == "__main__":
    seen = witness() if sys.argv[1] != "idle_connections_end" else None
    kept = globals()[sys.argv[1]]()
    if seen:
        unharmed(seen)
    print("ok", flush=True)
    if kept:
        # The suite looks at the server's memory meanwhile, and says when that is done.
        sys.stdin.read()
