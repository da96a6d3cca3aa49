%% @doc A stream handler that reports what it sees and passes it on, rewritten by the funs of the protocol option
%% `rewrite'; and the module that a rewritten `switch_protocol' names.
-module(neighbours_stream_h).

-export([init/3, data/4, info/3, terminate/3, early_error/5]).
-export([takeover/7]).

-record(state, {next :: term(), rewrite :: map()}).

-spec init(term(), map(), map()) -> {list(), #state{}}.
init(StreamId, Req, #{rewrite := #{init := Fun} = Rewrite}) ->
    oracle_trace:note({stream, init, StreamId, maps:get(path, Req)}),
    {Fun(Req), #state{next = undefined, rewrite = Rewrite}};
init(StreamId, Req, Opts) ->
    oracle_trace:note({stream, init, StreamId, maps:get(path, Req)}),
    Rewrite = maps:get(rewrite, Opts, #{}),
    RewrittenReq = (maps:get(req, Rewrite, fun(R) -> R end))(Req),
    {Commands, Next} = cowboy_stream:init(StreamId, RewrittenReq, Opts),
    {Commands, #state{next = Next, rewrite = Rewrite}}.

-spec data(term(), fin | nofin, binary(), #state{}) -> {list(), #state{}}.
data(StreamId, IsFin, Data, #state{next = Next0} = State) ->
    {Commands, Next} = cowboy_stream:data(StreamId, IsFin, Data, Next0),
    {Commands, State#state{next = Next}}.

-spec info(term(), term(), #state{}) -> {list(), #state{}}.
info(StreamId, Info, #state{next = Next0, rewrite = Rewrite} = State) ->
    note(Info),
    {Commands, Next} = cowboy_stream:info(StreamId, (maps:get(info, Rewrite, fun(I) -> I end))(Info), Next0),
    {(maps:get(commands, Rewrite, fun(C) -> C end))(Commands), State#state{next = Next}}.

%% What is sent, by its name; a piece of a body is sent with its sender since 2.7.
-spec note(term()) -> ok.
note({'EXIT', _, normal}) -> oracle_trace:note({stream, exit, normal});
note({'EXIT', _, {Reason, _}}) -> oracle_trace:note({stream, exit, Reason});
note({data, _, IsFin, _}) -> oracle_trace:note({stream, data, IsFin});
note({data, IsFin, _}) -> oracle_trace:note({stream, data, IsFin});
note({read_body, _, _, _, _}) -> ok;
note({switch_protocol, _, Protocol, _}) -> oracle_trace:note({stream, switch_protocol, Protocol});
note({Name, Status, _}) -> oracle_trace:note({stream, Name, Status});
note({Name, Status, _, _}) -> oracle_trace:note({stream, Name, Status});
note(Other) -> oracle_trace:note({stream, other, Other}).

-spec terminate(term(), term(), #state{}) -> term().
terminate(StreamId, Reason, #state{next = Next}) ->
    oracle_trace:note({stream, terminate, reason(Reason)}),
    cowboy_stream:terminate(StreamId, Reason, Next).

-spec reason(term()) -> term().
reason({internal_error, {'EXIT', _, {Why, _}}, Text}) -> {internal_error, Why, Text};
reason(Reason) -> Reason.

-spec early_error(term(), term(), map(), tuple(), map()) -> tuple().
early_error(StreamId, Reason, PartialReq, Response, Opts) ->
    cowboy_stream:early_error(StreamId, Reason, PartialReq, Response, Opts).

%% Begins the session with another state.
-spec takeover(pid(), term(), term(), module(), map(), binary(), {term(), map()}) -> no_return().
takeover(Parent, Ref, Socket, Transport, Opts, Buffer, {Protocol, #{s := S} = State}) ->
    oracle_trace:callback(State, {takeover, is_pid(Parent), element(1, Ref), is_map(Opts), is_binary(Buffer)}),
    cowboy_websocket:takeover(Parent, Ref, Socket, Transport, Opts, Buffer, {Protocol, State#{s := S + 7}}).
