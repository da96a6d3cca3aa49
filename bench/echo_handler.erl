%% @doc The handler that every Erlang server of the benchmark runs: it sends back each message, as any Cowboy 2 handler would.
%%
%% Its state is `hibernate' on the route where it hibernates whenever it has nothing to do, and otherwise `wait'.
-module(echo_handler).

-export([init/2, websocket_init/1, websocket_handle/2, websocket_info/2]).

-type state() :: wait | hibernate.
-type frame() :: {text | binary, binary()}.
-type result() :: {[frame()], state()} | {[frame()], state(), hibernate}.

-spec init(Req, #{hibernate => boolean(), compress => boolean()}) -> {cowboy_websocket, Req, state(), map()}.
init(Req, Options) ->
    State =
        case Options of
            #{hibernate := true} -> hibernate;
            _ -> wait
        end,
    Compress = maps:get(compress, Options, false),
    {cowboy_websocket, Req, State, #{idle_timeout => infinity, max_frame_size => infinity, compress => Compress}}.

-spec websocket_init(state()) -> result().
websocket_init(State) ->
    reply([], State).

-spec websocket_handle(frame() | ping | pong | {ping | pong, binary()}, state()) -> result().
websocket_handle({Type, _} = Frame, State) when Type =:= text; Type =:= binary ->
    reply([Frame], State);
websocket_handle(_, State) ->
    reply([], State).

-spec websocket_info(term(), state()) -> result().
websocket_info(_, State) ->
    reply([], State).

-spec reply([frame()], state()) -> result().
reply(Frames, wait) -> {Frames, wait};
reply(Frames, hibernate) -> {Frames, hibernate, hibernate}.
