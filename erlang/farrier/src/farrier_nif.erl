%% @doc The bridge to native code inside the VM: `farrier_bridge' by NIFs. Terms of the control plane (options, request
%% and response heads, statistics) cross as ETF; frames and bodies cross as they are.
-module(farrier_nif).
-behaviour(farrier_bridge).

-export([start/1, stop/0, log_to/1]).
-export([reactors/0, sit/2, turn/1]).
-export([listen/2, adopt/3, configure/2, suspend/1, resume/1, close_listener/1, listener_info/1]).
-export([accept/1, read_body/4, await_closed/2]).
-export([inform/3, respond/4, respond_stream/3, respond_chunk/2, respond_end/2, response_state/1]).
-export([upgrade/3, send/4, handled/2, await_writable/2, set_active/2, set_options/2, close/2]).

-export_type([reactor/0]).

-on_load(load/0).
-nifs([start_nif/1, stop_nif/0, log_to_nif/1, listen_nif/2, adopt_nif/4, configure_nif/2, suspend/1, resume/1,
       close_listener/1, listener_info_nif/1, accept_nif/1, read_body/4, await_closed/2, inform_nif/2, respond_nif/3,
       respond_stream_nif/2, respond_chunk/2, respond_end_nif/2, response_state/1, upgrade_nif/3, send/4, handled/2,
       await_writable/2, set_active/2, set_options_nif/2, close/2, reactors_nif/0, sit/2, turn/1]).

%% Sockets that a process can read in the place of a native thread.
-opaque reactor() :: reference().

-define(LOADED, {?MODULE, loaded}).
-define(not_loaded, erlang:nif_error({nif_not_loaded, farrier_nif})).

%% Loading never fails the module itself: `start/1' then says in one sentence what is wrong. A second load in the same
%% VM is refused, because the first library's threads may be running.
-spec load() -> ok | {error, term()}.
load() ->
    case persistent_term:get(?LOADED, undefined) of
        true ->
            logger:error("farrier_nif can't be reloaded while the node runs; restart the node to upgrade farrier"),
            {error, reload_refused};
        _ ->
            persistent_term:put(?LOADED, load_library()),
            ok
    end.

-spec load_library() -> true | {error, string()}.
load_library() ->
    case code:priv_dir(farrier) of
        {error, bad_name} ->
            {error, "farrier is not an application directory on the code path"};
        Priv ->
            case erlang:load_nif(filename:join(Priv, "farrier_nif"), version()) of
                ok -> true;
                {error, {_, Text}} -> {error, lists:flatten(Text)}
            end
    end.

-spec version() -> binary().
version() ->
    <<"0.1.0">>.

%% The native side reads atoms as UTF-8, which is minor version 2.
-spec etf(term()) -> binary().
etf(Term) ->
    term_to_binary(Term, [{minor_version, 2}]).

%%% Runtime

%% @doc Starts the transport's threads. Options: `workers' (0: half of the cores), `reactors' (half of the cores), `log_level' (`none', `error',
%% `warning', `info', `debug'; default `warning').
-spec start(map()) -> ok | {error, term()}.
start(Options) ->
    case persistent_term:get(?LOADED, {error, "the module was never loaded"}) of
        true ->
            _ = is_pid(Log = whereis(farrier_log)) andalso log_to(Log),
            case start_nif(etf(Options)) of
                ok -> farrier_reactor_sup:start_reactors();
                {error, _} = Error -> Error
            end;
        {error, Text} -> {error, {nif_not_loaded, Text}}
    end.

%% @doc The running reactors. Each waits for a process to `sit/2'.
-spec reactors() -> [reactor()].
reactors() ->
    case persistent_term:get(?LOADED, undefined) of
        true -> reactors_nif();
        _ -> []
    end.

-spec reactors_nif() -> [reactor()].
reactors_nif() -> ?not_loaded.

%% @doc Makes the caller the process that is sent `'$farrier_turn'' when it is to read. It must run on this scheduler.
-spec sit(reactor(), Scheduler :: pos_integer()) -> ok.
sit(_Reactor, _Scheduler) -> ?not_loaded.

%% @doc Reads, and sends messages to the processes of connections. To be called, with other processes running in
%% between, until it returns `false'.
-spec turn(reactor()) -> boolean().
turn(_Reactor) -> ?not_loaded.

%% @doc Names the process that gets the native side's log events.
-spec log_to(pid()) -> ok.
log_to(Pid) ->
    case persistent_term:get(?LOADED, undefined) of
        true -> log_to_nif(Pid);
        _ -> ok
    end.

-spec log_to_nif(pid()) -> ok.
log_to_nif(_Pid) -> ?not_loaded.

-spec stop() -> ok.
stop() ->
    case persistent_term:get(?LOADED, undefined) of
        true -> stop_nif();
        _ -> ok
    end.

-spec start_nif(binary()) -> ok | {error, term()}.
start_nif(_Options) -> ?not_loaded.

-spec stop_nif() -> ok.
stop_nif() -> ?not_loaded.

%%% Listeners

-spec listen(map(), [pid()]) ->
    {ok, farrier_bridge:listener(), farrier_bridge:address()}
    | {error, inet:posix() | farrier_bridge:option_error()}.
listen(Options, Acceptors) ->
    case listen_nif(etf(Options), Acceptors) of
        {ok, Listener, Info} ->
            #{address := Address} = binary_to_term(Info),
            {ok, Listener, Address};
        {error, _} = Error ->
            Error
    end.

-spec listen_nif(binary(), [pid()]) -> {ok, term(), binary()} | {error, term()}.
listen_nif(_Options, _Acceptors) -> ?not_loaded.

-spec adopt(map(), integer(), reference()) ->
    {ok, farrier_bridge:listener()} | {error, inet:posix() | farrier_bridge:option_error()}.
adopt(Options, Descriptor, Ref) ->
    adopt_nif(etf(Options), Descriptor, self(), Ref).

-spec adopt_nif(binary(), integer(), pid(), reference()) -> {ok, term()} | {error, term()}.
adopt_nif(_Options, _Descriptor, _Owner, _Ref) -> ?not_loaded.

-spec configure(farrier_bridge:listener(), map()) -> ok | {error, farrier_bridge:option_error()}.
configure(Listener, Options) ->
    configure_nif(Listener, etf(Options)).

-spec configure_nif(term(), binary()) -> ok | {error, term()}.
configure_nif(_Listener, _Options) -> ?not_loaded.

-spec suspend(farrier_bridge:listener()) -> ok.
suspend(_Listener) -> ?not_loaded.

-spec resume(farrier_bridge:listener()) -> ok | {error, inet:posix()}.
resume(_Listener) -> ?not_loaded.

-spec close_listener(farrier_bridge:listener()) -> ok.
close_listener(_Listener) -> ?not_loaded.

-spec listener_info(farrier_bridge:listener()) -> farrier_bridge:listener_info().
listener_info(Listener) ->
    binary_to_term(listener_info_nif(Listener)).

-spec listener_info_nif(term()) -> binary().
listener_info_nif(_Listener) -> ?not_loaded.

%%% Requests and responses

-spec accept(farrier_bridge:handle()) -> {ok, farrier_bridge:request()} | {error, closed}.
accept(Handle) ->
    case accept_nif(Handle) of
        {ok, Request} -> {ok, binary_to_term(Request)};
        {error, closed} = Error -> Error
    end.

-spec accept_nif(term()) -> {ok, binary()} | {error, closed}.
accept_nif(_Handle) -> ?not_loaded.

-spec read_body(farrier_bridge:handle(), reference(), non_neg_integer(), timeout()) -> ok | {error, closed}.
read_body(_Handle, _Reference, _Length, _Period) -> ?not_loaded.

-spec await_closed(farrier_bridge:handle(), reference()) -> ok | {error, closed}.
await_closed(_Handle, _Reference) -> ?not_loaded.

-spec inform(farrier_bridge:handle(), farrier_bridge:status(), farrier_bridge:headers()) ->
    ok | {error, already_sent | closed | {invalid_header, binary()}}.
inform(Handle, Status, Headers) ->
    inform_nif(Handle, head(Status, Headers)).

-spec inform_nif(term(), binary()) -> ok | {error, term()}.
inform_nif(_Handle, _Head) -> ?not_loaded.

-spec respond(farrier_bridge:handle(), farrier_bridge:status(), farrier_bridge:headers(), farrier_bridge:body()) ->
    ok | {error, already_sent | closed | {invalid_header, binary()}}.
respond(Handle, Status, Headers, {sendfile, Offset, Length, Path}) ->
    respond_nif(Handle, head(Status, Headers), {sendfile, Offset, Length, farrier_bridge:native_path(Path)});
respond(Handle, Status, Headers, Body) ->
    respond_nif(Handle, head(Status, Headers), Body).

-spec respond_nif(term(), binary(), farrier_bridge:body()) -> ok | {error, term()}.
respond_nif(_Handle, _Head, _Body) -> ?not_loaded.

-spec respond_stream(farrier_bridge:handle(), farrier_bridge:status(), farrier_bridge:headers()) ->
    ok | {error, already_sent | closed | {invalid_header, binary()}}.
respond_stream(Handle, Status, Headers) ->
    respond_stream_nif(Handle, head(Status, Headers)).

-spec respond_stream_nif(term(), binary()) -> ok | {error, term()}.
respond_stream_nif(_Handle, _Head) -> ?not_loaded.

-spec respond_chunk(farrier_bridge:handle(), iodata()) -> ok | blocked | {error, closed}.
respond_chunk(_Handle, _Data) -> ?not_loaded.

-spec respond_end(farrier_bridge:handle(), farrier_bridge:headers()) -> ok | {error, closed}.
respond_end(Handle, Trailers) ->
    respond_end_nif(Handle, farrier_bridge:binaries(Trailers)).

-spec respond_end_nif(term(), [{binary(), binary()}]) -> ok | {error, closed}.
respond_end_nif(_Handle, _Trailers) -> ?not_loaded.

-spec response_state(farrier_bridge:handle()) -> farrier_bridge:response_state().
response_state(_Handle) -> ?not_loaded.

-spec head(farrier_bridge:status(), farrier_bridge:headers()) -> binary().
head(Status, Headers) ->
    etf(farrier_bridge:head(Status, Headers)).

%%% WebSocket connections

-spec upgrade(farrier_bridge:handle(), farrier_bridge:headers(), farrier_bridge:upgrade_options()) ->
    ok | {error, already_sent | closed | {invalid_header, binary()} | farrier_bridge:option_error()}.
upgrade(Handle, Headers, Options) ->
    upgrade_nif(Handle, head(101, Headers), etf(Options)).

-spec upgrade_nif(term(), binary(), binary()) -> ok | {error, term()}.
upgrade_nif(_Handle, _Head, _Options) -> ?not_loaded.

-spec send(farrier_bridge:handle(), [farrier_bridge:frame()], non_neg_integer(), boolean()) ->
    ok | blocked | {error, closed}.
send(_Handle, _Frames, _Handled, _More) -> ?not_loaded.

-spec handled(farrier_bridge:handle(), non_neg_integer()) -> ok.
handled(_Handle, _Bytes) -> ?not_loaded.

-spec await_writable(farrier_bridge:handle(), reference()) -> ok | wait | {error, closed}.
await_writable(_Handle, _Reference) -> ?not_loaded.

-spec set_active(farrier_bridge:handle(), boolean()) -> ok.
set_active(_Handle, _Active) -> ?not_loaded.

-spec set_options(farrier_bridge:handle(), farrier_bridge:connection_options()) ->
    ok | {error, farrier_bridge:option_error()}.
set_options(Handle, Options) ->
    set_options_nif(Handle, etf(Options)).

-spec set_options_nif(term(), binary()) -> ok | {error, term()}.
set_options_nif(_Handle, _Options) -> ?not_loaded.

-spec close(farrier_bridge:handle(), [farrier_bridge:frame()]) -> ok.
close(_Handle, _Frames) -> ?not_loaded.
