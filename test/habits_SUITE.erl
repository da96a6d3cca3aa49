%% @doc What authors of real handlers did and got away with, or did not: callbacks left out, returns that no manual
%% names, sockets of their own in the process of a session. What comes of it is what Cowboy 0.6 and 1.1 made of it.
-module(habits_SUITE).

-export([all/0, suite/0, init_per_suite/1, end_per_suite/1]).
-export([frames_as_they_came_are_sent_back/1, missing_websocket_info_is_a_crash/1,
         missing_websocket_terminate_ends_after_the_close/1, bad_return_ends_without_a_close_frame/1,
         what_init_left_in_its_process_is_there/1, sockets_of_the_handlers_own_are_heard/1]).

-include_lib("stdlib/include/assert.hrl").

-import(plain_websocket, [connect/2, send/2, send/3, recv/1]).

-spec suite() -> [term()].
suite() -> [{timetrap, {seconds, 60}}].

-spec all() -> [atom()].
all() ->
    [frames_as_they_came_are_sent_back, missing_websocket_info_is_a_crash,
     missing_websocket_terminate_ends_after_the_close, bad_return_ends_without_a_close_frame,
     what_init_left_in_its_process_is_there, sockets_of_the_handlers_own_are_heard].

-spec init_per_suite([term()]) -> [term()].
init_per_suite(Config) -> cowboy_suite:start(Config).

-spec end_per_suite([term()]) -> ok.
end_per_suite(Config) -> cowboy_suite:stop(Config).

%%% Cowboy 0

-spec frames_as_they_came_are_sent_back([term()]) -> ok.
frames_as_they_came_are_sent_back(_) ->
    old(fun(Socket) ->
        ok = send(Socket, binary, <<0>>),
        ?assertEqual({binary, <<0>>}, recv(Socket)),
        %% Cowboy answers the ping, then the handler sends one.
        ok = send(Socket, ping, <<"p">>),
        ?assertEqual([{pong, <<"p">>}, {ping, <<"p">>}], [recv(Socket), recv(Socket)]),
        ok = send(Socket, pong, <<>>),
        ?assertEqual({pong, <<>>}, recv(Socket)),
        ok = send(Socket, text, <<255>>),
        ?assertEqual({text, <<255>>}, recv(Socket)),
        ok = send(Socket, close, <<1000:16>>),
        ?assertEqual([close, eof], [recv(Socket), recv(Socket)]),
        ?assertEqual({normal, closed}, terminated())
    end).

-spec missing_websocket_info_is_a_crash([term()]) -> ok.
missing_websocket_info_is_a_crash(_) ->
    old(fun(Socket) ->
        ok = send(Socket, <<"wait">>),
        ?assertEqual([close, eof], [recv(Socket), recv(Socket)]),
        ?assertEqual({error, handler}, terminated())
    end).

-spec old(fun((gen_tcp:socket()) -> term())) -> ok.
old(Test) ->
    {ok, Free} = gen_tcp:listen(0, []),
    {ok, Port} = inet:port(Free),
    ok = gen_tcp:close(Free),
    Dispatch = [{'_', [{'_', careless_handler_0, self()}]}],
    {ok, _} = cowboy:start_listener(old, 10, cowboy_tcp_transport, [{port, Port}],
                                    cowboy_http_protocol, [{dispatch, Dispatch}]),
    _ = Test(connect(Port, "/")),
    cowboy:stop_listener(old).

-spec terminated() -> term().
terminated() ->
    receive {terminated, Reason} -> Reason after 10000 -> never end.

%%% Cowboy 1

-spec missing_websocket_terminate_ends_after_the_close([term()]) -> ok.
missing_websocket_terminate_ends_after_the_close(_) ->
    new(fun(Socket, Session) ->
        ok = send(Socket, close, <<1001:16, "bye">>),
        ?assertEqual([{close, 1001, <<>>}, eof], [recv(Socket), recv(Socket)]),
        {Raised, _Stack} = exit_of(Session),
        ?assertMatch([undef, {careless_handler_1, websocket_terminate, 3}, {remote, 1001, <<"bye">>}],
                     [proplists:get_value(Key, Raised) || Key <- [reason, mfa, terminate_reason]])
    end).

-spec bad_return_ends_without_a_close_frame([term()]) -> ok.
bad_return_ends_without_a_close_frame(_) ->
    [new(fun(Socket, Session) ->
        ok = send(Socket, Text),
        ?assertEqual(eof, recv(Socket)),
        ?assertMatch({Expected, [_ | _]}, exit_shape(exit_of(Session)))
     end) || {Text, Expected} <- [{<<"noreply">>, {try_clause, noreply}}, {<<"frame first">>, {try_clause, ok}},
                                  {<<"brackets">>, {try_clause, reply}}]],
    new(fun(Socket, Session) ->
        ok = send(Socket, <<"atom">>),
        ?assertEqual(eof, recv(Socket)),
        %% Raised by the encoding of the frame: `websocket_terminate/3', which is missing, has not been called.
        ?assertNotMatch({[{reason, undef} | _], _}, exit_of(Session))
    end).

-spec exit_shape(term()) -> term().
exit_shape({{try_clause, Returned}, Stack}) -> {{try_clause, element(1, Returned)}, Stack};
exit_shape(Other) -> Other.

-spec what_init_left_in_its_process_is_there([term()]) -> ok.
what_init_left_in_its_process_is_there(_) ->
    greeted(fun(Greeting, _Socket, _Session) ->
        ?assertEqual([{text, <<"hello">>}, {text, <<"init">>}], Greeting)
    end).

-spec sockets_of_the_handlers_own_are_heard([term()]) -> ok.
sockets_of_the_handlers_own_are_heard(_) ->
    {ok, Listener} = gen_tcp:listen(0, [binary, {active, false}, {ip, {127, 0, 0, 1}}]),
    {ok, Port} = inet:port(Listener),
    new(fun(Socket, _Session) ->
        ok = send(Socket, <<"call ", (integer_to_binary(Port))/binary>>),
        {ok, Other} = gen_tcp:accept(Listener, 10000),
        ok = gen_tcp:send(Other, <<"ready">>),
        ?assertEqual({binary, <<"<ready">>}, recv(Socket)),
        ok = send(Socket, <<"iron">>),
        ?assertEqual({ok, <<"iron">>}, gen_tcp:recv(Other, 4, 10000)),
        ok = gen_tcp:close(Other),
        ?assertEqual({text, <<"hung up">>}, recv(Socket))
    end),
    gen_tcp:close(Listener).

-spec new(fun((gen_tcp:socket(), Session :: {pid(), reference()}) -> term())) -> ok.
new(Test) ->
    greeted(fun(_Greeting, Socket, Session) -> Test(Socket, Session) end).

-spec greeted(fun((Greeting :: [term()], gen_tcp:socket(), Session :: {pid(), reference()}) -> term())) -> ok.
greeted(Test) ->
    Dispatch = cowboy_router:compile([{'_', [{"/", careless_handler_1, []}]}]),
    {ok, _} = cowboy:start_http(new, 10, [{port, 0}], [{env, [{dispatch, Dispatch}]}]),
    Socket = connect(ranch:get_port(new), "/"),
    try
        Greeting = [recv(Socket), recv(Socket)],
        [Pid] = farrier:connections(new),
        Monitor = monitor(process, Pid),
        %% The VM holds the monitor back until this process has sent another signal or rests: what goes over the socket
        %% must not overtake it.
        _ = erlang:yield(),
        Test(Greeting, Socket, {Pid, Monitor})
    after
        cowboy:stop_listener(new)
    end,
    ok.

-spec exit_of({pid(), reference()}) -> term().
exit_of({Pid, Monitor}) ->
    receive {'DOWN', Monitor, process, Pid, Reason} -> Reason after 10000 -> alive end.
