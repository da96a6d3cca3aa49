%% @doc Promises that handlers of Cowboy 0, 1 and the pre-releases of 2 hold in common, each in its generation's words,
%% and the node in which all generations live: one table per promise, over raw sockets.
-module(contract_SUITE).

-export([all/0, suite/0, init_per_suite/1, end_per_suite/1, end_per_testcase/2]).
-export([every_handler_speaks_its_generation_under_every_listener/1, exports_of_two_generations_follow_the_listener/1,
    the_hook_sees_responses_of_the_server/1, begun_response_is_ended_when_websocket_init_refuses/1,
    answered_request_is_not_upgraded/1,
    messages_are_served_between_the_halves_of_a_frame/1, frames_behind_a_stop_are_ignored/1,
    reply_in_a_session_is_a_crash/1, reply_in_terminate_has_no_clause/1, killed_session_says_nothing/1,
    trapped_exits_are_messages/1, hibernation_ends_with_the_next_message/1, hibernating_session_times_out/1,
    any_term_is_carried_as_the_req/1, otp_calls_reach_the_handler/1]).

-include_lib("stdlib/include/assert.hrl").

-import(oracle_frame, [text/1, ping/1, close/0, close/2, hex/1]).
-import(raw_client, [open/1, send/2, handshake/0, head/1, received/2, until_eof/1]).
-import(handler_reports, [started/0, exit_of/1, calls/1, next_call/0, flush/0]).

-define(LISTENER, contract).

-type generation() :: 0 | 1 | '2pre' | 2.

-spec suite() -> [term()].
suite() -> [{timetrap, {seconds, 60}}].

-spec all() -> [atom()].
all() -> cowboy_suite:cases(?MODULE).

-spec init_per_suite([term()]) -> [term()].
init_per_suite(Config) -> cowboy_suite:start(Config).

-spec end_per_suite([term()]) -> ok.
end_per_suite(Config) -> cowboy_suite:stop(Config).

-spec end_per_testcase(atom(), [term()]) -> ok.
end_per_testcase(_, _) -> unlisten().

%%% A node of all generations

-spec every_handler_speaks_its_generation_under_every_listener([term()]) -> ok.
every_handler_speaks_its_generation_under_every_listener(_) ->
    [begin
        {Socket, Pid} = upgraded(Start, Handler, #{}),
        send(Socket, [ping(<<>>), text(<<"a">>), close(1000, <<"bye">>)]),
        ?assertEqual({Start, Handler, hex("8a00810161" ++ Close)}, {Start, Handler, until_eof(Socket)}),
        ?assertEqual({Start, Handler, normal}, {Start, Handler, exit_of(Pid)}),
        Calls = begun(Handler) ++ [{handle, Ping}, {handle, {text, <<"a">>}}, {terminate, Reason}],
        ?assertEqual({Start, Handler, Calls}, {Start, Handler, calls(Pid)})
     end || Start <- [start_listener, start_http, start_clear_4, start_clear],
            {Handler, Ping, Reason, Close} <- [
                {0, {ping, <<>>}, {normal, closed}, "8800"},
                {1, {ping, <<>>}, {remote, 1000, <<"bye">>}, "880203e8"},
                {'2pre', ping, {remote, 1000, <<"bye">>}, "880203e8"},
                {2, ping, {remote, 1000, <<"bye">>}, "880203e8"}]],
    ok.

-spec exports_of_two_generations_follow_the_listener([term()]) -> ok.
exports_of_two_generations_follow_the_listener(_) ->
    Rows = [
        {start_listener, cowboy_http_websocket, <<"init/3 websocket_handle/3">>},
        {start_http, cowboy_websocket, <<"init/3 websocket_handle/3">>},
        {start_clear_4, none, <<"init/2 websocket_init/1 websocket_handle/2">>},
        {start_clear, none, <<"init/2 websocket_init/1 websocket_handle/2">>}
    ],
    [begin
        Socket = open(listen(Start, contract_handler_any, Protocol)),
        send(Socket, handshake()),
        <<"HTTP/1.1 101 ", _/binary>> = head(Socket),
        send(Socket, text(<<"?">>)),
        ?assertEqual({Start, Said}, {Start, raw_client:payload(Socket)}),
        gen_tcp:close(Socket)
     end || {Start, Protocol, Said} <- Rows],
    ok.

%%% Before the 101

-spec begun_response_is_ended_when_websocket_init_refuses([term()]) -> ok.
begun_response_is_ended_when_websocket_init_refuses(_) ->
    [begin
        Refuse = fun(Req, _) ->
            {ok, Req2} = Module:chunked_reply(403, [], Req),
            ok = Module:chunk(<<"no">>, Req2),
            {shutdown, Req2}
        end,
        {Socket, Pid} = connect(Generation, #{websocket_init => Refuse}),
        <<"HTTP/1.1 403 ", _/binary>> = head(Socket),
        ?assertEqual({Generation, <<"2\r\nno\r\n0\r\n\r\n">>}, {Generation, until_eof(Socket)}),
        ?assertEqual({Generation, normal, begun(Generation)}, {Generation, exit_of(Pid), calls(Pid)})
     end || {Generation, Module} <- [{0, cowboy_http_req}, {1, cowboy_req}]],
    ok.

%% The listener's `onresponse' is asked whoever answers.
-spec the_hook_sees_responses_of_the_server([term()]) -> ok.
the_hook_sees_responses_of_the_server(_) ->
    Test = self(),
    Rows = [{0, fun(Status, _, Req) -> Test ! {hook, Status}, Req end},
        {1, fun(Status, _, _, Req) -> Test ! {hook, Status}, Req end}],
    [begin
        Port = listen(own_start(Generation), handler(Generation), #{test => Test}, [{onresponse, Hook}]),
        Refused = raw_client:exchange(Port, Request),
        ?assertEqual({Generation, <<Status/binary, " ">>}, {Generation, binary:part(Refused, 9, 4)}),
        ?assertEqual({Generation, {hook, binary_to_integer(Status)}}, {Generation, hooked()})
     end || {Generation, Hook} <- Rows, {Status, Request} <- [
        {<<"400">>, "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n"},
        {<<"404">>, "GET /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"}]],
    [begin
        Port = listen(own_start(Generation), handler(Generation), #{test => Test, init => fun(_, _) -> error(boom) end},
            [{onresponse, Hook}]),
        Socket = open(Port),
        send(Socket, handshake()),
        Pid = started(),
        ?assertMatch({Generation, <<"HTTP/1.1 500 ", _/binary>>}, {Generation, until_eof(Socket)}),
        _ = exit_of(Pid),
        ?assertEqual({Generation, {hook, 500}}, {Generation, hooked()})
     end || {Generation, Hook} <- Rows],
    ok.

%% The hook has been asked by the time that the response is here.
-spec hooked() -> {hook, term()} | none.
hooked() ->
    receive {hook, _} = Hook -> Hook after 0 -> none end.

%% The Req says that it has been answered, and no clause of Cowboy's sends a 101 for such a one.
-spec answered_request_is_not_upgraded([term()]) -> ok.
answered_request_is_not_upgraded(_) ->
    Answer = fun(Module) -> fun(Req, S) -> {ok, Req2} = Module:reply(403, [], <<"no">>, Req), {ok, Req2, S} end end,
    Rows = [
        {0, #{websocket_init => Answer(cowboy_http_req)}},
        {1, #{websocket_init => Answer(cowboy_req)}},
        {'2pre', #{init => fun(Req, S) -> {cowboy_websocket, cowboy_req:reply(403, [], <<"no">>, Req), S} end}}
    ],
    [begin
        {Socket, Pid} = connect(Generation, Script),
        <<"HTTP/1.1 403 ", _/binary>> = head(Socket),
        ?assertEqual({Generation, <<"no">>}, {Generation, until_eof(Socket)}),
        ?assertMatch({Generation, {function_clause, _}}, {Generation, exit_of(Pid)}),
        ?assertEqual({Generation, begun(Generation)}, {Generation, calls(Pid)})
     end || {Generation, Script} <- Rows],
    ok.

%%% Session

-spec messages_are_served_between_the_halves_of_a_frame([term()]) -> ok.
messages_are_served_between_the_halves_of_a_frame(_) ->
    Say = fun(Message, Req, S) -> {reply, {text, Message}, Req, S} end,
    <<Half:5/binary, Rest/binary>> = text(<<"whole">>),
    [begin
        {Socket, Pid} = upgraded(Generation, #{info => Say}),
        send(Socket, Half),
        Pid ! <<"m">>,
        ?assertEqual({Generation, hex("81016d")}, {Generation, received(Socket, 3)}),
        send(Socket, Rest),
        ?assertEqual({Generation, <<"whole">>}, {Generation, raw_client:payload(Socket)}),
        gen_tcp:close(Socket)
     end || Generation <- old()],
    ok.

-spec frames_behind_a_stop_are_ignored([term()]) -> ok.
frames_behind_a_stop_are_ignored(_) ->
    Rows = [{0, shutdown, "8800", {normal, shutdown}}, {1, shutdown, "880203e8", {normal, shutdown}},
        {'2pre', stop, "880203e8", stop}],
    [begin
        Stop = fun({text, <<"stop">>}, Req, S) -> {Word, Req, S} end,
        {Socket, Pid} = upgraded(Generation, #{handle => Stop}),
        send(Socket, [text(<<"stop">>), text(<<"more">>), close()]),
        ?assertEqual({Generation, hex(Close)}, {Generation, until_eof(Socket)}),
        ?assertEqual({Generation, begun(Generation) ++ [{handle, {text, <<"stop">>}}, {terminate, Reason}]},
            {Generation, calls(Pid)})
     end || {Generation, Word, Close, Reason} <- Rows],
    ok.

-spec reply_in_a_session_is_a_crash([term()]) -> ok.
reply_in_a_session_is_a_crash(_) ->
    Rows = [{0, cowboy_http_req, "8800", {error, handler}}, {1, cowboy_req, "880203f3", {error, handler}},
        {'2pre', cowboy_req, "880203f3", {crash, error, function_clause}}],
    [begin
        {Socket, Pid} = upgraded(Generation, #{handle => fun(_, Req, _) -> Module:reply(200, Req) end}),
        send(Socket, text(<<"x">>)),
        ?assertEqual({Generation, hex(Close)}, {Generation, until_eof(Socket)}),
        ?assertEqual({Generation, {terminate, Reason}}, {Generation, lists:last(calls(Pid))})
     end || {Generation, Module, Close, Reason} <- Rows],
    ok.

-spec reply_in_terminate_has_no_clause([term()]) -> ok.
reply_in_terminate_has_no_clause(_) ->
    [begin
        Test = self(),
        Late = fun(_, Req, _) -> Test ! {call, {caught, catch Module:reply(200, Req)}} end,
        {Socket, Pid} = upgraded(Generation, #{terminate => Late}),
        send(Socket, close()),
        ?assertEqual({Generation, hex("8800")}, {Generation, until_eof(Socket)}),
        ?assertMatch({Generation, {caught, {'EXIT', {function_clause, _}}}}, {Generation, lists:last(calls(Pid))})
     end || {Generation, Module} <- [{0, cowboy_http_req}, {1, cowboy_req}, {'2pre', cowboy_req}]],
    ok.

%% Carried along and handed to every callback, whatever it is.
-spec any_term_is_carried_as_the_req([term()]) -> ok.
any_term_is_carried_as_the_req(_) ->
    Handle = fun({text, <<"1">>}, _, S) -> {ok, odd, S}; (Frame, odd, S) -> {reply, Frame, odd, S} end,
    [begin
        Test = self(),
        Terminate = fun(_, Req, _) -> Test ! {call, {last, Req}} end,
        {Socket, Pid} = upgraded(Generation, #{handle => Handle, terminate => Terminate}),
        send(Socket, [text(<<"1">>), text(<<"2">>), close()]),
        ?assertEqual({Generation, hex("8101328800")}, {Generation, until_eof(Socket)}),
        ?assertEqual({Generation, normal, {last, odd}}, {Generation, exit_of(Pid), lists:last(calls(Pid))})
     end || Generation <- [0, 1]],
    ok.

%%% Process

-spec killed_session_says_nothing([term()]) -> ok.
killed_session_says_nothing(_) ->
    [begin
        {Socket, Pid} = upgraded(Generation, #{}),
        exit(Pid, Signal),
        ?assertEqual({Generation, <<>>}, {Generation, until_eof(Socket)}),
        ?assertEqual({Generation, Reason, begun(Generation)}, {Generation, exit_of(Pid), calls(Pid)})
     end || Generation <- old(), {Signal, Reason} <- [{kill, killed}, {shutdown, shutdown}, {boom, boom}]],
    ok.

-spec trapped_exits_are_messages([term()]) -> ok.
trapped_exits_are_messages(_) ->
    Trap = fun
        (trap, Req, S) ->
            process_flag(trap_exit, true),
            _ = spawn_link(fun() -> exit(boom) end),
            {ok, Req, S};
        ({'EXIT', _, boom}, Req, S) ->
            {reply, {text, <<"lives">>}, Req, S}
    end,
    [begin
        {Socket, Pid} = upgraded(Generation, #{info => Trap}),
        Pid ! trap,
        ?assertEqual({Generation, <<"lives">>}, {Generation, raw_client:payload(Socket)}),
        gen_tcp:close(Socket),
        ?assertEqual({Generation, normal}, {Generation, exit_of(Pid)}),
        ?assertEqual({Generation, {terminate, {error, closed}}}, {Generation, lists:last(calls(Pid))})
     end || Generation <- old()],
    ok.

%% Nothing is taken out of the handler's messages: a call of OTP's waits for an answer that only the handler can give.
-spec otp_calls_reach_the_handler([term()]) -> ok.
otp_calls_reach_the_handler(_) ->
    Answer = fun({'$gen_call', From, question}, Req, S) -> gen_server:reply(From, answer), {ok, Req, S};
                (_, Req, S) -> {ok, Req, S} end,
    [begin
        {Socket, Pid} = upgraded(Generation, #{info => Answer}),
        ?assertEqual({Generation, answer}, {Generation, gen_server:call(Pid, question)}),
        ?assertMatch({Generation, {'EXIT', {timeout, _}}}, {Generation, catch sys:get_state(Pid, 50)}),
        gen_tcp:close(Socket),
        ?assertMatch({Generation, [{info, {'$gen_call', _, question}}, {info, {system, _, get_state}}, {terminate, _}]},
            {Generation, lists:nthtail(length(begun(Generation)), calls(Pid))})
     end || Generation <- old()],
    ok.

-spec hibernation_ends_with_the_next_message([term()]) -> ok.
hibernation_ends_with_the_next_message(_) ->
    Handle = fun(_, Req, S) -> {ok, Req, S, hibernate} end,
    [begin
        {Socket, Pid} = upgraded(Generation, #{handle => Handle}),
        drop(begun(Generation)),
        send(Socket, text(<<"sleep">>)),
        {handle, _} = next_call(),
        ?assertEqual({Generation, true}, {Generation, becomes(Pid, true)}),
        Pid ! wake,
        {info, wake} = next_call(),
        ?assertEqual({Generation, true}, {Generation, becomes(Pid, false)}),
        gen_tcp:close(Socket),
        ?assertEqual({Generation, normal}, {Generation, exit_of(Pid)})
     end || Generation <- old()],
    ok.

-spec hibernating_session_times_out([term()]) -> ok.
hibernating_session_times_out(_) ->
    Old = #{websocket_init => fun(Req, S) -> {ok, Req, S, 50, hibernate} end},
    Rows = [{0, Old, "8800", {normal, timeout}}, {1, Old, "880203e8", {normal, timeout}},
        {'2pre', #{init => fun(Req, S) -> {cowboy_websocket, Req, S, 50, hibernate} end}, "880203e8", timeout}],
    [begin
        {Socket, Pid} = upgraded(Generation, Script),
        ?assertEqual({Generation, hex(Close)}, {Generation, until_eof(Socket)}),
        ?assertEqual({Generation, begun(Generation) ++ [{terminate, Reason}]}, {Generation, calls(Pid)})
     end || {Generation, Script, Close, Reason} <- Rows],
    ok.

%% Whether the process comes to be hibernated, or not. It waits without a word in either state.
-spec becomes(pid(), boolean()) -> boolean().
becomes(Pid, Hibernated) -> becomes(Pid, Hibernated, 500).

-spec becomes(pid(), boolean(), non_neg_integer()) -> boolean().
becomes(_, _, 0) ->
    false;
becomes(Pid, Hibernated, Tries) ->
    case {process_info(Pid, current_function), process_info(Pid, status)} of
        {{_, {erlang, hibernate, 3}}, _} when Hibernated -> true;
        {{_, Function}, {_, waiting}} when not Hibernated, Function =/= {erlang, hibernate, 3} -> true;
        _ -> receive after 10 -> becomes(Pid, Hibernated, Tries - 1) end
    end.

-spec drop([term()]) -> ok.
drop(Calls) ->
    [?assertEqual(Call, next_call()) || Call <- Calls],
    ok.

%%% Listeners

-spec old() -> [generation()].
old() -> [0, 1, '2pre'].

%% What is called before the first frame.
-spec begun(generation()) -> [term()].
begun('2pre') -> [init];
begun(2) -> [init, websocket_init];
begun(_) -> [{init, {tcp, http}}, {websocket_init, tcp}].

-spec own_start(generation()) -> atom().
own_start(0) -> start_listener;
own_start(_) -> start_http.

-spec handler(generation()) -> module().
handler(0) -> contract_handler_0;
handler(1) -> contract_handler_1;
handler('2pre') -> contract_handler_2pre;
handler(2) -> contract_handler_2.

%% A client of the scripted handler that has sent the handshake, and the process of its request.
-spec connect(generation(), map()) -> {gen_tcp:socket(), pid()}.
connect(Generation, Script) -> connect(own_start(Generation), Generation, Script).

-spec connect(atom(), generation(), map()) -> {gen_tcp:socket(), pid()}.
connect(Start, Generation, Script) ->
    flush(),
    Socket = open(listen(Start, handler(Generation), Script#{test => self()})),
    send(Socket, handshake()),
    {Socket, started()}.

-spec upgraded(generation(), map()) -> {gen_tcp:socket(), pid()}.
upgraded(Generation, Script) -> upgraded(own_start(Generation), Generation, Script).

-spec upgraded(atom(), generation(), map()) -> {gen_tcp:socket(), pid()}.
upgraded(Start, Generation, Script) ->
    {Socket, Pid} = connect(Start, Generation, Script),
    <<"HTTP/1.1 101 ", _/binary>> = head(Socket),
    {Socket, Pid}.

-spec listen(atom(), module(), term()) -> inet:port_number().
listen(Start, Handler, Opts) -> listen(Start, Handler, Opts, []).

-spec listen(atom(), module(), term(), [{atom(), term()}]) -> inet:port_number().
listen(Start, Handler, Opts, ProtoOpts) ->
    ok = unlisten(),
    {ok, _} = start(Start, [{ip, {127, 0, 0, 1}}, {port, 0}], Handler, Opts, ProtoOpts),
    ranch:get_port(?LISTENER).

%% The handler is at `/ws'.
-spec start(atom(), list(), module(), term(), list()) -> {ok, pid()} | {error, term()}.
start(start_listener, Address, Handler, Opts, ProtoOpts) ->
    Dispatch = [{'_', [{[<<"ws">>], Handler, Opts}]}],
    cowboy:start_listener(?LISTENER, 10, cowboy_tcp_transport, Address, cowboy_http_protocol,
        [{dispatch, Dispatch} | ProtoOpts]);
start(start_http, Address, Handler, Opts, ProtoOpts) ->
    cowboy:start_http(?LISTENER, 10, Address, [{env, [{dispatch, compiled(Handler, Opts)}]} | ProtoOpts]);
start(start_clear_4, Address, Handler, Opts, []) ->
    cowboy:start_clear(?LISTENER, 10, Address, #{env => #{dispatch => compiled(Handler, Opts)}});
start(start_clear, Address, Handler, Opts, []) ->
    cowboy:start_clear(?LISTENER, Address, #{env => #{dispatch => compiled(Handler, Opts)}}).

-spec compiled(module(), term()) -> term().
compiled(Handler, Opts) -> cowboy_router:compile([{'_', [{"/ws", Handler, Opts}]}]).

-spec unlisten() -> ok.
unlisten() ->
    _ = cowboy:stop_listener(?LISTENER),
    ok.
