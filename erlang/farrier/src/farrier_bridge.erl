%% @doc The seam between Erlang and the native transport. `docs/bridge.md' lists every message and call with what
%% happens when the other side is gone; this module is that table as types and callbacks.
-module(farrier_bridge).

-export_type([handle/0, listener/0, address/0, request/0, event/0, ending/0, frame/0, headers/0, status/0, body/0,
              response_state/0, upgrade_options/0, connection_options/0, listener_info/0, option_error/0]).

-type handle() :: term().
%% One HTTP request and, once upgraded, the WebSocket connection that it became.
-type listener() :: term().
-type address() :: {inet:ip_address(), inet:port_number()} | {local, binary()}.

-type request() :: #{
    method := binary(),
    version := 'HTTP/1.0' | 'HTTP/1.1',
    scheme := binary(),
    host := binary(),
    port := inet:port_number(),
    path := binary(),
    qs := binary(),
    headers := [{binary(), binary()}],
    peer := address(),
    sock := address(),
    cert => binary(),
    %% What a proxy said of the client, as `ranch_proxy_header:proxy_info()'.
    proxy_header => map(),
    %% Where Erlang has accepted the connection: Erlang's side of it. Not from the bridge, but from farrier_adopted.
    socket => {term(), module()},
    body_length := non_neg_integer() | undefined,
    stream_id := pos_integer()
}.

-type ending() :: close | {close, 0..65535, binary()} | timeout
    | {error, badframe | badencoding | badsize | closed | atom()}.
-type event() :: {text | binary | ping | pong, binary()} | ending().

-type frame() :: {text | binary | ping | pong, iodata()} | ping | pong
    | close | {close, iodata()} | {close, 0..65535, iodata()}.

-type headers() :: [{binary(), iodata()}].
-type status() :: 100..999 | binary().
-type body() :: iodata() | {sendfile, non_neg_integer(), non_neg_integer(), file:name_all()}.
-type response_state() :: none | headers | done | upgraded.

-type upgrade_options() :: #{
    version => 'HTTP/1.0' | 'HTTP/1.1',
    idle_timeout => timeout(),
    max_frame_size => non_neg_integer() | infinity,
    validate_utf8 => boolean(),
    early_data => deliver | discard,
    framing => rfc6455 | generation_0 | {hixie76, 0..16#ffffffff, 0..16#ffffffff}
}.
-type connection_options() :: #{
    idle_timeout => timeout(),
    max_frame_size => non_neg_integer() | infinity
}.
-type listener_info() :: #{
    address := address() | undefined,
    connections := non_neg_integer(),
    websockets := non_neg_integer(),
    accepted := non_neg_integer(),
    rejected := non_neg_integer(),
    failed_handshakes => non_neg_integer()
}.
-type option_error() :: {bad_option, Name :: atom(), Value :: term(), Allowed :: binary()}.
-type respond_error() :: already_sent | closed | {invalid_header, binary()}.

-callback start(Options :: map()) -> ok | {error, term()}.
-callback stop() -> ok.

-callback listen(Options :: map(), Acceptors :: [pid()]) ->
    {ok, listener(), address()} | {error, inet:posix() | option_error()}.
-callback adopt(Options :: map(), Descriptor :: integer(), reference()) ->
    {ok, listener()} | {error, inet:posix() | option_error()}.
%% Only for a bridge inside the VM's own process.
-optional_callbacks([adopt/3]).
-callback configure(listener(), Options :: map()) -> ok | {error, option_error()}.
-callback suspend(listener()) -> ok.
-callback resume(listener()) -> ok | {error, inet:posix()}.
-callback close_listener(listener()) -> ok.
-callback listener_info(listener()) -> listener_info().

-callback accept(handle()) -> {ok, request()} | {error, closed}.
-callback read_body(handle(), reference(), Length :: non_neg_integer(), Period :: timeout()) ->
    ok | {error, closed}.
-callback await_closed(handle(), reference()) -> ok | {error, closed}.
-callback inform(handle(), status(), headers()) -> ok | {error, respond_error()}.
-callback respond(handle(), status(), headers(), body()) -> ok | {error, respond_error()}.
-callback respond_stream(handle(), status(), headers()) -> ok | {error, respond_error()}.
-callback respond_chunk(handle(), iodata()) -> ok | blocked | {error, closed}.
-callback respond_end(handle(), Trailers :: headers()) -> ok | {error, closed}.
-callback response_state(handle()) -> response_state().

-callback upgrade(handle(), headers(), upgrade_options()) -> ok | {error, respond_error() | option_error()}.
-callback send(handle(), [frame()], Handled :: non_neg_integer(), More :: boolean()) ->
    ok | blocked | {error, closed}.
-callback handled(handle(), Bytes :: non_neg_integer()) -> ok.
-callback await_writable(handle(), reference()) -> ok | wait | {error, closed}.
-callback set_active(handle(), boolean()) -> ok.
-callback set_options(handle(), connection_options()) -> ok | {error, option_error()}.
-callback close(handle(), [frame()]) -> ok.
