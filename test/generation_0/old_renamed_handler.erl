%% @doc A handler of autumn 2012, between two names: its functions are those of cowboy_req, its protocol is
%% cowboy_http_websocket.
-module(old_renamed_handler).
-behaviour(cowboy_http_handler).
-behaviour(cowboy_websocket_handler).

-export([init/3, handle/2, terminate/2]).
-export([websocket_init/3, websocket_handle/3, websocket_info/3, websocket_terminate/3]).

-spec init({atom(), http}, term(), list()) -> term().
init({_Any, http}, Req, []) ->
    case cowboy_req:header(<<"Upgrade">>, Req) of
        {undefined, Req2} -> {ok, Req2, undefined};
        {<<"websocket">>, _Req2} -> {upgrade, protocol, cowboy_http_websocket};
        {<<"WebSocket">>, _Req2} -> {upgrade, protocol, cowboy_http_websocket}
    end.

-spec handle(term(), term()) -> term().
handle(Req, State) ->
    {ok, Req1} = cowboy_req:reply(200, [], <<>>, Req),
    {ok, Req1, State}.

-spec terminate(term(), term()) -> ok.
terminate(_Req, _State) ->
    ok.

-spec websocket_init(atom(), term(), list()) -> term().
websocket_init(_Any, Req, []) ->
    {<<"json">>, Req1} = cowboy_req:header(<<"sec-websocket-protocol">>, Req),
    {_, _, Req2} = cowboy_req:parse_header(<<"Sec-Websocket-Protocol">>, Req1, <<"json">>),
    {Token, Req3} = cowboy_req:cookie(<<"x-token">>, Req2),
    Req4 = cowboy_req:set_resp_header(<<"sec-websocket-protocol">>, <<"json">>, Req3),
    {ok, Req4, [<<"json">>, $,, Token]}.

-spec websocket_handle(term(), term(), term()) -> term().
websocket_handle({text, _}, Req, State) ->
    {Number, Req2} = cowboy_req:binding(token, Req),
    {reply, {text, [State, $,, Number]}, Req2, State}.

-spec websocket_info(term(), term(), term()) -> term().
websocket_info(_Info, Req, State) ->
    {ok, Req, State}.

-spec websocket_terminate(term(), term(), term()) -> ok.
websocket_terminate(_Reason, _Req, _State) ->
    ok.
