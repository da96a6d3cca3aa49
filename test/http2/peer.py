"""A client of HTTP/2 that shows every event, by the Python package `h2`, and WebSockets over it by hand (RFC 8441, RFC 6455)."""

import os
import socket
import ssl
import struct

import h2.config
import h2.connection
import h2.events as events
import h2.exceptions
import h2.settings

PATIENCE = 15
ENABLE_CONNECT_PROTOCOL = h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL


class Ended(Exception):
    """The server ended the connection; `error_code` is that of its GOAWAY, None if there was none."""

    def __init__(self, error_code):
        super().__init__(f"the connection ended with {error_code}")
        self.error_code = error_code


class Peer:
    """One connection. `credit` is False where the peer is not to hand back what it receives."""

    def __init__(self, port, tls=None, credit=True, settings=None):
        sock = socket.create_connection(("127.0.0.1", port), PATIENCE)
        sock.settimeout(PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            sock = tls.wrap_socket(sock, server_hostname="localhost")
            assert sock.selected_alpn_protocol() == "h2", sock.selected_alpn_protocol()
        self.socket = sock
        self.scheme = "https" if tls else "http"
        self.authority = f"localhost:{port}"
        self.credit = credit
        self.goaway = None
        self.pending = []
        config = h2.config.H2Configuration(header_encoding="utf-8", validate_outbound_headers=False, normalize_outbound_headers=False)
        self.h2 = h2.connection.H2Connection(config)
        self.h2.initiate_connection()
        if settings:
            self.h2.update_settings(settings)
        self.flush()
        self.settings = self.wait(lambda e: isinstance(e, events.RemoteSettingsChanged)).changed_settings

    def close(self):
        self.socket.close()

    def flush(self):
        self.socket.sendall(self.h2.data_to_send())

    def raw(self, data):
        """Bytes that no proper client sends."""
        self.socket.sendall(data)

    def receive(self):
        """Events of one read."""
        data = self.read()
        if not data:
            raise Ended(self.goaway)
        got = self.h2.receive_data(data)
        for event in got:
            if isinstance(event, events.ConnectionTerminated):
                self.goaway = event.error_code
            elif isinstance(event, events.DataReceived) and self.credit and event.flow_controlled_length:
                try:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                except h2.exceptions.StreamClosedError:
                    pass
        if self.goaway is None or not isinstance(got[-1], events.ConnectionTerminated):
            self.flush()
        return got

    def wait(self, wanted):
        """The next event that is wanted; those before it are kept for later."""
        for event in self.pending:
            if wanted(event):
                self.pending.remove(event)
                return event
        while True:
            got = self.receive()
            for at, event in enumerate(got):
                if wanted(event):
                    self.pending += got[:at] + got[at + 1 :]
                    return event
            self.pending += got

    def next_of(self, stream):
        """The next event of a stream."""
        return self.wait(lambda e: getattr(e, "stream_id", None) == stream and not isinstance(e, (events.WindowUpdated, events.PriorityUpdated)))

    def until_end(self):
        """The error code of the GOAWAY with which the connection ends, None without one. Answers nothing any more."""
        for kind, _, _, payload in self.frames():
            if kind == 7:
                self.goaway = int.from_bytes(payload[4:8], "big")
        return self.goaway

    def frames(self):
        """(type, flags, stream, payload) of every frame until the server closes."""
        buffer = b""
        while data := self.read():
            buffer += data
            while len(buffer) >= 9 and len(buffer) >= 9 + int.from_bytes(buffer[:3], "big"):
                end = 9 + int.from_bytes(buffer[:3], "big")
                yield buffer[3], buffer[4], int.from_bytes(buffer[5:9], "big"), buffer[9:end]
                buffer = buffer[end:]

    def read(self):
        try:
            return self.socket.recv(65536)
        except ConnectionResetError:
            return b""

    def head(self, method, path, headers=(), **pseudo):
        fields = [(":method", method), (":scheme", self.scheme), (":authority", self.authority), (":path", path)]
        fields += [(":" + name, value) for name, value in pseudo.items()]
        return fields + [(name.lower(), value) for name, value in headers]

    def ask(self, method, path, headers=(), body=None, end=True):
        """Begins a request; its stream. A body goes out as the windows allow."""
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, self.head(method, path, headers), end_stream=end and body is None)
        self.flush()
        if body is not None:
            self.send(stream, body, end)
        return stream

    def send(self, stream, body, end=False):
        while body:
            window = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            if window == 0:
                self.pending += self.receive()
                continue
            self.h2.send_data(stream, body[:window])
            body = body[window:]
            self.flush()
        if end:
            self.h2.end_stream(stream)
            self.flush()

    def answer(self, stream):
        """(status, headers, body, trailers) of a whole response, or (reset, error code)."""
        status, headers, body, trailers = None, {}, b"", None
        while True:
            event = self.next_of(stream)
            if isinstance(event, events.ResponseReceived):
                fields = list(event.headers)
                status = int(fields[0][1])
                for name, value in fields[1:]:
                    headers.setdefault(name, []).append(value)
            elif isinstance(event, events.DataReceived):
                body += event.data
            elif isinstance(event, events.TrailersReceived):
                trailers = dict(event.headers)
            elif isinstance(event, events.StreamEnded):
                return status, headers, body, trailers
            elif isinstance(event, events.StreamReset):
                return "reset", int(event.error_code)

    def get(self, path, method="GET", headers=(), body=None):
        return self.answer(self.ask(method, path, headers, body))


class WebSocket:
    """A stream that an extended CONNECT has opened."""

    def __init__(self, peer, path="/ws", headers=(), version="13", protocol="websocket", method="CONNECT"):
        self.peer = peer
        self.buffer = b""
        self.ended = False
        self.stream = peer.h2.get_next_available_stream_id()
        fields = list(headers) + ([("sec-websocket-version", version)] if version else [])
        peer.h2.send_headers(self.stream, peer.head(method, path, fields, protocol=protocol))
        peer.flush()
        event = peer.next_of(self.stream)
        if isinstance(event, events.StreamReset):
            self.status, self.reset = None, int(event.error_code)
            return
        self.status, self.headers = int(event.headers[0][1]), event.headers[1:]

    def send(self, opcode, payload=b"", fin=True, rsv1=False):
        self.peer.send(self.stream, frame(opcode, payload, fin, rsv1))

    def text(self, text):
        self.send(1, text.encode())

    def read(self, size):
        """That many bytes, or b"" at the end of the stream."""
        while len(self.buffer) < size:
            event = self.peer.next_of(self.stream)
            if isinstance(event, events.DataReceived):
                self.buffer += event.data
            elif isinstance(event, events.StreamEnded):
                self.ended = True
                return b""
            elif isinstance(event, events.StreamReset):
                self.reset = int(event.error_code)
                return b""
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def frame(self):
        """(opcode, payload) of the next frame, None at the end of the stream. RSV1 is added to the opcode as 64."""
        head = self.read(2)
        if not head:
            return None
        opcode, length = head[0] & 0x4F, head[1]
        if length == 126:
            (length,) = struct.unpack("!H", self.read(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self.read(8))
        return opcode, self.read(length) if length else b""


def frame(opcode, payload=b"", fin=True, rsv1=False):
    """A client's frame (RFC 6455 5.2)."""
    length = len(payload)
    if length < 126:
        size = struct.pack("!B", 128 | length)
    elif length < 65536:
        size = struct.pack("!BH", 254, length)
    else:
        size = struct.pack("!BQ", 255, length)
    key = os.urandom(4)
    mask = (key * (length // 4 + 1))[:length]
    masked = (int.from_bytes(payload, "big") ^ int.from_bytes(mask, "big")).to_bytes(length, "big")
    return bytes([fin << 7 | rsv1 << 6 | opcode]) + size + key + masked


def trusting(root):
    """TLS that asks for HTTP/2 first."""
    context = ssl.create_default_context(cafile=root)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context
