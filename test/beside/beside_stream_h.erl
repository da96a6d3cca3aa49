%% @doc A stream handler that has `beside_websocket' take sessions over, as RabbitMQ's do.
-module(beside_stream_h).

-export([init/3, data/4, info/3, terminate/3, early_error/5]).

-spec init(term(), map(), map()) -> {[term()], term()}.
init(StreamId, Req, Opts) -> cowboy_stream:init(StreamId, Req, Opts).

-spec data(term(), fin | nofin, binary(), term()) -> {[term()], term()}.
data(StreamId, IsFin, Data, Next) -> cowboy_stream:data(StreamId, IsFin, Data, Next).

-spec info(term(), term(), term()) -> {[term()], term()}.
info(StreamId, {switch_protocol, Headers, _, State}, Next) ->
    cowboy_stream:info(StreamId, {switch_protocol, Headers, beside_websocket, State}, Next);
info(StreamId, Info, Next) ->
    cowboy_stream:info(StreamId, Info, Next).

-spec terminate(term(), term(), term()) -> ok.
terminate(StreamId, Reason, Next) -> cowboy_stream:terminate(StreamId, Reason, Next).

-spec early_error(term(), term(), map(), tuple(), map()) -> tuple().
early_error(StreamId, Reason, PartialReq, Response, Opts) ->
    cowboy_stream:early_error(StreamId, Reason, PartialReq, Response, Opts).
