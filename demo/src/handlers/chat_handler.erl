%% A chat room, written for Cowboy 1.x.
%% Each browser tab is one process; they meet in a process group.
-module(chat_handler).
-behaviour(cowboy_websocket_handler).

-export([init/3]).
-export([websocket_init/3]).
-export([websocket_handle/3]).
-export([websocket_info/3]).
-export([websocket_terminate/3]).

init({tcp, http}, _Req, _Opts) ->
    {upgrade, protocol, cowboy_websocket}.

websocket_init(_Transport, Req, _Opts) ->
    {Asked, Req2} = cowboy_req:qs_val(<<"name">>, Req, <<>>),
    Name = nickname(Asked),
    ok = pg:join(demo_rooms, room, self()),
    say(["* ", Name, " joined, ", headcount(), " here"]),
    {ok, Req2, Name}.

websocket_handle({text, <<"/ping ", Number/binary>>}, Req, Name) ->
    {reply, {text, <<"/pong ", Number/binary>>}, Req, Name};
websocket_handle({text, Line}, Req, Name) ->
    say([Name, ": ", Line]),
    {ok, Req, Name};
websocket_handle({binary, Bytes}, Req, Name) ->
    Size = integer_to_list(byte_size(Bytes)),
    Answer = ["* text only, please; that was ", Size, " bytes"],
    {reply, {text, Answer}, Req, Name};
websocket_handle(_PingOrPong, Req, Name) ->
    {ok, Req, Name}.

websocket_info({say, Line}, Req, Name) ->
    {reply, {text, Line}, Req, Name};
websocket_info(_Other, Req, Name) ->
    {ok, Req, Name}.

websocket_terminate(_Reason, _Req, Name) ->
    ok = pg:leave(demo_rooms, room, self()),
    say(["* ", Name, " left, ", headcount(), " here"]).

say(Line) ->
    Message = {say, iolist_to_binary(Line)},
    lists:foreach(fun(Pid) -> Pid ! Message end, members()).

headcount() ->
    integer_to_list(length(members())).

members() ->
    pg:get_members(demo_rooms, room).

%% Any name will do, as long as it is UTF-8 and short.
nickname(Asked) ->
    case unicode:characters_to_list(Asked) of
        [_ | _] = Name -> unicode:characters_to_binary(lists:sublist(Name, 24));
        _ -> <<"somebody">>
    end.
