%% @doc The client of the suites for the pre-releases of Cowboy 2, and the listener that it talks to.
-module(pre_client).

-export([listen/2, listen/3, unlisten/0, port/0, open/1, connect/2, upgraded/1, ask/4]).
-export([send/2, handshake/0, handshake/1, handshake/2, head/1, received/2, payload/1, until_eof/1]).
-export([started/0, exit_of/1, calls/1, next_call/0, flush/0]).

-define(PATIENCE, 5000).
-define(LISTENER, pre).

%% Runs a fun on the Req of a request, in its process.
-spec ask(string(), list(), iodata(), fun((term()) -> term())) -> term().
ask(Path, Constraints, Request, Fun) ->
    Test = self(),
    Init = fun(Req, S) -> Test ! {asked, catch Fun(Req)}, {ok, Req, S} end,
    ok = unlisten(),
    Port = listen([{Path, Constraints, pre_handler, #{test => Test, init => Init}}], []),
    Socket = open(Port),
    send(Socket, Request),
    _ = started(),
    receive {asked, Answer} -> flush(), Answer after ?PATIENCE -> error(no_answer) end.

-spec listen(list(), list()) -> inet:port_number().
listen(Routes, ProtoOpts) ->
    {Env, Rest} = env(Routes, ProtoOpts),
    {ok, _} = cowboy:start_http(?LISTENER, 100, [{ip, {127, 0, 0, 1}}, {port, 0}], [Env | Rest]),
    ranch:get_port(?LISTENER).

-spec listen(list(), list(), map()) -> inet:port_number().
listen(Routes, ProtoOpts, Options) ->
    {{env, Env}, Rest} = env(Routes, ProtoOpts),
    Given = maps:with([middlewares], maps:from_list(Rest)),
    Protocol = maps:without([middlewares], maps:from_list(Rest)),
    {ok, _} = farrier:start_listener(?LISTENER, maps:merge(maps:merge(Given, Options), #{ip => {127, 0, 0, 1}, port => 0, env => Env, protocol => Protocol})),
    ranch:get_port(?LISTENER).

-spec env(list(), list()) -> {{env, list()}, list()}.
env(Routes, ProtoOpts) ->
    Dispatch = {dispatch, cowboy_router:compile([{'_', Routes}])},
    {{env, [Dispatch | proplists:get_value(env, ProtoOpts, [])]}, lists:keydelete(env, 1, ProtoOpts)}.

-spec unlisten() -> ok.
unlisten() ->
    _ = cowboy:stop_listener(?LISTENER),
    ok.

-spec port() -> inet:port_number().
port() -> ranch:get_port(?LISTENER).

-spec open(inet:port_number()) -> gen_tcp:socket().
open(Port) ->
    {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, false}, {nodelay, true}]),
    Socket.

-spec send(gen_tcp:socket(), iodata()) -> ok.
send(Socket, Bytes) -> ok = gen_tcp:send(Socket, Bytes).

%% A listener with the scripted handler, a client that has sent these bytes, and the request's process.
-spec connect(map(), iodata()) -> {gen_tcp:socket(), pid()}.
connect(Opts, Bytes) ->
    ok = unlisten(),
    flush(),
    Socket = open(listen([{'_', pre_handler, Opts#{test => self()}}], [])),
    send(Socket, Bytes),
    {Socket, started()}.

-spec upgraded(map()) -> {gen_tcp:socket(), pid()}.
upgraded(Opts) ->
    {Socket, Pid} = connect(Opts, handshake()),
    <<"HTTP/1.1 101 ", _/binary>> = head(Socket),
    {Socket, Pid}.

%% The process that runs init/2, from now on monitored.
-spec started() -> pid().
started() ->
    receive
        {process, Pid} ->
            _ = monitor(process, Pid, [{tag, {'DOWN', Pid}}]),
            Pid ! {go, self()},
            Pid
    after ?PATIENCE -> error(init_was_not_called)
    end.

-spec exit_of(pid()) -> term().
exit_of(Pid) ->
    receive {{'DOWN', Pid}, _, process, Pid, Reason} -> self() ! {ended, Pid}, Reason
    after ?PATIENCE -> error({still_alive, Pid, process_info(Pid, current_stacktrace)})
    end.

%% All calls of a handler that has ended, in order. Its process stays to be asked for its exit.
-spec calls(pid()) -> [term()].
calls(Pid) ->
    receive
        {ended, Pid} -> taken();
        {{'DOWN', Pid}, Ref, process, Pid, Reason} ->
            self() ! {{'DOWN', Pid}, Ref, process, Pid, Reason},
            taken()
    after ?PATIENCE -> error({still_alive, Pid})
    end.

-spec taken() -> [term()].
taken() ->
    receive {call, Call} -> [Call | taken()] after 0 -> [] end.

%% The next call of any handler.
-spec next_call() -> term().
next_call() ->
    receive {call, Call} -> Call after ?PATIENCE -> error(no_call) end.

-spec flush() -> ok.
flush() ->
    receive _ -> flush() after 0 -> ok end.

-spec handshake() -> [iodata()].
handshake() -> handshake([]).

-spec handshake([{string(), string() | none}]) -> [iodata()].
handshake(Fields) -> handshake(<<"/ws">>, Fields).

%% The example of RFC 6455 1.3, some of its fields replaced or left out.
-spec handshake(binary(), [{string(), string() | none}]) -> [iodata()].
handshake(Path, Fields) ->
    Default = [{"host", "localhost"}, {"connection", "Upgrade"}, {"upgrade", "websocket"}, {"sec-websocket-version", "13"},
        {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="}],
    All = lists:ukeymerge(1, lists:keysort(1, Fields), lists:keysort(1, Default)),
    ["GET", [" ", Path, " HTTP/1.1\r\n"], [[Name, ": ", Value, "\r\n"] || {Name, Value} <- All, Value =/= none], "\r\n"].

-spec head(gen_tcp:socket()) -> binary().
head(Socket) -> head(Socket, <<>>).

-spec head(gen_tcp:socket(), binary()) -> binary().
head(Socket, Acc) ->
    Size = byte_size(Acc) - 4,
    case Acc of
        <<_:Size/binary, "\r\n\r\n">> -> Acc;
        _ -> head(Socket, <<Acc/binary, (received(Socket, 1))/binary>>)
    end.

-spec received(gen_tcp:socket(), non_neg_integer()) -> binary().
received(_, 0) -> <<>>;
received(Socket, Size) ->
    {ok, Bytes} = gen_tcp:recv(Socket, Size, ?PATIENCE),
    Bytes.

%% The payload of the next frame, which must be a short text.
-spec payload(gen_tcp:socket()) -> binary().
payload(Socket) ->
    <<16#81, Length>> = received(Socket, 2),
    case Length of
        126 -> <<Long:16>> = received(Socket, 2), received(Socket, Long);
        _ -> received(Socket, Length)
    end.

-spec until_eof(gen_tcp:socket()) -> binary().
until_eof(Socket) -> until_eof(Socket, <<>>).

-spec until_eof(gen_tcp:socket(), binary()) -> binary().
until_eof(Socket, Acc) ->
    case gen_tcp:recv(Socket, 0, ?PATIENCE) of
        {ok, Bytes} -> until_eof(Socket, <<Acc/binary, Bytes/binary>>);
        {error, closed} -> ok = gen_tcp:close(Socket), Acc
    end.
