%% @doc The listener of the suites for the pre-releases of Cowboy 2, and requests to its scripted handler.
-module(pre_client).

-export([listen/2, listen/3, unlisten/0, port/0, connect/2, upgraded/1, ask/4]).

-import(raw_client, [open/1, send/2, handshake/0, head/1]).
-import(handler_reports, [started/0, flush/0]).

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
    Own = #{ip => {127, 0, 0, 1}, port => 0, env => Env, protocol => Protocol},
    {ok, _} = farrier:start_listener(?LISTENER, maps:merge(maps:merge(Given, Options), Own)),
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
