%% @doc Keeps the process-group scope alive in which the chat's connections find each other.
-module(farrier_demo_sup).
-behaviour(supervisor).

-export([start_link/0]).
-export([init/1]).

-spec start_link() -> {ok, pid()}.
start_link() ->
    {ok, _Pid} = supervisor:start_link({local, ?MODULE}, ?MODULE, []).

-spec init([]) -> {ok, {supervisor:sup_flags(), [supervisor:child_spec()]}}.
init([]) ->
    Rooms = #{id => rooms, start => {pg, start_link, [demo_rooms]}},
    {ok, {#{strategy => one_for_one}, [Rooms]}}.
