%% @doc Answers `GET /facts' with what the page shows of the node, as JSON. A plain Cowboy 2.x handler.
-module(farrier_demo_facts).

-export([init/2]).

-spec init(Req, State) -> {ok, Req, State} when Req :: cowboy_req:req(), State :: term().
init(Req, State) ->
    Headers = #{
        <<"content-type">> => <<"application/json">>,
        <<"cache-control">> => <<"no-store">>
    },
    {ok, cowboy_req:reply(200, Headers, json(facts()), Req), State}.

-spec facts() -> [{atom(), binary() | integer()}].
facts() ->
    {Name, Version} = transport(),
    [
        {transport, Name},
        {version, Version},
        {otp, list_to_binary(erlang:system_info(otp_release))},
        {schedulers, erlang:system_info(schedulers_online)},
        {processes, erlang:system_info(process_count)},
        {memory_bytes, erlang:memory(total)},
        {uptime_s, element(1, erlang:statistics(wall_clock)) div 1000},
        {in_room, length(pg:get_members(demo_rooms, room))}
    ].

%% Names what really serves this request: the demo's handlers also run on a Cowboy 2.x of Nine Nines.
-spec transport() -> {binary(), binary()}.
transport() ->
    Running = [{Name, Version} || {Name, _, Version} <- application:which_applications()],
    {Name, Version} = hd([App || Wanted <- [farrier, cowboy], {Found, _} = App <- Running, Found =:= Wanted]),
    {atom_to_binary(Name), list_to_binary(Version)}.

%% The values are integers and version strings, so quoting them needs no escapes.
-spec json([{atom(), binary() | integer()}]) -> iolist().
json(Facts) ->
    Members = [[$", atom_to_binary(Key), "\":", value(Value)] || {Key, Value} <- Facts],
    [${, lists:join($,, Members), $}].

-spec value(binary() | integer()) -> iodata().
value(Value) when is_integer(Value) -> integer_to_binary(Value);
value(Value) -> [$", Value, $"].
