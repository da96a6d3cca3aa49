%% The behaviour of a stream handler of Cowboy 2, and the functions by which one passes on to the next. See
%% `farrier_stream'.
-module(cowboy_stream).

-export([init/3, data/4, info/3, terminate/3, early_error/5, make_error_log/5]).

-export_type([streamid/0, fin/0, reason/0, commands/0, resp_command/0, partial_req/0, state/0]).

-type state() :: any().
-type streamid() :: any().
-type fin() :: fin | nofin.
-type reason() ::
    normal
    | switch_protocol
    | {internal_error, timeout | {error | exit | throw, any()} | any(), atom()}
    | {socket_error, closed | atom(), atom()}
    | {stop, any(), atom()}.
-type partial_req() :: map().
-type resp_command() ::
    {response, cowboy:http_status(), cowboy:http_headers(), resp_body()}.
-type resp_body() :: iodata() | {sendfile, non_neg_integer(), non_neg_integer(), file:name_all()}.
-type commands() :: [
    {inform, cowboy:http_status(), cowboy:http_headers()}
    | resp_command()
    | {headers, cowboy:http_status(), cowboy:http_headers()}
    | {data, fin(), resp_body()}
    | {trailers, cowboy:http_headers()}
    | {push, binary(), binary(), binary(), inet:port_number(), binary(), binary(), cowboy:http_headers()}
    | {flow, pos_integer()}
    | {spawn, pid(), timeout()}
    | {error_response, cowboy:http_status(), cowboy:http_headers(), iodata()}
    | {switch_protocol, cowboy:http_headers(), module(), state()}
    | {internal_error, any(), atom()}
    | {set_options, map()}
    | {log, logger:level(), io:format(), list()}
    | stop
].

-callback init(streamid(), cowboy_req:req(), cowboy:opts()) -> {commands(), state()}.
-callback data(streamid(), fin(), binary(), State) -> {commands(), State} when State :: state().
-callback info(streamid(), any(), State) -> {commands(), State} when State :: state().
-callback terminate(streamid(), reason(), state()) -> any().
-callback early_error(streamid(), reason(), partial_req(), Resp, cowboy:opts()) -> Resp when Resp :: resp_command().

%% @doc Calls the next handler's `init/3'. There may be none.
-spec init(streamid(), cowboy_req:req(), cowboy:opts()) -> {commands(), {module(), state()} | undefined}.
init(StreamId, Req, Opts) ->
    farrier_stream:init(StreamId, Req, Opts).

-spec data(streamid(), fin(), binary(), Next) -> {commands(), Next} when Next :: {module(), state()} | undefined.
data(StreamId, IsFin, Data, Next) ->
    farrier_stream:data(StreamId, IsFin, Data, Next).

-spec info(streamid(), any(), Next) -> {commands(), Next} when Next :: {module(), state()} | undefined.
info(StreamId, Info, Next) ->
    farrier_stream:info(StreamId, Info, Next).

-spec terminate(streamid(), reason(), {module(), state()} | undefined) -> ok.
terminate(StreamId, Reason, Next) ->
    farrier_stream:terminate(StreamId, Reason, Next).

-spec early_error(streamid(), reason(), partial_req(), Resp, cowboy:opts()) -> Resp when Resp :: resp_command().
early_error(StreamId, Reason, PartialReq, Resp, Opts) ->
    farrier_stream:early_error(StreamId, Reason, PartialReq, Resp, Opts).

%% @doc The command that logs an exception of the handler's callback `Callback' with these arguments.
-spec make_error_log(init | data | info | terminate | early_error, list(), error | exit | throw, any(), list()) ->
    {log, error, string(), list()}.
make_error_log(Callback, Arguments, Class, Exception, Stack) ->
    {log, error, "Unhandled exception ~p:~p in cowboy_stream:~p(~0p):~n~p~n",
        [Class, Exception, Callback, Arguments, Stack]}.
