%% The stream handler that every list of them ends with: it has the request run, and turns what the request sends into
%% commands. See `farrier_stream'.
-module(cowboy_stream_h).
-behaviour(cowboy_stream).

-export([init/3, data/4, info/3, terminate/3, early_error/5]).

%% Milliseconds; nobody here waits for so long.
-define(SHUTDOWN, 5000).

%% @doc The request's process is the one that calls.
-spec init(cowboy_stream:streamid(), cowboy_req:req(), cowboy:opts()) ->
    {cowboy_stream:commands(), cowboy_stream:state()}.
init(StreamId, Req, Opts) ->
    Middlewares = maps:get(middlewares, Opts, [cowboy_router, cowboy_handler]),
    farrier_stream:run_with(Req, maps:get(env, Opts, #{}), Middlewares),
    {Commands, Next} = cowboy_stream:init(StreamId, Req, Opts),
    {[{spawn, self(), maps:get(shutdown_timeout, Opts, ?SHUTDOWN)} | Commands], Next}.

-spec data(cowboy_stream:streamid(), cowboy_stream:fin(), binary(), cowboy_stream:state()) ->
    {cowboy_stream:commands(), cowboy_stream:state()}.
data(StreamId, IsFin, Data, Next) ->
    farrier_stream:take_data(IsFin, Data),
    cowboy_stream:data(StreamId, IsFin, Data, Next).

-spec info(cowboy_stream:streamid(), any(), cowboy_stream:state()) -> {cowboy_stream:commands(), cowboy_stream:state()}.
info(StreamId, Info, Next0) ->
    {Commands, Next} = cowboy_stream:info(StreamId, Info, Next0),
    {own(Info) ++ Commands, Next}.

%% What the request wants; then how it failed. Anything else was meant for handlers of the user's.
-spec own(any()) -> cowboy_stream:commands().
own(Command) when
    element(1, Command) =:= inform; element(1, Command) =:= response; element(1, Command) =:= headers;
    element(1, Command) =:= trailers; element(1, Command) =:= push; element(1, Command) =:= switch_protocol;
    element(1, Command) =:= set_options
->
    [Command];
own({data, _, _} = Command) ->
    [Command];
own({data, From, IsFin, Data}) ->
    From ! {data_ack, self()},
    [{data, IsFin, Data}];
own({'EXIT', Pid, normal}) when Pid =:= self() ->
    [stop];
own({'EXIT', Pid, {{request_error, Reason, _}, _Stack}}) when Pid =:= self() ->
    [error_response(status(Reason)), stop];
own({'EXIT', Pid, {_, _Stack}} = Exit) when Pid =:= self() ->
    [error_response(500), {internal_error, Exit, 'Stream process crashed.'}];
own(_) ->
    [].

-spec error_response(400..500) -> {error_response, 400..500, map(), <<>>}.
error_response(Status) ->
    {error_response, Status, #{<<"content-length">> => <<"0">>}, <<>>}.

-spec status(any()) -> 400..413.
status(timeout) -> 408;
status(payload_too_large) -> 413;
status(_) -> 400.

-spec terminate(cowboy_stream:streamid(), cowboy_stream:reason(), cowboy_stream:state()) -> ok.
terminate(StreamId, Reason, Next) ->
    cowboy_stream:terminate(StreamId, Reason, Next).

-spec early_error(cowboy_stream:streamid(), cowboy_stream:reason(), cowboy_stream:partial_req(), Resp, cowboy:opts()) ->
    Resp
when
    Resp :: cowboy_stream:resp_command().
early_error(StreamId, Reason, PartialReq, Resp, Opts) ->
    cowboy_stream:early_error(StreamId, Reason, PartialReq, Resp, Opts).
