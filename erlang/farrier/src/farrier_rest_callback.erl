%% Calls a REST handler, in the manner of its generation: first and last callbacks, the ways to stop, crashes.
-module(farrier_rest_callback).

-include("farrier_rest.hrl").

-export([init/1, call/2, call/3, ask/3, required/3, failed/3, leave/1, terminate/1]).

-type rest() :: farrier_rest:rest().

%% @doc Generations 0 and 1 give the handler its state here; without `rest_init/2' it is `undefined'.
-spec init(rest()) -> rest().
init(#rest{generation = Generation} = Rest) when Generation =:= 2; Generation =:= '2pre' ->
    Rest;
init(#rest{handler = Handler, req = Req, state = Opts} = Rest) ->
    case exports(rest_init, Rest) of
        true ->
            try Handler:rest_init(Req, Opts) of
                {ok, Req2, State} -> Rest#rest{req = Req2, state = State}
            catch
                Class:Reason:Stack -> crash(rest_init, Class, Reason, Stack, Rest)
            end;
        false ->
            Rest#rest{state = undefined}
    end.

%% @doc What the callback returned, or `undefined' if the handler does not export it (or returns `no_call', as Cowboy's
%% own handlers may). Does not return if the handler stops.
-spec call(atom(), rest()) -> {term(), rest()} | undefined.
call(Callback, #rest{handler = Handler, req = Req, state = State} = Rest) ->
    case exports(Callback, Rest) of
        true ->
            try Handler:Callback(Req, State) of
                Return -> returned(Return, Rest)
            catch
                Class:Reason:Stack -> crash(Callback, Class, Reason, Stack, Rest)
            end;
        false ->
            undefined
    end.

%% @doc The same with a value for the handler that does not say.
-spec call(atom(), Default, rest()) -> {term() | Default, rest()}.
call(Callback, Default, Rest) ->
    case call(Callback, Rest) of
        undefined -> {Default, Rest};
        Answer -> Answer
    end.

%% @doc Whether the callback returned `Expected', which is also what a handler without it is taken to say.
-spec ask(atom(), boolean(), rest()) -> {boolean(), rest()}.
ask(Callback, Expected, Rest) ->
    {Value, Rest2} = call(Callback, Expected, Rest),
    {Value =:= Expected, Rest2}.

%% @doc Calls a callback that the handler has named in the return of `By'.
-spec required(atom(), atom(), rest()) -> {term(), rest()}.
required(Callback, By, Rest) ->
    case call(Callback, Rest) of
        undefined -> failed(Callback, missing(Callback, By, Rest), Rest);
        Answer -> Answer
    end.

%% As `terminate/3' is told.
-spec missing(atom(), atom(), rest()) -> term().
missing(_, _, Rest) when Rest#rest.generation =/= 2 ->
    {case_clause, no_call};
missing(_, content_types_accepted, _) ->
    {case_clause, no_call};
missing(Callback, content_types_provided, #rest{handler = Handler}) ->
    {error, {missing_callback, {Handler, Callback, 2}},
        'A callback specified in content_types_provided/2 is not exported.'};
missing(Callback, ranges_provided, #rest{handler = Handler}) ->
    {error, {missing_callback, {Handler, Callback, 2}},
        'A callback specified in ranges_provided/2 is not exported.'}.

%% @doc Ends a request whose handler returned from `Callback' what cannot be used.
-spec failed(atom(), Reason :: term(), rest()) -> no_return().
failed(Callback, Reason, Rest) ->
    try
        error(Reason)
    catch
        error:_:Stack -> crash(Callback, error, Reason, Stack, Rest)
    end.

-spec exports(atom(), rest()) -> boolean().
exports(Callback, #rest{handler = Handler}) ->
    erlang:function_exported(Handler, Callback, 2).

%% A return of another form fails as in Cowboy: without `terminate/3'.
-spec returned(term(), rest()) -> {term(), rest()} | undefined.
returned(no_call, _) ->
    undefined;
returned({Value, Req, State}, Rest) ->
    value(Value, Rest#rest{req = Req, state = State});
returned(Return, _) ->
    error({try_clause, Return}).

%% `halt' became `stop' between the pre-releases of Cowboy 2; both are understood there.
-spec value(term(), rest()) -> {term(), rest()}.
value(stop, #rest{generation = Generation} = Rest) when Generation =:= 2; Generation =:= '2pre' ->
    leave({stop, Rest});
value(halt, #rest{generation = Generation} = Rest) when Generation =/= 2 ->
    leave({stop, Rest});
value({switch_handler, Protocol}, #rest{generation = 2} = Rest) ->
    leave({switch, Protocol, [], Rest});
value({switch_handler, Protocol, Opts}, #rest{generation = 2} = Rest) ->
    leave({switch, Protocol, [Opts], Rest});
value(Value, Rest) ->
    {Value, Rest}.

%% @doc Leaves the machine.
-spec leave(farrier_rest:exit()) -> no_return().
leave(Exit) ->
    throw({'$farrier_rest', Exit}).

%%% The end

%% @doc The last callback. Returns what the environment of the middlewares is to hold as the result, and the Req.
-spec terminate(rest()) -> {Result :: term(), Req :: term()}.
terminate(#rest{generation = 2, handler = Handler, req = Req, state = State}) ->
    {farrier_cowboy_2:terminate(normal, Req, State, Handler), Req};
terminate(#rest{generation = '2pre', handler = Handler, req = Req, state = State}) ->
    {farrier_cowboy_2pre:terminate(normal, Req, State, Handler), Req};
terminate(#rest{req = Req} = Rest) ->
    {rest_terminate(Rest), Req}.

-spec rest_terminate(rest()) -> ok.
rest_terminate(#rest{generation = Generation, handler = Handler, req = Req, state = State} = Rest) ->
    case exports(rest_terminate, Rest) of
        true -> ok = Handler:rest_terminate(locked(Generation, Req), State);
        false -> ok
    end.

-spec locked(0 | 1, term()) -> term().
locked(0, Req) -> farrier_req_0:lock(Req);
locked(1, Req) -> farrier_req_1:lock(Req).

%% Ends a request whose handler failed in `Callback'. Generation 0 catches whatever happens, in its adapter.
-spec crash(atom(), error | exit | throw, term(), list(), rest()) -> no_return().
crash(_, Class, Reason, Stack, #rest{generation = 0}) ->
    erlang:raise(Class, Reason, Stack);
crash(rest_init, Class, Reason, Stack, #rest{generation = 1, handler = Handler, req = Req, state = Opts}) ->
    farrier_cowboy_1:fail({Class, Reason, Stack}, {Handler, rest_init, 2}, Req, [{opts, Opts}]);
crash(Callback, Class, Reason, Stack, #rest{generation = 1, handler = Handler, req = Req, state = State} = Rest) ->
    ok = rest_terminate(Rest),
    farrier_cowboy_1:fail({Class, Reason, Stack}, {Handler, Callback, 2}, Req, [{state, State}]);
crash(Callback, Class, Reason, Stack, #rest{generation = '2pre', handler = Handler, req = Req, state = State}) ->
    farrier_cowboy_2pre:fail({Class, Reason, Stack}, {Handler, Callback, 2}, Req, State);
crash(_, Class, Reason, Stack, #rest{generation = 2, handler = Handler, req = Req, state = State}) ->
    _ = farrier_cowboy_2:terminate({crash, Class, Reason}, Req, State, Handler),
    erlang:raise(Class, Reason, Stack).
