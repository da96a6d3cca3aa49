%% @doc A handler that is WebSocket, loop and plain in one, and says so in `init' by what the request looks like: as
%% Bullet's and SockJS's were, for Cowboy 1 (`init/3') and 2 (`init/2') alike.
-module(neighbours_bullet).

-export([init/3, handle/2, info/3, terminate/3]).
-export([websocket_init/3, websocket_handle/3, websocket_info/3, websocket_terminate/3]).
-export([init/2, websocket_init/1, websocket_handle/2, websocket_info/2]).

%%% Cowboy 1

-spec init({tcp | ssl, http}, term(), map()) -> term().
init({_, http}, Req, Script) ->
    oracle_trace:init_called(Script, init),
    case cowboy_req:header(<<"upgrade">>, Req) of
        {undefined, Req2} -> by_method(cowboy_req:method(Req2), Script);
        {Upgrade, _} when is_binary(Upgrade) -> {upgrade, protocol, cowboy_websocket}
    end.

-spec by_method({binary(), term()}, map()) -> term().
by_method({<<"GET">>, Req}, Script) ->
    ok = oracle_trace:watch(Script, self()),
    {loop, Req, neighbours_loop:state(Script), 5000, hibernate};
by_method({<<"POST">>, Req}, Script) -> {ok, Req, neighbours_loop:state(Script)};
by_method({_, Req}, Script) ->
    {ok, Req2} = cowboy_req:reply(405, Req),
    {shutdown, Req2, neighbours_loop:state(Script)}.

-spec handle(term(), map()) -> term().
handle(Req, State) ->
    {ok, Body, Req2} = cowboy_req:body(Req),
    {ok, Req3} = cowboy_req:reply(200, [], [<<"posted ">>, Body], Req2),
    {ok, Req3, State}.

-spec info(term(), term(), map()) -> term().
info(Message, Req, State) when is_map(Req) ->
    oracle_trace:callback(State, {info, Message}),
    {stop, cowboy_req:reply(200, #{}, [<<"polled ">>, Message], Req), State};
info(Message, Req, State) ->
    oracle_trace:callback(State, {info, Message}),
    {ok, Req2} = cowboy_req:reply(200, [], [<<"polled ">>, Message], Req),
    {ok, Req2, State}.

-spec terminate(term(), term(), map()) -> ok.
terminate(Reason, _, State) ->
    oracle_trace:callback(State, {terminate, Reason}).

-spec websocket_init(tcp | ssl, term(), map()) -> term().
websocket_init(_, Req, Script) ->
    ok = oracle_trace:watch(Script, self()),
    {ok, Req, neighbours_loop:state(Script)}.

-spec websocket_handle(term(), term(), map()) -> term().
websocket_handle(Frame, Req, State) -> {reply, Frame, Req, State}.

-spec websocket_info(term(), term(), map()) -> term().
websocket_info(_, Req, State) -> {ok, Req, State}.

-spec websocket_terminate(term(), term(), map()) -> ok.
websocket_terminate(Reason, _, State) ->
    oracle_trace:callback(State, {websocket_terminate, Reason}).

%%% Cowboy 2

-spec init(map(), map()) -> term().
init(Req, Script) ->
    State = neighbours_loop:state(Script),
    oracle_trace:init_called(Script, init),
    case {cowboy_req:header(<<"upgrade">>, Req), cowboy_req:method(Req)} of
        {undefined, <<"GET">>} ->
            ok = oracle_trace:watch(Script, self()),
            {cowboy_loop, Req, State, hibernate};
        {undefined, <<"POST">>} -> posted(Req, State);
        {undefined, _} -> {ok, cowboy_req:reply(405, Req), State};
        {_, _} -> {cowboy_websocket, Req, State, #{idle_timeout => 5000}}
    end.

-spec posted(map(), map()) -> term().
posted(Req, State) ->
    {ok, Body, Req2} = cowboy_req:read_body(Req),
    {ok, cowboy_req:reply(200, #{}, [<<"posted ">>, Body], Req2), State}.

-spec websocket_init(map()) -> term().
websocket_init(State) ->
    ok = oracle_trace:watch(State, self()),
    {ok, State}.

-spec websocket_handle(term(), map()) -> term().
websocket_handle({_, _} = Frame, State) -> {reply, Frame, State};
websocket_handle(_, State) -> {ok, State}.

-spec websocket_info(term(), map()) -> term().
websocket_info(_, State) -> {ok, State}.
