%% @doc Sends each message of any client to all clients, by one Erlang message per connection process.
%%
%% The first message of a client subscribes it and is sent back to it alone, so that the client knows when that is done.
-module(fanout_handler).

-export([start/0, init/2, websocket_handle/2, websocket_info/2]).

%% @doc Starts the process group that all connections join.
-spec start() -> ok.
start() ->
    {ok, _} = pg:start(?MODULE),
    ok.

-spec init(Req, term()) -> {cowboy_websocket, Req, new, map()}.
init(Req, _) ->
    {cowboy_websocket, Req, new, #{idle_timeout => infinity, max_frame_size => infinity}}.

-spec websocket_handle(Frame, State) -> {[Frame], State} | {ok, State}.
websocket_handle({text, _} = Frame, new) ->
    ok = pg:join(?MODULE, clients, self()),
    {[Frame], subscribed};
websocket_handle({text, _} = Frame, subscribed) ->
    _ = [Client ! {deliver, Frame} || Client <- pg:get_members(?MODULE, clients)],
    {ok, subscribed};
websocket_handle(_, State) ->
    {ok, State}.

-spec websocket_info(term(), State) -> {[term()], State} | {ok, State}.
websocket_info({deliver, Frame}, State) ->
    {[Frame], State};
websocket_info(_, State) ->
    {ok, State}.
