%% @doc Plays one generated case on two servers and says how they differ.
-module(differential_compare).

-export([differences/2, same/2]).

-type nodes() :: {Oracle :: pid(), Farrier :: pid()}.
-export_type([nodes/0]).

%% Each of two machines may be late for once: a difference counts if it shows up three times.
-define(ATTEMPTS, 3).

%% What farrier shows otherwise than Cowboy does, and what of that is meant to be so.
-spec differences(map(), nodes()) -> {[term()], Known :: [atom()]}.
differences(Case, Nodes) -> attempt(Case, Nodes, fun differential_known:expected/3, ?ATTEMPTS).

%% Where nothing is meant to differ.
-spec same(map(), nodes()) -> {[term()], []}.
same(Case, Nodes) -> attempt(Case, Nodes, fun unhurried/3, ?ATTEMPTS).

%% A client that has all it wants goes, and what a request's process still does after its response ends with that.
-spec unhurried(map(), map(), map()) -> {map(), []}.
unhurried(#{kind := http}, #{init_exits := Exits} = Seen, #{init_exits := Own}) ->
    case {in_time(Exits), in_time(Own)} of
        {Same, Same} -> {Seen#{init_exits := Own}, []};
        _ -> {Seen, []}
    end;
unhurried(_, Seen, _) -> {Seen, []}.

-spec in_time([term()]) -> [term()].
in_time(Exits) -> lists:sort([case Exit of shutdown -> normal; _ -> Exit end || Exit <- Exits]).

-spec attempt(map(), nodes(), fun(), pos_integer()) -> {[term()], [atom()]}.
attempt(Case, Nodes, Expected, Left) ->
    case once(Case, Nodes, Expected) of
        {[_ | _], _} when Left > 1 -> attempt(Case, Nodes, Expected, Left - 1);
        Outcome -> Outcome
    end.

-spec once(map(), nodes(), fun()) -> {[term()], [atom()]}.
once(Case, {First, Second}, Expected) ->
    Self = self(),
    Other = spawn_link(fun() -> Self ! {self(), seen(First, Case)} end),
    Got = seen(Second, Case),
    receive
        {Other, Seen} ->
            {Wanted, Known} = Expected(Case, Seen, Got),
            {[apart(Part, maps:get(Part, Wanted), maps:get(Part, Got))
              || Part <- [wire, callbacks, exits, init_exits], maps:get(Part, Wanted) =/= maps:get(Part, Got)], Known}
    end.

%% What they have in common before they part is left out.
-spec apart(atom(), [term()], [term()]) -> term().
apart(Part, [Same | Wanted], [Same | Got]) -> apart(Part, Wanted, Got);
apart(Part, Wanted, Got) -> {Part, {first, Wanted}, {second, Got}}.

-spec seen(pid(), map()) -> map().
seen(Node, #{scenario := Scenario} = Case) ->
    Result = differential_client:play(Node, Scenario#{id => erlang:unique_integer([positive])}),
    {How, _} = maps:get(wire, Result),
    (maps:map(fun(Part, Value) -> comparable(Part, Value, Case) end, Result))#{how => How}.

-spec comparable(atom(), term(), map()) -> [term()].
comparable(wire, {How, Bytes}, #{methods := Methods} = Case) ->
    session(Case, oracle_term:normal(differential_wire:parse(Bytes, Methods)) ++ [timeout || How =:= timeout]);
%% Requests of one connection may run at the same time.
comparable(callbacks, Callbacks, _) -> lists:keysort(1, [Note || {note, Note} <- Callbacks]);
comparable(init_exits, _, #{kind := websocket}) -> [];
comparable(_, Exits, _) -> lists:sort(Exits).

%% Frames that follow a refused handshake are no requests: how soon a server says so is no part of the comparison.
-spec session(map(), [term()]) -> [term()].
session(#{kind := websocket}, Parts) -> refused(Parts);
session(_, Parts) -> Parts.

-spec refused([term()]) -> [term()].
refused([{response, <<_:9/binary, "101", _/binary>>, _, _} | _] = Parts) -> Parts;
refused([{response, <<_:9/binary, "1", _/binary>>, _, _} = Informational | Parts]) -> [Informational | refused(Parts)];
refused([Final | _]) -> [Final];
refused([]) -> [].
