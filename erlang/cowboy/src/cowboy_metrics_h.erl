%% The stream handler that measures requests, as Cowboy 2.18's: at the end of each, the protocol option
%% `metrics_callback' is called with a map of what was seen. Times are native units of `erlang:monotonic_time/0'.
%%
%% Options: `metrics_callback' (required), `metrics_req_filter' and `metrics_resp_headers_filter' (functions that make
%% what is kept of the Req and of the response's headers). A handler adds to `user_data' by
%% `cowboy_req:cast({set_options, #{metrics_user_data => Map}}, Req)'.
-module(cowboy_metrics_h).
-behaviour(cowboy_stream).

-export([init/3, data/4, info/3, terminate/3, early_error/5]).

-export_type([metrics/0, metrics_callback/0]).

-type metrics() :: #{
    ref := any(),
    pid := pid(),
    streamid := cowboy_stream:streamid(),
    reason := cowboy_stream:reason(),
    req => any(),
    partial_req => cowboy_stream:partial_req(),
    resp_status := cowboy:http_status() | undefined,
    resp_headers := any(),
    req_start => integer(),
    req_end => integer(),
    req_body_start => integer() | undefined,
    req_body_end => integer() | undefined,
    resp_start => integer() | undefined,
    resp_end => integer() | undefined,
    early_error_time => integer(),
    procs => #{pid() => #{spawn := integer(), exit => integer(), reason => any()}},
    informational => [#{status := cowboy:http_status(), headers := cowboy:http_headers(), time := integer()}],
    req_body_length => non_neg_integer(),
    resp_body_length => non_neg_integer(),
    user_data => map()
}.
-type metrics_callback() :: fun((metrics()) -> any()).

-record(state, {
    next :: any(),
    callback :: metrics_callback(),
    headers_filter :: fun((cowboy:http_headers()) -> any()),
    %% What the callback will get, but for what is known at the end only. `informational' has the newest first.
    metrics :: map()
}).

-spec init(cowboy_stream:streamid(), cowboy_req:req(), cowboy:opts()) -> {cowboy_stream:commands(), #state{}}.
init(StreamId, #{ref := Ref} = Req, #{metrics_callback := Callback} = Opts) ->
    Start = erlang:monotonic_time(),
    {Commands, Next} = cowboy_stream:init(StreamId, Req, Opts),
    Metrics = #{
        ref => Ref, pid => self(), streamid => StreamId,
        req => (filter(metrics_req_filter, Opts))(Req), req_start => Start,
        req_body_start => undefined, req_body_end => undefined, req_body_length => 0,
        resp_status => undefined, resp_headers => undefined, resp_start => undefined, resp_end => undefined,
        resp_body_length => 0, procs => #{}, informational => [], user_data => #{}
    },
    State = #state{
        next = Next, callback = Callback, headers_filter = filter(metrics_resp_headers_filter, Opts), metrics = Metrics
    },
    {Commands, seen(Commands, State)}.

-spec filter(atom(), cowboy:opts()) -> fun((any()) -> any()).
filter(Name, Opts) ->
    maps:get(Name, Opts, fun(Whole) -> Whole end).

-spec data(cowboy_stream:streamid(), cowboy_stream:fin(), binary(), #state{}) -> {cowboy_stream:commands(), #state{}}.
data(StreamId, IsFin, Data, #state{next = Next0, metrics = Metrics} = State) ->
    {Commands, Next} = cowboy_stream:data(StreamId, IsFin, Data, Next0),
    {Commands, seen(Commands, State#state{next = Next, metrics = received(IsFin, byte_size(Data), Metrics)})}.

-spec received(cowboy_stream:fin(), non_neg_integer(), map()) -> map().
received(IsFin, Bytes, #{req_body_start := undefined} = Metrics) ->
    received(IsFin, Bytes, Metrics#{req_body_start := erlang:monotonic_time()});
received(fin, Bytes, Metrics) ->
    (received(nofin, Bytes, Metrics))#{req_body_end := erlang:monotonic_time()};
received(nofin, Bytes, #{req_body_length := Length} = Metrics) ->
    Metrics#{req_body_length := Length + Bytes}.

-spec info(cowboy_stream:streamid(), any(), #state{}) -> {cowboy_stream:commands(), #state{}}.
info(StreamId, Info, #state{next = Next0, metrics = Metrics} = State) ->
    {Commands, Next} = cowboy_stream:info(StreamId, Info, Next0),
    {Commands, seen(Commands, State#state{next = Next, metrics = exited(Info, Metrics)})}.

-spec exited(any(), map()) -> map().
exited({'EXIT', Pid, Reason}, #{procs := Procs} = Metrics) when is_map_key(Pid, Procs) ->
    Ended = (maps:get(Pid, Procs))#{exit => erlang:monotonic_time(), reason => Reason},
    Metrics#{procs := Procs#{Pid := Ended}};
exited(_, Metrics) ->
    Metrics.

-spec seen(cowboy_stream:commands(), #state{}) -> #state{}.
seen(Commands, #state{metrics = Metrics, headers_filter = Filter} = State) ->
    State#state{metrics = lists:foldl(fun(Command, M) -> command(Command, Filter, M) end, Metrics, Commands)}.

-spec command(tuple() | stop, fun((map()) -> any()), map()) -> map().
command({spawn, Pid, _}, _, #{procs := Procs} = Metrics) ->
    Metrics#{procs := Procs#{Pid => #{spawn => erlang:monotonic_time()}}};
command({inform, Status, Headers}, _, #{informational := Before} = Metrics) ->
    Metrics#{informational := [#{status => Status, headers => Headers, time => erlang:monotonic_time()} | Before]};
command({response, Status, Headers, Body}, Filter, Metrics) ->
    command({data, fin, Body}, Filter, head(Status, Filter(Headers), Metrics));
command({error_response, Status, Headers, Body}, Filter, #{resp_status := undefined} = Metrics) ->
    command({response, Status, Headers, Body}, Filter, Metrics);
command({headers, Status, Headers}, Filter, Metrics) ->
    head(Status, Filter(Headers), Metrics);
command({data, IsFin, Data}, _, #{resp_body_length := Length} = Metrics) ->
    ended(IsFin, Metrics#{resp_body_length := Length + body_length(Data)});
command({set_options, #{metrics_user_data := More}}, _, #{user_data := Before} = Metrics) ->
    Metrics#{user_data := maps:merge(Before, More)};
command(_, _, Metrics) ->
    Metrics.

-spec head(cowboy:http_status(), any(), map()) -> map().
head(Status, Headers, Metrics) ->
    Metrics#{resp_status := Status, resp_headers := Headers, resp_start := erlang:monotonic_time()}.

-spec ended(cowboy_stream:fin(), map()) -> map().
ended(fin, Metrics) -> Metrics#{resp_end := erlang:monotonic_time()};
ended(nofin, Metrics) -> Metrics.

-spec body_length(iodata() | tuple()) -> non_neg_integer().
body_length({sendfile, _, Length, _}) -> Length;
body_length(Data) -> iolist_size(Data).

-spec terminate(cowboy_stream:streamid(), cowboy_stream:reason(), #state{}) -> any().
terminate(StreamId, Reason, #state{next = Next, callback = Callback, metrics = Metrics}) ->
    Result = cowboy_stream:terminate(StreamId, Reason, Next),
    #{informational := Informational} = Metrics,
    _ = Callback(Metrics#{
        reason => Reason, req_end => erlang:monotonic_time(), informational := lists:reverse(Informational)
    }),
    Result.

-spec early_error(cowboy_stream:streamid(), cowboy_stream:reason(), cowboy_stream:partial_req(), Resp, cowboy:opts()) ->
    Resp
when
    Resp :: cowboy_stream:resp_command().
early_error(StreamId, Reason, #{ref := Ref} = PartialReq, Response, #{metrics_callback := Callback} = Opts) ->
    Time = erlang:monotonic_time(),
    {response, Status, Headers, Body} = Sent = cowboy_stream:early_error(StreamId, Reason, PartialReq, Response, Opts),
    _ = Callback(#{
        ref => Ref, pid => self(), streamid => StreamId, reason => Reason, partial_req => PartialReq,
        resp_status => Status,
        resp_headers => Headers, early_error_time => Time, resp_body_length => body_length(Body)
    }),
    Sent.
