%% Who is in which room.
-module(chat_room).
-behaviour(gen_server).

-export([start_link/0, join/1, say/2]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

start_link() ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

join(Room) ->
    gen_server:call(?MODULE, {join, Room}).

say(Room, Text) ->
    gen_server:cast(?MODULE, {say, Room, Text}).

init([]) ->
    {ok, []}.

handle_call({join, Room}, {Pid, _}, Members) ->
    _ = erlang:monitor(process, Pid),
    {reply, ok, [{Room, Pid} | Members]}.

handle_cast({say, Room, Text}, Members) ->
    _ = [Pid ! {chat, Text} || {In, Pid} <- Members, In =:= Room],
    {noreply, Members}.

handle_info({'DOWN', _, process, Pid, _}, Members) ->
    {noreply, lists:keydelete(Pid, 2, Members)}.
