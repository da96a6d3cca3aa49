%% Who is in which room, and what was said there last.
%%
%% Everybody is sent {chat, News}, where News is one of
%%
%%   #{type => you, name => Name, room => Room}            to the one who comes in
%%   #{type => said, from => Name, text => Text, at => Ms}
%%   #{type => came, name => Name}, #{type => left, name => Name}
%%   #{type => typing, name => Name}
%%   #{type => present, names => [Name]}                   whenever somebody comes or leaves
%%   #{type => rooms, rooms => [#{name => Room, people => N}]}
-module(chat_hall).
-behaviour(gen_server).

-export([start_link/0, enter/2, say/1, type/0]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

-define(REMEMBERED, 30).

start_link() ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

%% The calling process comes into a room. A name that is taken there gets a number.
enter(Room, Name) ->
    gen_server:call(?MODULE, {enter, Room, Name}).

say(Text) ->
    gen_server:cast(?MODULE, {say, self(), Text}).

type() ->
    gen_server:cast(?MODULE, {type, self()}).

init([]) ->
    {ok, #{people => #{}, said => #{}}}.

handle_call({enter, Room, Wanted}, {Pid, _}, State = #{people := People, said := Said}) ->
    _ = erlang:monitor(process, Pid),
    Name = free(Wanted, names(Room, People)),
    tell(Room, People, #{type => came, name => Name}),
    Now = People#{Pid => {Room, Name}},
    tell_who_is_where(Room, Now),
    News = [#{type => you, name => Name, room => Room} | lists:reverse(maps:get(Room, Said, []))],
    {reply, {Name, News}, State#{people := Now}}.

handle_cast({say, Pid, Text}, State = #{people := People, said := Said}) ->
    {Room, Name} = maps:get(Pid, People),
    News = #{type => said, from => Name, text => Text, at => erlang:system_time(millisecond)},
    tell(Room, People, News),
    Last = lists:sublist([News | maps:get(Room, Said, [])], ?REMEMBERED),
    {noreply, State#{said := Said#{Room => Last}}};
handle_cast({type, Pid}, State = #{people := People}) ->
    {Room, Name} = maps:get(Pid, People),
    tell(Room, maps:remove(Pid, People), #{type => typing, name => Name}),
    {noreply, State}.

handle_info({'DOWN', _, process, Pid, _}, State = #{people := People, said := Said}) ->
    {{Room, Name}, Left} = maps:take(Pid, People),
    tell(Room, Left, #{type => left, name => Name}),
    tell_who_is_where(Room, Left),
    %% A room that everybody has left is forgotten.
    Kept = case names(Room, Left) of [] -> maps:remove(Room, Said); _ -> Said end,
    {noreply, State#{people := Left, said := Kept}}.

tell(Room, People, News) ->
    _ = [Pid ! {chat, News} || {Pid, {In, _}} <- maps:to_list(People), In =:= Room],
    ok.

tell_who_is_where(Room, People) ->
    tell(Room, People, #{type => present, names => names(Room, People)}),
    Rooms = lists:usort([In || {In, _} <- maps:values(People)]),
    Counted = [#{name => In, people => length(names(In, People))} || In <- Rooms],
    _ = [Pid ! {chat, #{type => rooms, rooms => Counted}} || Pid <- maps:keys(People)],
    ok.

names(Room, People) ->
    lists:sort([Name || {In, Name} <- maps:values(People), In =:= Room]).

free(Wanted, Names) ->
    Numbered = [<<Wanted/binary, " ", (integer_to_binary(N))/binary>> || N <- lists:seq(2, length(Names) + 2)],
    hd([Name || Name <- [Wanted | Numbered], not lists:member(Name, Names)]).
