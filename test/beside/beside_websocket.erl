%% @doc A WebSocket whose `init/2' uses the Req before it upgrades.
-module(beside_websocket).

-export([init/2, websocket_init/1, websocket_handle/2, websocket_info/2, terminate/3]).
%% A sub-protocol of one's own.
-export([upgrade/4, upgrade/5, takeover/7]).

-spec init(map(), upgrade | refuse | body | sub_protocol) -> tuple().
init(Req, refuse) ->
    {ok, cowboy_req:reply(403, #{}, <<"no">>, Req), refuse};
init(Req, sub_protocol) ->
    {?MODULE, Req, sub_protocol};
init(Req0, body) ->
    {ok, Body, Req} = cowboy_req:read_body(Req0),
    upgraded(Req, Body);
init(Req, upgrade) ->
    upgraded(Req, <<>>).

-spec upgraded(map(), binary()) -> tuple().
upgraded(Req0, Body) ->
    [Protocol | _] = cowboy_req:parse_header(<<"sec-websocket-protocol">>, Req0, [<<"none">>]),
    Req1 = cowboy_req:set_resp_header(<<"sec-websocket-protocol">>, Protocol, Req0),
    Req = cowboy_req:set_resp_cookie(<<"seen">>, cowboy_req:header(<<"user-agent">>, Req1, <<"nobody">>), Req1),
    self() ! lost,
    {cowboy_websocket, Req, #{init => self(), pid => maps:get(pid, Req), body => Body}, #{idle_timeout => 60000}}.

-spec websocket_init(map()) -> {[tuple()], map()}.
websocket_init(#{peer := Peer} = State) ->
    {[{text, io_lib:format("~p", [Peer])}], State};
websocket_init(#{init := Init, pid := Pid, body := Body} = State) ->
    {[{text, io_lib:format("~p ~p ~s", [Init =:= self(), Pid =:= self(), Body])}], State}.

-spec websocket_handle(term(), map()) -> {[tuple()], map()}.
websocket_handle({text, <<"crash">>}, _) -> error(on_purpose);
websocket_handle({text, <<"traps">>}, State) -> {[{text, atom_to_binary(element(2, process_info(self(), trap_exit)))}], State};
websocket_handle({text, <<"later">>}, State) ->
    erlang:send_after(1, self(), now),
    {[], State};
websocket_handle({Type, Text}, State) when Type =:= text; Type =:= binary -> {[{Type, Text}], State};
websocket_handle(_, State) -> {[], State}.

-spec websocket_info(term(), map()) -> {[tuple()], map()}.
websocket_info(Message, State) -> {[{text, io_lib:format("~p", [Message])}], State}.

-spec terminate(term(), map(), term()) -> ok.
terminate(Reason, Req, _) ->
    beside_node:note({terminate, Reason, lists:sort(maps:keys(Req))}).

-spec upgrade(map(), map(), module(), term()) -> term().
upgrade(Req, Env, Handler, State) ->
    upgrade(Req, Env, Handler, State, #{}).

-spec upgrade(map(), map(), module(), term(), map()) -> term().
upgrade(Req, Env, Handler, State, Opts) ->
    cowboy_websocket:upgrade(Req, Env, Handler, State, Opts).

-spec takeover(pid(), term(), gen_tcp:socket(), module(), map(), binary(), {term(), map()}) -> no_return().
takeover(Parent, Ref, Socket, Transport, Opts, Buffer, {Handler, State}) ->
    {ok, [{recv_oct, Received}]} = inet:getstat(Socket, [recv_oct]),
    Known = State#{peer => {inet:peername(Socket), Received > 0}},
    cowboy_websocket:takeover(Parent, Ref, Socket, Transport, Opts, Buffer, {Handler, Known}).
