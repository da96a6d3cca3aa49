%% @doc A chat room as it was written in 2015: everything is set up in init/2, and the process is the member.
-module(pre_chat_handler).

-export([init/2, websocket_handle/3, websocket_info/3, terminate/3]).

-record(member, {room, name}).

-spec init(cowboy_req:req(), term()) -> {cowboy_websocket, cowboy_req:req(), #member{}, timeout()} | {ok,
    cowboy_req:req(), term()}.
init(Req, Opts) ->
    #{name := Name} = cowboy_req:match_qs([{name, nonempty, <<"anonymous">>}], Req),
    case cowboy_req:parse_header(<<"sec-websocket-protocol">>, Req) of
        Protocols when is_list(Protocols) ->
            case lists:member(<<"chat">>, Protocols) of
                true ->
                    Room = cowboy_req:binding(room, Req),
                    true = ets:insert(pre_chat, {Room, self(), Name}),
                    self() ! {post_init, cowboy_req:peer(Req)},
                    Req2 = cowboy_req:set_resp_header(<<"sec-websocket-protocol">>, <<"chat">>, Req),
                    {cowboy_websocket, Req2, #member{room = Room, name = Name}, 30000};
                false ->
                    {ok, cowboy_req:reply(406, [{<<"content-type">>, <<"text/plain">>}], <<"chat only">>, Req), Opts}
            end;
        undefined ->
            {ok, cowboy_req:reply(400, Req), Opts}
    end.

-spec websocket_handle(term(), cowboy_req:req(), #member{}) -> term().
websocket_handle({text, <<"/quit">>}, Req, Member) ->
    {stop, Req, Member};
websocket_handle({text, Text}, Req, #member{room = Room, name = Name} = Member) ->
    [Pid ! {said, Name, Text} || {_, Pid, _} <- ets:lookup(pre_chat, Room)],
    {ok, Req, Member};
websocket_handle(_, Req, Member) ->
    {ok, Req, Member}.

-spec websocket_info(term(), cowboy_req:req(), #member{}) -> term().
websocket_info({post_init, {{127, 0, 0, 1}, _}}, Req, #member{room = Room} = Member) ->
    Version = cowboy_req:meta(websocket_version, Req),
    {reply, [{text, [<<"welcome to ">>, Room]}, {text, integer_to_list(Version)}], Req, Member};
websocket_info({said, Name, Text}, Req, Member) ->
    {reply, {text, [Name, $:, $\s, Text]}, Req, Member, hibernate};
websocket_info(_, Req, Member) ->
    {ok, Req, Member}.

-spec terminate(term(), cowboy_req:req(), #member{}) -> ok.
terminate(Reason, Req, #member{room = Room}) ->
    ets:match_delete(pre_chat, {Room, self(), '_'}),
    [Pid ! {said, <<"left">>, io_lib:format("~p ~s", [Reason, cowboy_req:path(Req)])}
        || {_, Pid, _} <- ets:lookup(pre_chat, Room)],
    ok.
