-module(chat_1x_sup).
-behaviour(supervisor).

-export([start_link/0, init/1]).

start_link() ->
    supervisor:start_link({local, ?MODULE}, ?MODULE, []).

init([]) ->
    Room = {chat_room, {chat_room, start_link, []}, permanent, 5000, worker, [chat_room]},
    {ok, {{one_for_one, 10, 10}, [Room]}}.
