%% @doc With `trap_exit', handlers of 2.0 to 2.10 see exits as they did then: against real Cowboy 2.8.0, which ignores
%% the option.
-module(trapped_exits_SUITE).

-export([all/0, suite/0, init_per_suite/1, end_per_suite/1]).
-export([exits_are_messages_as_in_2_8/1, anything_but_a_boolean_is_refused/1]).

-include_lib("stdlib/include/assert.hrl").

-import(oracle_frame, [text/1, close/0]).

-spec suite() -> [term()].
suite() -> [{timetrap, {seconds, 60}}].

-spec all() -> [atom()].
all() -> [exits_are_messages_as_in_2_8, anything_but_a_boolean_is_refused].

-spec init_per_suite([term()]) -> [term()] | {fail, string()}.
init_per_suite(Config) -> oracle_pair:start(Config).

-spec end_per_suite([term()]) -> ok.
end_per_suite(Config) -> oracle_pair:stop(Config).

-spec exits_are_messages_as_in_2_8([term()]) -> ok.
exits_are_messages_as_in_2_8(Config) ->
    [begin
        Full = Scenario#{id => 500000 + N, proto => #{trap_exit => true}},
        {Cowboy, Farrier} = oracle_pair:seen(Full, Config),
        ?assertEqual({Name, Cowboy}, {Name, Farrier}),
        ?assertMatch({Name, [_ | _]}, {Name, [Message || {info, Message, _} <- maps:get(callbacks, Farrier)]})
     end || {N, #{name := Name} = Scenario} <- lists:zip(lists:seq(1, length(scenarios())), scenarios())],
    ok.

-spec scenarios() -> [map()].
scenarios() ->
    Link = fun(Reason) -> fun(State) -> _ = spawn_link(fun() -> exit(Reason) end), {[], State} end end,
    [#{name => "a linked process ends normally", script => #{websocket_init => Link(normal)},
       steps => [upgrade_silently, {await, info}, {send, close()}, eof]},
     #{name => "a linked process crashes", script => #{websocket_init => Link(boom)},
       steps => [upgrade_silently, {await, info}, {send, text(<<"still here">>)}, {frames, 1}, {send, close()}, eof]},
     #{name => "the handler stops with its companion",
       script => #{handle => fun(_, State) -> (Link(boom))(State) end,
                   info => fun({'EXIT', _, boom}, State) -> {stop, State} end},
       steps => [upgrade_silently, {send, text(<<"x">>)}, eof]},
     #{name => "an exit signal", script => #{handle => fun(_, State) -> exit(self(), shutdown), {[], State} end},
       steps => [upgrade_silently, {send, text(<<"x">>)}, {await, info}, {send, close()}, eof]}].

-spec anything_but_a_boolean_is_refused([term()]) -> ok.
anything_but_a_boolean_is_refused(Config) ->
    Start = fun() -> cowboy:start_clear(?MODULE, [{port, 0}], #{trap_exit => yes}) end,
    Answer = peer:call(proplists:get_value(farrier, Config), erlang, apply, [Start, []]),
    ?assertMatch({error, {bad_option, trap_exit, yes, _}}, Answer),
    ok.
