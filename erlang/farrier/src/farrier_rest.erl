%% Serves REST handlers of every generation: the HTTP state machine of RFC 9110 as Cowboy's flowcharts draw it.
%%
%% A request runs through the phases in one direction, each a module that tail-calls the next one:
%%
%% 1. `farrier_rest_request': may this request be served at all? Ends at OPTIONS.
%% 2. `farrier_rest_negotiation': which representation? (RFC 9110 12)
%% 3. `farrier_rest_precondition': does the resource exist, in the state that the client expects? (RFC 9110 13)
%% 4. `farrier_rest_content' for GET and HEAD, with `farrier_rest_range' (RFC 9110 14); `farrier_rest_action' for the
%%    others.
%%
%% `farrier_rest_callback' calls the handler, `farrier_rest_req' is all that the machine does with a Req. The value of
%% the last phase says what remains to be done: `{respond, Status, Rest}' or `{stop, Rest}'. A handler that stops or
%% switches to another protocol leaves the machine from wherever it is, by a throw.
-module(farrier_rest).

-include("farrier_rest.hrl").

-export([upgrade/5]).

-export_type([media_type/0, rest/0, outcome/0, exit/0]).

-type media_type() :: {Type :: binary(), Subtype :: binary(), '*' | [{binary(), binary()}]}.
-type rest() :: #rest{}.
-type outcome() :: {respond, 200..599, rest()} | {stop, rest()}.
%% How a callback leaves the machine.
-type exit() :: outcome() | {switch, module(), Arguments :: [term()], rest()}.

%% @doc Serves a request with a REST handler of this generation. `State' is what `init/2' left (2pre and 2), or the
%% options for `rest_init/2' (0 and 1).
-spec upgrade(farrier_handler:generation(), Req :: term(), farrier_handler:env(), module(), term()) ->
    farrier_handler:outcome().
upgrade(Generation, Req, Env, Handler, State) ->
    Rest = #rest{
        generation = Generation,
        handler = Handler,
        state = State,
        req = Req,
        method = farrier_rest_req:method(Generation, Req)
    },
    finish(run(Rest), Env).

-spec run(rest()) -> exit().
run(Rest) ->
    try
        farrier_rest_request:start(farrier_rest_callback:init(Rest))
    catch
        throw:{'$farrier_rest', Exit} -> Exit
    end.

-spec finish(exit(), farrier_handler:env()) -> farrier_handler:outcome().
finish({respond, Status, Rest}, Env) ->
    finish({stop, farrier_rest_req:reply(Status, Rest)}, Env);
finish({stop, #rest{generation = Generation} = Rest}, Env) ->
    {Result, Req} = farrier_rest_callback:terminate(Rest),
    {ok, Req, with_result(Generation, Result, Env)};
finish({switch, Protocol, Arguments, #rest{req = Req, handler = Handler, state = State}}, Env) ->
    farrier_cowboy_2:upgrade_protocol(Protocol, [Req, Env, Handler, State | Arguments]).

-spec with_result(farrier_handler:generation(), term(), farrier_handler:env()) -> farrier_handler:env().
with_result(2, Result, Env) -> Env#{result => Result};
with_result(0, _, Env) -> Env;
with_result(_, Result, Env) -> [{result, Result} | Env].
