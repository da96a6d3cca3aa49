%% @doc A handler of 2.0.0-pre.1 to pre.3 whose callbacks a test writes: `Opts' maps them to funs, and names who is told
%% of every call. The state counts the calls.
-module(pre_handler).

-export([init/2, websocket_handle/3, websocket_info/3, terminate/3]).

-spec init(term(), map()) -> term().
init(Req, #{test := Test} = Opts) ->
    Test ! {process, self()},
    receive {go, Test} -> ok end,
    told(init, Opts),
    (maps:get(init, Opts, fun(R, S) -> {cowboy_websocket, R, S} end))(Req, Opts#{calls => 0}).

-spec websocket_handle(term(), term(), map()) -> term().
websocket_handle(Frame, Req, State) ->
    told({handle, Frame}, State),
    (maps:get(handle, State, fun(_, R, S) -> {ok, R, S} end))(Frame, Req, counted(State)).

-spec websocket_info(term(), term(), map()) -> term().
websocket_info(Message, Req, State) ->
    told({info, Message}, State),
    (maps:get(info, State, fun(_, R, S) -> {ok, R, S} end))(Message, Req, counted(State)).

%% The Req can be looked at, and what the state is tells which one was passed on.
-spec terminate(term(), term(), map()) -> term().
terminate(Reason, Req, State) ->
    told({terminate, Reason, maps:get(calls, State, opts)}, State),
    (maps:get(terminate, State, fun(_, _) -> ok end))(Req, State).

-spec counted(map()) -> map().
counted(#{calls := Calls} = State) -> State#{calls := Calls + 1}.

-spec told(term(), map()) -> ok.
told(What, #{test := Test}) ->
    Test ! {call, What},
    ok.
