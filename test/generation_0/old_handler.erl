%% @doc A handler of Cowboy 0 whose callbacks a test writes: `Opts' maps them to funs, and names who is told of every
%% call. The state counts the calls.
-module(old_handler).
-behaviour(cowboy_http_handler).
-behaviour(cowboy_http_websocket_handler).

-export([init/3, handle/2, info/3, terminate/2]).
-export([websocket_init/3, websocket_handle/3, websocket_info/3, websocket_terminate/3]).

-spec init(term(), term(), map()) -> term().
init({Transport, http} = Connection, Req, #{test := Test} = Opts) ->
    Test ! {process, self()},
    receive {go, Test} -> ok end,
    told({init, Connection}, Opts),
    _ = Transport,
    (maps:get(init, Opts, fun(_, _) -> {upgrade, protocol, cowboy_http_websocket} end))(Req, Opts#{calls => 0}).

-spec handle(term(), map()) -> term().
handle(Req, State) ->
    told(handle, State),
    (maps:get(handle, State, fun(R, S) -> {ok, R, S} end))(Req, counted(State)).

-spec info(term(), term(), map()) -> term().
info(Message, Req, State) ->
    told({info, Message}, State),
    (maps:get(info, State, fun(_, R, S) -> {loop, R, S} end))(Message, Req, counted(State)).

-spec terminate(term(), map()) -> term().
terminate(Req, State) ->
    told({terminate, maps:get(calls, State)}, State),
    (maps:get(terminate, State, fun(_, _) -> ok end))(Req, State).

-spec websocket_init(atom(), term(), map()) -> term().
websocket_init(Transport, Req, Opts) ->
    told({websocket_init, Transport}, Opts),
    (maps:get(websocket_init, Opts, fun(R, S) -> {ok, R, S} end))(Req, Opts#{calls => 0}).

-spec websocket_handle(term(), term(), map()) -> term().
websocket_handle(Frame, Req, State) ->
    told({frame, Frame}, State),
    (maps:get(frame, State, fun(_, R, S) -> {ok, R, S} end))(Frame, Req, counted(State)).

-spec websocket_info(term(), term(), map()) -> term().
websocket_info(Message, Req, State) ->
    told({message, Message}, State),
    (maps:get(message, State, fun(_, R, S) -> {ok, R, S} end))(Message, Req, counted(State)).

-spec websocket_terminate(term(), term(), map()) -> term().
websocket_terminate(Reason, Req, State) ->
    told({websocket_terminate, Reason, maps:get(calls, State)}, State),
    (maps:get(websocket_terminate, State, fun(_, _) -> ok end))(Req, State).

-spec counted(map()) -> map().
counted(#{calls := Calls} = State) -> State#{calls := Calls + 1}.

-spec told(term(), map()) -> ok.
told(What, #{test := Test}) ->
    Test ! {call, What},
    ok.
