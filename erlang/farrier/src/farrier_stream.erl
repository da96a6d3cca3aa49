%% Runs the stream handlers of a request: Cowboy 2's `stream_handlers', where a listener names others than the default.
%%
%% In Cowboy they run in the connection's process, which is told by messages what the request's process wants to send.
%% Here both are one process, which keeps the handlers' state in its dictionary:
%%
%% 1. `serve/4' calls every handler's `init/3'. The last one is `cowboy_stream_h', which only notes with which Req,
%%    environment and middlewares the request is to be run, for the handlers before it may have changed them.
%% 2. Whatever the request sends is a command that goes through every handler's `info/3' before it is performed.
%% 3. `terminate/3' is called at the end, or with `switch_protocol' when the request becomes a WebSocket.
%%
%% A body that the request reads comes through every handler's `data/4' first; what nobody reads does not.
%% `early_error/5' is never called, because malformed requests do not reach Erlang.
-module(farrier_stream).

-export([check/1]).
-export([serve/4, is_here/0, is_here/1, is_at/1, command/2, cast/1, received/2, flush/0, failed/3, ended/0]).
%% For `cowboy_stream' and `cowboy_stream_h'.
-export([init/3, data/4, info/3, terminate/3, early_error/5, run_with/3, take_data/2]).

-export_type([command/0, chain/0]).

%% What cannot be had here, of Cowboy's own.
-define(UNSUPPORTED, [cowboy_tracer_h, cowboy_decompress_h]).

-define(KEY, '$farrier_stream').
-define(RUN, '$farrier_stream_run').
-define(BODY, '$farrier_stream_body').

-record(stream, {
    req :: farrier_req_2:req(),
    %% Those of the listener, with the middlewares and their environment.
    opts :: map(),
    chain :: chain(),
    %% The headers that the answer to an upgrade request left the handlers with.
    switching = none :: none | map(),
    %% Whether the request has been run.
    over = false :: boolean()
}).

%% A handler with its state, which holds the next one's.
-type chain() :: {module(), term()} | undefined.

-type command() :: tuple() | stop.

%%% Options

%% @doc Whether a listener can have these handlers; if not, what is wrong, for people.
-spec check(term()) -> ok | {error, binary()}.
check([cowboy_stream_h]) ->
    ok;
check(Handlers) when is_list(Handlers) ->
    case lists:member(cowboy_stream_h, Handlers) of
        true -> check_each(Handlers);
        false -> {error, <<"a list with cowboy_stream_h, without which no request is served">>}
    end;
check(_) ->
    {error, <<"a list of modules">>}.

-spec check_each([term()]) -> ok | {error, binary()}.
check_each([]) ->
    ok;
check_each([Handler | Handlers]) when is_atom(Handler) ->
    case {lists:member(Handler, ?UNSUPPORTED), is_handler(Handler)} of
        {false, true} -> check_each(Handlers);
        {true, _} -> refused("a list without ~ts: farrier does not have it", Handler);
        {false, false} -> refused("a list of stream handlers: ~ts lacks init/3, info/3 or terminate/3", Handler)
    end;
check_each(_) ->
    {error, <<"a list of modules">>}.

-spec is_handler(module()) -> boolean().
is_handler(Handler) ->
    _ = code:ensure_loaded(Handler),
    lists:all(fun(Name) -> erlang:function_exported(Handler, Name, 3) end, [init, info, terminate]).

-spec refused(io:format(), module()) -> {error, binary()}.
refused(Format, Handler) ->
    {error, unicode:characters_to_binary(io_lib:format(Format, [Handler]))}.

%%% A request

%% @doc Serves a request through the handlers of `Opts'. What it returns is as if the middlewares had been run alone.
-spec serve(farrier_req_2:req(), farrier_handler:env(), [module()], map()) -> farrier_middleware:outcome().
serve(#{streamid := StreamId} = Req, Env, Middlewares, Opts0) ->
    Opts = Opts0#{env => Env, middlewares => Middlewares},
    {Commands, Chain} = init(StreamId, Req, Opts),
    _ = put(?KEY, #stream{req = Req, opts = Opts, chain = Chain}),
    perform(Commands),
    case erase(?RUN) of
        undefined -> {done, Req};
        {RunReq, RunEnv, RunMiddlewares} -> farrier_middleware:run(RunReq, RunEnv, RunMiddlewares)
    end.

%% @doc Notes how the request is to be run.
-spec run_with(farrier_req_2:req(), farrier_handler:env(), [module()]) -> ok.
run_with(Req, Env, Middlewares) ->
    _ = put(?RUN, {Req, Env, Middlewares}),
    ok.

%% @doc Whether this process has stream handlers that must see what it sends.
-spec is_here() -> boolean().
is_here() ->
    get(?KEY) =/= undefined.

%% @doc Whether they are those of the request whose Req names the process `Pid'.
-spec is_here(pid()) -> boolean().
is_here(Pid) ->
    case get(?KEY) of
        #stream{req = #{pid := Pid}} -> true;
        _ -> false
    end.

%% @doc Whether another process has.
-spec is_at(pid()) -> boolean().
is_at(Pid) ->
    case process_info(Pid, dictionary) of
        {dictionary, Dictionary} -> lists:keymember(?KEY, 1, Dictionary);
        undefined -> false
    end.

%% @doc Lets the handlers see a command, or whatever else concerns them, and performs what they make of it.
-spec command(term(), farrier_req_2:req()) -> ok.
command(Command, Req) ->
    #stream{req = #{streamid := StreamId}, chain = Chain0} = Stream = get(?KEY),
    try info(StreamId, Command, Chain0) of
        {Commands, Chain} ->
            _ = put(?KEY, Stream#stream{req = Req, chain = Chain}),
            perform(Commands)
    catch
        Class:Reason:Stack ->
            %% What is answered to that is not for handlers that fail.
            _ = erase(?KEY),
            erlang:raise(Class, Reason, Stack)
    end.

%% @doc Lets the handlers see a message that is for them. Without any it is dropped.
-spec cast(term()) -> ok.
cast(Message) ->
    case get(?KEY) of
        undefined -> ok;
        #stream{req = Req} -> command(Message, Req)
    end.

%% @doc What the handlers make of a piece of the request's body, `ok' for the last one.
-spec received(pid(), {ok | more, binary()} | {error, term()}) -> {ok | more, binary()} | {error, term()}.
received(Pid, {Fin, Data} = Answer) when is_binary(Data) ->
    case is_here(Pid) of
        true -> through(Fin, Data);
        false -> Answer
    end;
received(_, Error) ->
    Error.

-spec through(ok | more, binary()) -> {ok | more, binary()}.
through(Fin, Data) ->
    #stream{req = #{streamid := StreamId}, chain = Chain0} = Stream = get(?KEY),
    {Commands, Chain} = data(StreamId, fin(Fin), Data, Chain0),
    _ = put(?KEY, Stream#stream{chain = Chain}),
    perform(Commands),
    case erase(?BODY) of
        undefined -> {more, <<>>};
        {fin, Taken} -> {ok, Taken};
        {nofin, Taken} -> {more, Taken}
    end.

-spec fin(ok | more) -> fin | nofin.
fin(ok) -> fin;
fin(more) -> nofin.

%% @doc Keeps a piece of the body that has come through to the last handler.
-spec take_data(fin | nofin, binary()) -> ok.
take_data(IsFin, Data) ->
    Before = case get(?BODY) of undefined -> <<>>; {_, Taken} -> Taken end,
    _ = put(?BODY, {IsFin, <<Before/binary, Data/binary>>}),
    ok.

%% @doc Does with every message that is for the handlers, and has come from other processes, what `cast/1' does.
-spec flush() -> ok.
flush() ->
    Self = self(),
    receive
        {{Self, StreamId}, Message} when is_integer(StreamId) ->
            cast(Message),
            flush()
    after 0 ->
        ok
    end.

%% @doc Tells the handlers that the request has failed, and performs what they answer.
-spec failed(error | exit | throw, term(), list()) -> ok.
failed(Class, Reason, Stack) ->
    exited(exit_reason(Class, Reason, Stack)).

-spec exit_reason(error | exit | throw, term(), list()) -> term().
exit_reason(throw, Reason, Stack) -> {{nocatch, Reason}, Stack};
exit_reason(_, Reason, Stack) -> {Reason, Stack}.

%% @doc Tells the handlers that the request has been run.
-spec ended() -> ok.
ended() ->
    case get(?KEY) of
        undefined -> ok;
        _ -> exited(normal)
    end.

-spec exited(term()) -> ok.
exited(Reason) ->
    flush(),
    #stream{req = Req} = Stream = get(?KEY),
    _ = put(?KEY, Stream#stream{over = true}),
    command({'EXIT', self(), Reason}, Req),
    completed(normal).

%% What has not been answered is answered 204, and a body that has begun is ended, before the handlers' own end.
-spec completed(term()) -> ok.
completed(Reason) ->
    case get(?KEY) of
        undefined ->
            ok;
        #stream{req = Req} ->
            case farrier_exchange:response_state() of
                none -> command({response, 204, #{}, <<>>}, Req);
                headers -> command({data, fin, <<>>}, Req);
                _ -> ok
            end,
            ended(Reason)
    end.

-spec ended(term()) -> ok.
ended(Reason) ->
    case erase(?KEY) of
        undefined -> ok;
        #stream{req = #{streamid := StreamId}, chain = Chain} -> terminate(StreamId, Reason, Chain)
    end.

%%% Commands

%% What `spawn', `flow', `push' and `set_options' would change does not exist here.
-spec perform([command()]) -> ok.
perform([]) ->
    ok;
perform([stop | _]) ->
    stopped();
perform([{internal_error, _, _} = Reason | _]) ->
    completed(Reason);
perform([{error_response, Status, Headers, Body} | Commands]) ->
    _ = farrier_exchange:response_state() =:= none andalso perform([{response, Status, Headers, Body}]),
    perform(Commands);
perform([{switch_protocol, Headers, Protocol, State} | _]) ->
    switch_protocol(Headers, Protocol, State);
perform([{inform, 101, Headers} | Commands]) ->
    _ = put(?KEY, (get(?KEY))#stream{switching = Headers}),
    perform(Commands);
perform([{log, Level, Format, Arguments} | Commands]) ->
    logger:log(Level, Format, Arguments),
    perform(Commands);
perform([Command | Commands]) when
    element(1, Command) =:= inform; element(1, Command) =:= response; element(1, Command) =:= headers;
    element(1, Command) =:= data; element(1, Command) =:= trailers
->
    #stream{req = Req} = get(?KEY),
    ok = farrier_req_2_resp:perform(Command, Req),
    perform(Commands);
perform([Ignored | Commands]) when
    element(1, Ignored) =:= spawn; element(1, Ignored) =:= flow; element(1, Ignored) =:= push;
    element(1, Ignored) =:= set_options
->
    perform(Commands).

%% A handler has had enough. A request that is being run is no more.
-spec stopped() -> ok | no_return().
stopped() ->
    #stream{over = Over} = get(?KEY),
    completed(normal),
    case erase(?RUN) of
        undefined when not Over -> exit(shutdown);
        _ -> ok
    end.

%% The handlers see the 101 as an informational response and may change it; after that they are done.
-spec switch_protocol(map(), module(), term()) -> ok.
switch_protocol(Headers, Protocol, State) ->
    #stream{req = Req} = get(?KEY),
    command({inform, 101, Headers}, Req),
    #stream{switching = Switching, opts = Opts} = get(?KEY),
    ended(switch_protocol),
    farrier_cowboy_2:switch_protocol(farrier_req_2_resp:wire_headers(Switching), Protocol, State, Opts).

%%% The chain

%% @doc Calls the first of the handlers that `Opts' names, which gets to know only of those after it.
-spec init(term(), farrier_req_2:req(), map()) -> {[command()], chain()}.
init(StreamId, Req, Opts) ->
    case maps:get(stream_handlers, Opts, [cowboy_stream_h]) of
        [] ->
            {[], undefined};
        [Handler | Rest] ->
            {Commands, State} = Handler:init(StreamId, Req, Opts#{stream_handlers => Rest}),
            {Commands, {Handler, State}}
    end.

-spec data(term(), fin | nofin, binary(), chain()) -> {[command()], chain()}.
data(_, _, _, undefined) ->
    {[], undefined};
data(StreamId, IsFin, Data, {Handler, State0}) ->
    {Commands, State} = Handler:data(StreamId, IsFin, Data, State0),
    {Commands, {Handler, State}}.

-spec info(term(), term(), chain()) -> {[command()], chain()}.
info(_, _, undefined) ->
    {[], undefined};
info(StreamId, Info, {Handler, State0}) ->
    {Commands, State} = Handler:info(StreamId, Info, State0),
    {Commands, {Handler, State}}.

-spec terminate(term(), term(), chain()) -> ok.
terminate(_, _, undefined) ->
    ok;
terminate(StreamId, Reason, {Handler, State}) ->
    _ = Handler:terminate(StreamId, Reason, State),
    ok.

-spec early_error(term(), term(), map(), tuple(), map()) -> tuple().
early_error(StreamId, Reason, PartialReq, Response, Opts) ->
    case maps:get(stream_handlers, Opts, [cowboy_stream_h]) of
        [] -> Response;
        [Handler | Rest] -> Handler:early_error(StreamId, Reason, PartialReq, Response, Opts#{stream_handlers => Rest})
    end.
