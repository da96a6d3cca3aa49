%% One person in one room. Text comes in as it was typed; JSON goes out (see chat_hall).
-module(chat_handler).
-behaviour(cowboy_websocket).

-export([init/2, websocket_init/1, websocket_handle/2, websocket_info/2, terminate/3]).

-define(KEEP_ALIVE_MS, 25000).

init(Req, #{most_characters := Most}) ->
    #{name := Name} = cowboy_req:match_qs([{name, nonempty, <<"somebody">>}], Req),
    State = #{room => cowboy_req:binding(room, Req), name => Name, most => Most},
    {cowboy_websocket, Req, State, #{idle_timeout => 60000, max_frame_size => 16384}}.

websocket_init(State = #{room := Room, name := Wanted}) ->
    keep_alive(),
    {Name, News} = chat_hall:enter(Room, string:slice(Wanted, 0, 30)),
    {[{text, chat_json:encode(One)} || One <- News], State#{name := Name}}.

websocket_handle({text, <<"/quit", _/binary>>}, State) ->
    {[{close, 1000, <<"See you!">>}], State};
websocket_handle({text, <<"/typing">>}, State) ->
    chat_hall:type(),
    {ok, State};
websocket_handle({text, Text}, State = #{most := Most}) ->
    case string:length(Text) of
        0 -> ok;
        Length when Length > Most -> self() ! {chat, #{type => refused, text => <<"That was too long.">>}};
        _ -> chat_hall:say(Text)
    end,
    {ok, State};
websocket_handle(_Frame, State) ->
    {ok, State}.

websocket_info({chat, News}, State) ->
    {[{text, chat_json:encode(News)}], State, hibernate};
websocket_info(keep_alive, State) ->
    keep_alive(),
    {[ping], State, hibernate};
websocket_info(_Message, State) ->
    {ok, State}.

terminate(_Reason, _Req, _State) ->
    ok.

keep_alive() ->
    erlang:send_after(?KEEP_ALIVE_MS, self(), keep_alive).
