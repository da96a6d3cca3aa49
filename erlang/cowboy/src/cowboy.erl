%% Starts and stops listeners under the names of Cowboy 0.x, 1.x and 2.x.
%%
%% Every function takes the options of its Cowboy generation and hands them, translated, to `farrier'. A function
%% for something that is not there yet fails with an error that names it.
-module(cowboy).

-export([start_clear/3, start_clear/4, start_tls/3, start_tls/4, start_http/4, start_https/4, stop_listener/1]).
%% Cowboy 0.
-export([start_listener/6, child_spec/6, accept_ack/1, get_protocol_options/1, set_protocol_options/2]).
-export([set_env/3, get_env/2, get_env/3]).
-export([log/2, log/4]).
%% Not there yet.
-export([start_spdy/4, start_quic/3]).

-export_type([ref/0, fields/0, http_headers/0, http_status/0, http_version/0, opts/0]).

-type ref() :: any().
-type fields() :: [
    atom()
    | {atom(), cowboy_constraints:constraint() | [cowboy_constraints:constraint()]}
    | {atom(), cowboy_constraints:constraint() | [cowboy_constraints:constraint()], any()}
].
-type http_headers() :: #{binary() => iodata()}.
-type http_status() :: non_neg_integer() | binary().
-type http_version() :: 'HTTP/2' | 'HTTP/1.1' | 'HTTP/1.0'.
-type opts() :: map().

%%% Listeners

%% @doc Starts a clear-text listener for handlers of Cowboy 2. Transport options are a list of socket options or a map,
%% protocol options a map; unlike in Cowboy 2.18 both may be empty. `trap_exit => true' among the latter gives handlers
%% of 2.0 to 2.10 the trapped exits of their time.
-spec start_clear(ref(), list() | map(), opts()) -> {ok, pid()} | {error, any()}.
start_clear(Ref, TransOpts, ProtoOpts) ->
    start(Ref, farrier_options:clear(TransOpts, ProtoOpts)).

%% @doc The form of 2.0.0-pre.4 to pre.9, whose handlers may return a timeout and `hibernate' from `init/2'. The number
%% of acceptors has no effect.
-spec start_clear(ref(), pos_integer(), list() | map(), opts()) -> {ok, pid()} | {error, any()}.
start_clear(Ref, NbAcceptors, TransOpts, ProtoOpts) when is_integer(NbAcceptors), NbAcceptors > 0 ->
    start(Ref, farrier_options:draft(TransOpts, ProtoOpts)).

%% @doc Starts a TLS listener for handlers of Cowboy 2: as `start_clear/3', with options of `ssl' among those of the
%% socket. `farrier:start_listener/2' tells which there are.
-spec start_tls(ref(), list() | map(), opts()) -> {ok, pid()} | {error, any()}.
start_tls(Ref, TransOpts, ProtoOpts) ->
    start(Ref, farrier_tls:start_options(fun(Rest) -> farrier_options:clear(Rest, ProtoOpts) end, TransOpts)).

%% @doc The form of 2.0.0-pre.4 to pre.9, as `start_clear/4'.
-spec start_tls(ref(), pos_integer(), list() | map(), opts()) -> {ok, pid()} | {error, any()}.
start_tls(Ref, NbAcceptors, TransOpts, ProtoOpts) when is_integer(NbAcceptors), NbAcceptors > 0 ->
    start(Ref, farrier_tls:start_options(fun(Rest) -> farrier_options:draft(Rest, ProtoOpts) end, TransOpts)).

%% @doc Starts a clear-text listener for handlers of Cowboy 1: both options are property lists. The number of
%% acceptors has no effect.
-spec start_http(ref(), pos_integer(), list(), list()) -> {ok, pid()} | {error, any()}.
start_http(Ref, NbAcceptors, TransOpts, ProtoOpts) when is_integer(NbAcceptors), NbAcceptors > 0 ->
    start(Ref, farrier_options:http(NbAcceptors, TransOpts, ProtoOpts)).

%% @doc Starts a TLS listener for handlers of Cowboy 1: as `start_http/4', with options of `ssl' among those of the
%% socket.
-spec start_https(ref(), pos_integer(), list(), list()) -> {ok, pid()} | {error, any()}.
start_https(Ref, NbAcceptors, TransOpts, ProtoOpts) when is_integer(NbAcceptors), NbAcceptors > 0 ->
    Start = fun(Rest) -> farrier_options:http(NbAcceptors, Rest, ProtoOpts) end,
    start(Ref, farrier_tls:start_options(Start, TransOpts)).

%% @doc Starts a listener for handlers of Cowboy 0: `cowboy_tcp_transport' or `cowboy_ssl_transport', and
%% `cowboy_http_protocol'. Both options are property lists. The number of acceptors has no effect.
-spec start_listener(ref(), pos_integer(), module(), list(), module(), list()) -> {ok, pid()} | {error, any()}.
start_listener(Ref, NbAcceptors, Transport, TransOpts, Protocol, ProtoOpts) when
    is_integer(NbAcceptors), is_atom(Transport), is_atom(Protocol)
->
    start(Ref, farrier_options_0:listener(Transport, TransOpts, Protocol, ProtoOpts)).

%% @doc A child specification for such a listener in the project's own supervision tree, in the form of the time. Raises
%% the reason for which the listener could not start.
-spec child_spec(ref(), pos_integer(), module(), list(), module(), list()) ->
    {Id :: any(), {module(), atom(), [any()]}, permanent, timeout(), supervisor, [module()]}.
child_spec(Ref, NbAcceptors, Transport, TransOpts, Protocol, ProtoOpts) when is_integer(NbAcceptors) ->
    case farrier_options_0:listener(Transport, TransOpts, Protocol, ProtoOpts) of
        {ok, Options} ->
            #{start := Start, type := supervisor} = farrier:child_spec(Ref, Options),
            {{cowboy_listener_sup, Ref}, Start, permanent, infinity, supervisor, [cowboy_listener_sup]};
        {error, Reason} ->
            error(Reason)
    end.

%% @doc Nothing to do: a connection is handed over before its handler runs.
-spec accept_ack(pid()) -> ok.
accept_ack(_ListenerPid) ->
    ok.

%% @doc The protocol options as they were given. Raises `badarg' for an unknown listener.
-spec get_protocol_options(ref()) -> any().
get_protocol_options(Ref) ->
    farrier:get_protocol_options(Ref).

%% @doc Replaces the protocol options for requests to come, limits on requests for connections to come.
-spec set_protocol_options(ref(), any()) -> ok | {error, any()}.
set_protocol_options(Ref, ProtoOpts) ->
    farrier:set_protocol_options(Ref, ProtoOpts).

-spec start(ref(), {ok, map()} | {error, any()}) -> {ok, pid()} | {error, any()}.
start(Ref, {ok, Options}) ->
    case whereis(farrier_sup) of
        undefined ->
            {error,
                {not_started, cowboy,
                    <<"application:ensure_all_started(cowboy) must come before a listener is started">>}};
        _ ->
            farrier:start_listener(Ref, Options)
    end;
start(_Ref, {error, _} = Error) ->
    Error.

%% @doc Stops a listener and ends its connections.
-spec stop_listener(ref()) -> ok | {error, not_found}.
stop_listener(Ref) ->
    case whereis(farrier_sup) of
        undefined -> {error, not_found};
        _ -> farrier:stop_listener(Ref)
    end.

%%% Environment

%% @doc Changes a value of the middlewares' environment, for requests from now on. Raises `badarg' for an unknown
%% listener, and `badmatch' for a listener of Cowboy 1 that was started without `env', as Cowboy does.
-spec set_env(ref(), atom(), any()) -> ok.
set_env(Ref, Key, Value) ->
    #{generation := Generation, protocol_options := Given} = config(Ref),
    {env, _} = env_option(Generation, Given),
    farrier:set_env(Ref, Key, Value).

-spec env_option(farrier_handler:generation(), any()) -> {env, any()} | false.
env_option(2, _) -> {env, default};
env_option(_, Given) -> lists:keyfind(env, 1, Given).

%% @doc A value of the middlewares' environment. Raises `{badkey, Key}' if there is none.
-spec get_env(ref(), atom()) -> any().
get_env(Ref, Key) ->
    farrier:get_env(Ref, Key).

%% @doc A value of the middlewares' environment, or the default.
-spec get_env(ref(), atom(), any()) -> any().
get_env(Ref, Key, Default) ->
    farrier:get_env(Ref, Key, Default).

-spec config(ref()) -> map().
config(Ref) ->
    case farrier_listener:config(Ref) of
        undefined -> error(badarg, [Ref]);
        Config -> Config
    end.

%%% Logging

%% @doc Logs for a stream handler: `{log, Level, Format, Args}'.
-spec log({log, logger:level(), io:format(), list()}, opts()) -> ok.
log({log, Level, Format, Args}, Opts) ->
    log(Level, Format, Args, Opts).

%% @doc Logs through the `logger' of the options, by default OTP's.
-spec log(logger:level(), io:format(), list(), opts()) -> ok.
log(Level, Format, Args, #{logger := Logger}) when Logger =/= error_logger ->
    _ = Logger:Level(Format, Args),
    ok;
log(Level, Format, Args, _Opts) ->
    logger:log(Level, Format, Args).

%%% Not there yet

-spec start_spdy(ref(), any(), any(), any()) -> {error, {not_supported_yet, any()}}.
start_spdy(_Ref, _NbAcceptors, _TransOpts, _ProtoOpts) -> not_yet(start_spdy, 4).

-spec start_quic(ref(), any(), any()) -> {error, {not_supported_yet, any()}}.
start_quic(_Ref, _TransOpts, _ProtoOpts) -> not_yet(start_quic, 3).

-spec not_yet(atom(), arity()) -> {error, {not_supported_yet, {cowboy, atom(), arity()}}}.
not_yet(Function, Arity) ->
    {error, {not_supported_yet, {?MODULE, Function, Arity}}}.
