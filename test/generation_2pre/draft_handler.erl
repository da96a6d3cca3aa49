%% @doc A handler of 2.0.0-pre.4 to pre.9: callbacks of Cowboy 2, init/2 of before it.
-module(draft_handler).

-export([init/2, websocket_init/1, websocket_handle/2, websocket_info/2, terminate/3]).

-spec init(cowboy_req:req(), map()) -> term().
init(Req, #{init := Init} = Opts) -> Init(Req, Opts).

-spec websocket_init(map()) -> {ok, map()}.
websocket_init(#{test := Test} = State) ->
    Test ! {call, {websocket_init, self()}},
    {ok, State}.

-spec websocket_handle(term(), map()) -> term().
websocket_handle({text, <<"stop">>}, State) -> {stop, State};
websocket_handle({text, Text}, State) -> {reply, {text, Text}, State};
websocket_handle(_, State) -> {ok, State}.

-spec websocket_info(term(), map()) -> term().
websocket_info(_, State) -> {ok, State}.

-spec terminate(term(), term(), map()) -> ok.
terminate(Reason, Req, #{test := Test}) ->
    Test ! {call, {terminate, Reason, Req}},
    ok.
