%% @doc A Cowboy 2 handler that plays a program: a term that says, step by step, what each callback does and returns.
%%
%% A program is data and not funs, so it can be generated, printed and shrunk. Its terms stand for themselves but for
%% `$req', `$state' and `$frame' in a return, which become the request, the next state, and the frame or message.
-module(differential_handler).

-export([init/2, websocket_init/1, websocket_handle/2, websocket_info/2, terminate/3]).

-type action() :: tuple().
-type step() :: {do, [action()], Return :: term()}.
-type program() :: #{
    ws := step(),                   % init of "/ws"
    plain := [step()],              % init of "/p/0", "/p/1", ...
    websocket_init => step(),
    handle => [step()],             % played in turn
    info => [step()],
    terminate => [action()]
}.
-export_type([program/0, step/0, action/0]).

-spec init(cowboy_req:req(), map()) -> term().
init(#{streamid := Id} = Req, Script) ->
    note(Script, Id, {init, facts(Req)}),
    {do, Actions, Return} = init_step(Req, Script),
    Last = lists:foldl(fun(Action, R) -> on_request(Action, R, Script) end, Req, Actions),
    filled(Return, #{'$req' => Last, '$state' => #{script => Script, s => 0}}).

-spec init_step(cowboy_req:req(), map()) -> step().
init_step(#{bindings := #{n := N}}, #{plain := Steps}) -> lists:nth(erlang:phash2(N, length(Steps)) + 1, Steps);
init_step(_, #{ws := Step}) -> Step.

-spec websocket_init(map()) -> term().
websocket_init(State) -> play(websocket_init, none, State).

-spec websocket_handle(term(), map()) -> term().
websocket_handle(Frame, State) -> play(handle, Frame, State).

-spec websocket_info(term(), map()) -> term().
websocket_info(Message, State) -> play(info, Message, State).

-spec terminate(term(), term(), term()) -> ok.
terminate(Reason, Req, #{script := Script, s := S}) ->
    Event = {note, {tag(Req), {terminate, reason(Reason), shape(Req), S}}},
    ok = case tag(Req) of
        websocket -> oracle_trace:callback(#{script => Script}, Event);
        _ -> oracle_trace:init_called(Script, Event)
    end,
    act(maps:get(terminate, Script, []));
terminate(Reason, #{streamid := Id} = Req, Script) ->
    note(Script, Id, {terminate, reason(Reason), shape(Req), script}).

%% A request's own Req has its headers; a session's has been filtered.
-spec tag(term()) -> pos_integer() | websocket.
tag(#{streamid := Id, headers := _}) -> Id;
tag(_) -> websocket.

-spec play(atom(), term(), map()) -> term().
play(Callback, Argument, #{script := Script, s := S} = State) ->
    _ = oracle_trace:callback(State, {note, {websocket, {Callback, Argument, S}}}),
    {do, Actions, Return} = step(maps:get(Callback, Script, {do, [], {[], '$state'}}), S),
    ok = act(Actions),
    filled(Return, #{'$frame' => Argument, '$state' => State#{s := S + 1}}).

-spec step(step() | [step()], non_neg_integer()) -> step().
step([], _) -> {do, [], {[], '$state'}};
step(Steps, S) when is_list(Steps) -> lists:nth(S rem length(Steps) + 1, Steps);
step(Step, _) -> Step.

-spec filled(term(), map()) -> term().
filled(Atom, Values) when is_atom(Atom) -> maps:get(Atom, Values, Atom);
filled(Tuple, Values) when is_tuple(Tuple) -> list_to_tuple([filled(E, Values) || E <- tuple_to_list(Tuple)]);
filled([Head | Tail], Values) -> [filled(Head, Values) | filled(Tail, Values)];
filled(Term, _) -> Term.

%%% Actions of WebSocket callbacks

-spec act([action()]) -> ok.
act(Actions) -> lists:foreach(fun one/1, Actions).

-spec one(action()) -> term().
one({self, Message}) -> self() ! Message;
one({raise, Class, Reason}) -> erlang:raise(Class, Reason, []);
one({timer, Time, Message}) -> erlang:send_after(Time, self(), Message).

%%% Actions on a request

-spec on_request(action(), cowboy_req:req(), map()) -> cowboy_req:req().
on_request({raise, Class, Reason}, _, _) -> erlang:raise(Class, Reason, []);
on_request({attempt, Action}, Req, Script) ->
    try on_request(Action, Req, Script)
    catch Class:Reason -> noted({failed, element(1, Action), Class, reason(Reason)}, Req, Script)
    end;
on_request({ask, Function, Arguments}, Req, Script) ->
    noted({Function, Arguments, printable(apply(cowboy_req, Function, Arguments ++ [Req]))}, Req, Script);
on_request({set, Function, Arguments}, Req, _) -> apply(cowboy_req, Function, Arguments ++ [Req]);
on_request({effect, Function, Arguments}, Req, _) ->
    _ = apply(cowboy_req, Function, Arguments ++ [Req]),
    Req;
on_request({read, Function, Arguments}, Req, Script) ->
    {ok, Value, Next} = apply(cowboy_req, Function, Arguments ++ [Req]),
    noted({Function, printable(Value)}, Next, Script);
on_request(read_whole_body, Req, Script) ->
    {Body, Next} = whole_body(<<>>, cowboy_req:read_body(Req)),
    noted({body, Body}, Next, Script);
on_request({put, Key, Value}, Req, _) -> Req#{Key => Value}.

-spec whole_body(binary(), {ok | more, binary(), cowboy_req:req()}) -> {binary(), cowboy_req:req()}.
whole_body(Read, {ok, Piece, Req}) -> {<<Read/binary, Piece/binary>>, Req};
whole_body(Read, {more, Piece, Req}) -> whole_body(<<Read/binary, Piece/binary>>, cowboy_req:read_body(Req)).

%% iodata in a URI has many forms.
-spec printable(term()) -> term().
printable(Value) ->
    try iolist_to_binary(Value)
    catch error:badarg -> Value
    end.

-spec noted(term(), cowboy_req:req(), map()) -> cowboy_req:req().
noted(Term, #{streamid := Id} = Req, Script) ->
    note(Script, Id, Term),
    Req.

%%% What is on record

-spec note(map(), term(), term()) -> ok.
note(Script, Tag, Term) -> oracle_trace:init_called(Script, {note, {Tag, Term}}).

-spec facts(cowboy_req:req()) -> term().
facts(#{peer := {Address, _}} = Req) ->
    {Address, lists:sort(maps:keys(Req)), maps:without([peer, sock, ref, pid, streamid], Req)}.

-spec shape(term()) -> term().
shape(Req) when is_map(Req) -> lists:sort(maps:keys(Req));
shape(Other) -> Other.

%% Words meant for people are not compared.
-spec reason(term()) -> term().
reason({crash, Class, Reason}) -> {crash, Class, reason(Reason)};
reason({request_error, What, _}) -> {request_error, What};
reason({request_error, What, _, _}) -> {request_error, What};
reason(Reason) -> Reason.
