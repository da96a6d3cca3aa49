%% @doc The seam between Erlang and the native transport. `docs/bridge.md' lists every message and call with what
%% happens when the other side is gone; this module is that table as types and callbacks.
-module(farrier_bridge).

-export([module/1, name/1, ensure_started/1]).
-export([head/2, binaries/1, native_path/1]).

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

%% @doc The module of a bridge that is chosen by name. `auto' is the NIF where it can be loaded, else the port.
-spec module(nif | port | auto | module()) -> module().
module(nif) ->
    farrier_nif;
module(port) ->
    farrier_port;
module(auto) ->
    case ensure_started(farrier_nif) of
        ok -> farrier_nif;
        {error, _} -> farrier_port
    end;
module(Module) ->
    Module.

%% @doc How users call it.
-spec name(module()) -> nif | port | module().
name(farrier_nif) -> nif;
name(farrier_port) -> port;
name(Module) -> Module.

%% @doc Starts the native half of a bridge, with what the application's environment says, unless it runs.
-spec ensure_started(module()) -> ok | {error, term()}.
ensure_started(Module) ->
    Names = case Module of
        farrier_port -> [{port_processes, processes}, {port_workers, workers}, {log_level, log_level}];
        _ -> [{workers, workers}, {reactors, reactors}, {log_level, log_level}]
    end,
    Module:start(maps:from_list([{Option, Value} || {Name, Option} <- Names,
        {ok, Value} <- [application:get_env(farrier, Name)], Value =/= default])).

%% @doc A response head as the native side reads it.
-spec head(status(), headers()) -> map().
head(Status, Headers) ->
    {Code, Reason} = status(Status),
    #{status => Code, reason => Reason, headers => binaries(Headers)}.

-spec status(status()) -> {100..999, undefined | binary()}.
status(Code) when is_integer(Code) ->
    {Code, undefined};
status(<<Code:3/binary>>) ->
    {binary_to_integer(Code), undefined};
status(<<Code:3/binary, " ", Reason/binary>>) ->
    {binary_to_integer(Code), Reason}.

%% @doc Headers or trailers as the native side reads them.
-spec binaries(headers()) -> [{binary(), binary()}].
binaries(Headers) ->
    [{iolist_to_binary(Name), iolist_to_binary(Value)} || {Name, Value} <- Headers].

%% @doc The path of a file in the bytes that the operating system knows it by.
-spec native_path(file:name_all()) -> binary().
native_path(Path) ->
    unicode:characters_to_binary(filename:absname(Path), utf8, file:native_name_encoding()).
