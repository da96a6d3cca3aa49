%% The names of WebSocket types that handlers put in their specs, and the keys of the handshake.
-module(cow_ws).

-export([key/0, encode_key/1]).

-export_type([close_code/0, frame/0]).

-type close_code() :: 1000..1003 | 1006..1011 | 3000..4999.
-type frame() :: close | ping | pong | {text | binary | close | ping | pong, iodata()}
    | {close, close_code(), iodata()} | {fragment, fin | nofin, text | binary | continuation, iodata()}.

%% @doc A new `sec-websocket-key' (RFC 6455 4.1).
-spec key() -> binary().
key() -> base64:encode(crypto:strong_rand_bytes(16)).

%% @doc The `sec-websocket-accept' that answers a key.
-spec encode_key(binary()) -> binary().
encode_key(Key) -> farrier_handshake:accept(Key).
