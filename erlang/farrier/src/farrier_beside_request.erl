%% The process that runs a request's middlewares and the handler's `init/2': see `farrier_beside'.
%%
%% Beside a real Cowboy it is also a bridge, of which only the calls exist that farrier's own code makes before a
%% session: what farrier answers in this process (no route, a failed handshake, a crash) goes the way of what the
%% handler sends by `cowboy_req', in one order with it.
-module(farrier_beside_request).

-export([start_link/4, is_here/0]).
%% The process.
-export([init/4, resume/4]).
%% The middleware that routes by the real Cowboy's compiled routes.
-export([execute/2]).
%% The bridge.
-export([respond/4, response_state/1]).

%% The process that is told of everything, and the id of its request.
-type handle() :: {pid(), StreamId :: pos_integer()}.

%% @doc Starts the process of a request that the caller serves. With a real Cowboy's `cowboy_req' everything goes by way
%% of the caller, else straight to the bridge and through the listener's stream handlers.
-spec start_link(farrier_req_2:req(), farrier_handler:env(), [module()], farrier_listener:config()) -> pid().
start_link(#{pid := Pid, streamid := StreamId} = Req, Env, Middlewares, #{beside := true}) when Pid =:= self() ->
    begin_request(Req, {?MODULE, {Pid, StreamId}}, {Env, routing(Env, Middlewares), #{}});
start_link(#{pid := Pid} = Req, Env, Middlewares, #{protocol := Opts}) when Pid =:= self() ->
    begin_request(Req, farrier_exchange:bridge(), {Env, Middlewares, Opts}).

-spec begin_request(farrier_req_2:req(), {module(), term()}, {farrier_handler:env(), [module()], map()}) -> pid().
begin_request(Req, Bridge, Chain) ->
    proc_lib:spawn_link(?MODULE, init, [Req, Bridge, farrier_exchange:request(), Chain]).

%% @doc Whether the caller is such a process beside a real Cowboy, whose protocols it uses then.
-spec is_here() -> boolean().
is_here() ->
    farrier_exchange:serves() andalso element(1, farrier_exchange:bridge()) =:= ?MODULE.

%% Whoever compiled the routes shall match them: what a real `cowboy_router' has compiled differs between its releases.
-spec routing(farrier_handler:env(), [module()]) -> [module()].
routing(#{dispatch := Dispatch}, Middlewares) ->
    case farrier_router:is_compiled(Dispatch) of
        true -> Middlewares;
        false -> [router(Middleware) || Middleware <- Middlewares]
    end;
routing(_, Middlewares) ->
    Middlewares.

-spec router(module()) -> module().
router(cowboy_router) -> ?MODULE;
router(Middleware) -> Middleware.

-spec execute(farrier_req_2:req(), farrier_handler:env()) -> farrier_handler:outcome().
execute(Req, Env) ->
    cowboy_router:execute(Req, Env).

%%% The process

-spec init(Req, {module(), term()}, farrier_bridge:request(), {farrier_handler:env(), [module()], map()}) -> term() when
    Req :: farrier_req_2:req().
init(#{ref := Ref, pid := Connection} = Req, {Bridge, Handle}, Request, Chain) ->
    farrier_exchange:open(Bridge, Handle, Request, Connection),
    farrier_exchange:bind(Ref),
    run(fun() -> chain(Req, Chain) end, Connection).

-spec chain(farrier_req_2:req(), {farrier_handler:env(), [module()], map()}) -> farrier_middleware:outcome().
chain(Req, {Env, Middlewares, #{stream_handlers := [_, _ | _]} = Opts}) ->
    farrier_stream:serve(Req, Env, Middlewares, Opts);
chain(Req, {Env, Middlewares, _}) -> farrier_middleware:run(Req, Env, Middlewares).

-spec resume(pid(), {module(), atom(), [term()]}, farrier_handler:env(), [module()]) -> term().
resume(Connection, Resume, Env, Rest) ->
    run(fun() -> farrier_middleware:resume(Resume, Env, Rest) end, Connection).

%% The exit reason holds the stack trace even for an exit, unless that is a shutdown, as in Cowboy.
-spec run(fun(() -> farrier_middleware:outcome()), pid()) -> term().
run(Chain, Connection) ->
    try Chain() of
        {suspend, Resume, Env, Rest} -> proc_lib:hibernate(?MODULE, resume, [Connection, Resume, Env, Rest]);
        Outcome -> completed(Outcome, Connection)
    catch
        exit:normal ->
            farrier_stream:ended();
        Class:Reason:Stack ->
            farrier_connection:error_response(Class, Reason, Stack),
            erlang:raise(Class, exit_reason(Class, Reason, Stack), Stack)
    end.

-spec exit_reason(error | exit | throw, term(), list()) -> term().
exit_reason(exit, shutdown, _) -> shutdown;
exit_reason(exit, {shutdown, _} = Reason, _) -> Reason;
exit_reason(exit, Reason, Stack) -> {Reason, Stack};
exit_reason(_, Reason, _) -> Reason.

-spec completed(farrier_middleware:outcome(), pid()) -> ok.
completed({error, _, _} = Error, Connection) ->
    tell(Connection, Error);
completed(_, Connection) ->
    case farrier_connection:take_upgrade() of
        none -> farrier_stream:ended();
        Upgrade -> tell(Connection, {upgrade, Upgrade})
    end.

-spec tell(pid(), term()) -> ok.
tell(Connection, Outcome) ->
    Connection ! {?MODULE, self(), Outcome},
    ok.

%%% The bridge

-spec respond(handle(), farrier_bridge:status(), farrier_bridge:headers(), farrier_bridge:body()) -> ok.
respond(Handle, Status, Headers, Body) ->
    cast(Handle, {response, Status, farrier_req_2_resp:header_map(Headers), Body}).

%% Answered once everything sent before has been dealt with.
-spec response_state(handle()) -> farrier_bridge:response_state().
response_state({Connection, _}) ->
    gen_server:call(Connection, {?MODULE, response_state}, infinity).

-spec cast(handle(), term()) -> ok.
cast({Connection, _} = Handle, Message) ->
    Connection ! {Handle, Message},
    ok.
