%% @doc The listener of the suites for Cowboy 0, requests to its scripted handler, and the handshakes of the drafts.
-module(old_client).

-export([listen/1, listen/2, unlisten/0, connect/2, connect/3, upgraded/1, upgraded/2, ask/2, ask/3]).
-export([hixie/1, log/1, answer/2, answer/3, lines/1, undated/1]).

-import(raw_client, [open/1, send/2, handshake/0, head/1, until_eof/1]).
-import(handler_reports, [started/0, exit_of/1, flush/0]).

-define(LISTENER, old).
-define(PATIENCE, 5000).

%% A listener with these rules for any host, or with a whole dispatch list.
-spec listen(list()) -> inet:port_number().
listen(Dispatch) -> listen(Dispatch, []).

-spec listen(list(), list()) -> inet:port_number().
listen(Dispatch, ProtoOpts) ->
    ok = unlisten(),
    {ok, _} = cowboy:start_listener(?LISTENER, 100, cowboy_tcp_transport, [{ip, {127, 0, 0, 1}}, {port, 0}],
        cowboy_http_protocol, [{dispatch, Dispatch} | ProtoOpts]),
    maps:get(port, farrier:info(?LISTENER)).

-spec unlisten() -> ok.
unlisten() ->
    _ = cowboy:stop_listener(?LISTENER),
    ok.

%% A listener with the scripted handler, a client that has sent these bytes, and the request's process.
-spec connect(map(), iodata()) -> {gen_tcp:socket(), pid()}.
connect(Opts, Bytes) -> connect(Opts, Bytes, []).

-spec connect(map(), iodata(), list()) -> {gen_tcp:socket(), pid()}.
connect(Opts, Bytes, ProtoOpts) ->
    ok = unlisten(),
    flush(),
    Socket = open(listen([{'_', [{'_', old_handler, Opts#{test => self()}}]}], ProtoOpts)),
    send(Socket, Bytes),
    {Socket, started()}.

-spec upgraded(map()) -> {gen_tcp:socket(), pid()}.
upgraded(Opts) -> upgraded(Opts, handshake()).

-spec upgraded(map(), iodata()) -> {gen_tcp:socket(), pid()}.
upgraded(Opts, Handshake) ->
    {Socket, Pid} = connect(Opts, Handshake),
    <<"HTTP/1.1 101 ", _/binary>> = head(Socket),
    {Socket, Pid}.

%% Runs a fun on the Req of a request, in its process.
-spec ask(iodata(), fun((term()) -> term())) -> term().
ask(Request, Fun) -> ask(Request, Fun, '_').

-spec ask(iodata(), fun((term()) -> term()), term()) -> term().
ask(Request, Fun, Path) ->
    Test = self(),
    Init = fun(Req, S) -> Test ! {asked, catch Fun(Req)}, {ok, Req, S} end,
    Socket = open(listen([{'_', [{Path, old_handler, #{test => Test, init => Init}}]}])),
    send(Socket, Request),
    _ = started(),
    receive {asked, Answer} -> flush(), ok = gen_tcp:close(Socket), Answer after ?PATIENCE -> error(no_answer) end.

%% The example of draft-hixie-thewebsocketprotocol-76 1.2 without its last eight bytes, `^n:ds[4U'; some of its fields
%% replaced.
-spec hixie([{string(), string() | none}]) -> iodata().
hixie(Fields) ->
    Default = [{"Host", "example.com"}, {"Connection", "Upgrade"}, {"Upgrade", "WebSocket"},
        {"Origin", "http://example.com"}, {"Sec-WebSocket-Key1", "4 @1  46546xW%0l 1 5"},
        {"Sec-WebSocket-Key2", "12998 5 Y3 1  .P00"}],
    All = lists:ukeymerge(1, lists:keysort(1, Fields), lists:keysort(1, Default)),
    ["GET /demo?x=1 HTTP/1.1\r\n", [[Name, ": ", Value, "\r\n"] || {Name, Value} <- All, Value =/= none], "\r\n"].

%% The text of the errors that are logged while the fun runs and until the process that it returns has ended, and why
%% that did.
-spec log(fun(() -> pid())) -> {[string()], term()}.
log(Fun) ->
    Test = self(),
    ok = logger:add_handler(?MODULE, old_log, #{config => Test}),
    try
        Pid = Fun(),
        Reason = exit_of(Pid),
        {collected(), Reason}
    after
        logger:remove_handler(?MODULE)
    end.

-spec collected() -> [string()].
collected() ->
    receive {logged, Text} -> [Text | collected()] after 0 -> [] end.

%% What the client of a plain request gets for what the handler does in handle/2.
-spec answer(iodata(), fun((term()) -> {ok, term()})) -> binary().
answer(Request, Handle) ->
    answer(Request, Handle, []).

-spec answer(iodata(), fun((term()) -> {ok, term()}), list()) -> binary().
answer(Request, Handle, ProtoOpts) ->
    Callback = fun(Req, S) -> {ok, Req2} = Handle(Req), {ok, Req2, S} end,
    {Socket, _} = connect(#{init => fun(Req, S) -> {ok, Req, S} end, handle => Callback}, Request, ProtoOpts),
    until_eof(Socket).

-spec lines(binary()) -> [string()].
lines(Bytes) ->
    [Head | _] = binary:split(Bytes, <<"\r\n\r\n">>),
    [binary_to_list(Line) || Line <- binary:split(Head, <<"\r\n">>, [global])].

%% Without the date.
-spec undated(binary()) -> [string()].
undated(Bytes) -> [Line || Line <- lines(Bytes), string:prefix(Line, "date: ") =:= nomatch].
