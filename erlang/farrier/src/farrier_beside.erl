%% Serves requests as Cowboy 2 itself does, by two processes. That is needed beside a real Cowboy, whose `cowboy_req'
%% sends messages to the process that `maps:get(pid, Req)' names and waits for its answers, and wherever one process
%% serves a whole connection (`farrier_adopted').
%%
%% 1. The connection's process (this module) has accepted the request. It serves the messages of `cowboy_req' (Cowboy
%%    2.0 to 2.18) until the request's process ends or asks for an upgrade.
%% 2. The request's process (`farrier_beside_request') runs the middlewares and the handler's `init/2', linked to the
%%    first.
%% 3. On an upgrade the connection's process becomes the session, and the request's process ends.
%%
%% Which messages there are and which of them are answered is said at `message/2'. The request's process waits for at
%% most one answer at a time; if it dies its exit signal comes after all that it has sent, so that nothing it wrote is
%% lost.
-module(farrier_beside).

-export([is_needed/0, serve/4]).

-record(beside, {
    %% The request's process.
    pid :: pid(),
    parent :: pid(),
    req :: farrier_req_2:req(),
    bridge :: module(),
    handle :: term(),
    %% Names the bridge's word that the client has gone.
    watch :: reference(),
    %% Reads of the body that the bridge has not answered.
    reads = #{} :: #{reference() => read()},
    %% Bytes of the body that have been read.
    bytes = 0 :: non_neg_integer(),
    config :: farrier_listener:config()
}).

%% Who asked, with which reference; the first bytes of a read that wants whatever there is.
-type read() :: {pid(), reference(), auto | {rest, binary()} | length}.

%% A read that wants whatever there is takes at most this many bytes.
-define(AUTO_LENGTH, 1048576).

%% @doc Whether the module `cowboy_req' of this node is a real Cowboy 2's. The one that comes with farrier has functions
%% of several generations, which no real one has together.
-spec is_needed() -> boolean().
is_needed() ->
    _ = code:ensure_loaded(cowboy_req),
    erlang:function_exported(cowboy_req, uri, 1) andalso not erlang:function_exported(cowboy_req, url, 1).

%% @doc Serves a request by means of a process of its own. Called by the connection's process, which must be the only
%% one to serve this request; what it returns is as if the middlewares had run here.
%% The caller traps exits from here on, unless an upgrade was asked for.
-spec serve(farrier_req_2:req(), farrier_handler:env(), [module()], farrier_listener:config()) ->
    farrier_middleware:outcome() | no_return().
serve(Req, Env, Middlewares, Config) ->
    _ = process_flag(trap_exit, true),
    {Bridge, Handle} = farrier_exchange:bridge(),
    Watch = make_ref(),
    _ = Bridge:await_closed(Handle, Watch),
    Pid = farrier_beside_request:start_link(Req, Env, Middlewares, Config),
    loop(#beside{
        pid = Pid, parent = hd(get('$ancestors')), req = Req, bridge = Bridge, handle = Handle, watch = Watch,
        config = Config
    }).

%% Takes what concerns the request and leaves the rest (an order to drain, messages of the handler to its future
%% session, `sys' messages) for the session.
-spec loop(#beside{}) -> farrier_middleware:outcome() | no_return().
loop(#beside{} = B) ->
    #beside{pid = Pid, parent = Parent, req = Req, bridge = Bridge, handle = Handle, watch = Watch, reads = Reads} = B,
    Self = self(),
    #{streamid := StreamId} = Req,
    receive
        {{Self, StreamId}, {switch_protocol, _, Protocol, _}} ->
            refuse(Protocol, B);
        {{Self, StreamId}, Message} ->
            loop(message(Message, B));
        {{Self, _}, _} ->
            loop(B);
        {Read, body, {error, Reason}} when is_map_key(Read, Reads) ->
            unreadable(Reason, B);
        {Read, body, Fin, Data} when is_map_key(Read, Reads) ->
            loop(body(maps:get(Read, Reads), Fin, Data, B#beside{reads = maps:remove(Read, Reads)}));
        {farrier_beside_request, Pid, {upgrade, Upgrade}} ->
            released(B),
            farrier_connection:upgrade(Upgrade),
            {done, Req};
        {farrier_beside_request, Pid, {error, _, _} = Error} ->
            released(B),
            Error;
        {'EXIT', Pid, normal} ->
            _ = Bridge:response_state(Handle) =:= none andalso message({response, 204, #{}, <<>>}, B),
            {done, Req};
        {'EXIT', Pid, Reason} ->
            failed(Reason, B);
        {'EXIT', Parent, Reason} ->
            abandon(Reason, B);
        {'EXIT', _, _} ->
            loop(B);
        {Watch, {error, closed}} ->
            abandon(shutdown, B);
        {'$gen_call', From, Question} ->
            gen_server:reply(From, answer(Question, B)),
            loop(B)
    end.

%% A question of the request's process, or of somebody who takes this one for Cowboy's.
-spec answer(term(), #beside{}) -> term().
answer({farrier_beside_request, response_state}, #beside{bridge = Bridge, handle = Handle}) ->
    Bridge:response_state(Handle);
answer(Question, _) -> farrier_sys:childless(Question).

%%% Messages of cowboy_req

%% `response', `headers', `data' (with the sender from 2.7 on, who waits for `data_ack'), `trailers' and `inform' carry
%% complete headers. `read_body' (with the sender from 2.7 on) is answered by `request_body'. There is no `push' in
%% HTTP/1.1. Whatever else comes would be for stream handlers of the user's own, and Cowboy's default one ignores it.
-spec message(term(), #beside{}) -> #beside{}.
message(Command, #beside{req = Req} = B) when
    element(1, Command) =:= inform; element(1, Command) =:= response; element(1, Command) =:= headers;
    element(1, Command) =:= data, tuple_size(Command) =:= 3; element(1, Command) =:= trailers
->
    ok = farrier_req_2_resp:perform(Command, Req),
    B;
message({data, From, IsFin, Data}, B) ->
    _ = message({data, IsFin, Data}, B),
    From ! {data_ack, self()},
    B;
message({read_body, Ref, Length, Period}, #beside{pid = Pid} = B) ->
    read(Pid, Ref, Length, Period, B);
message({read_body, From, Ref, Length, Period}, B) ->
    read(From, Ref, Length, Period, B);
message(_, B) ->
    B.

%% The state that a real protocol hands over is its own business: its next release may write it differently.
-spec refuse(module(), #beside{}) -> farrier_middleware:outcome().
refuse(Protocol, B) ->
    given_up({{not_supported, {Protocol, upgrade}, "farrier serves only what init/2 returns beside a real Cowboy: return "
        "{cowboy_websocket, Req, State, Opts} from init/2 instead of calling cowboy_websocket:upgrade/4,5, or let the "
        "cowboy application that comes with farrier take the place of the real one"}, []}, B).

%%% Request body

-spec read(pid(), reference(), pos_integer() | auto, timeout(), #beside{}) -> #beside{}.
read(From, Ref, auto, Period, B) -> ask({From, Ref, auto}, 1, Period, B);
read(From, Ref, Length, Period, B) -> ask({From, Ref, length}, Length, Period, B).

%% The bridge sends exactly one message for each reference that it accepts.
-spec ask(read(), pos_integer(), timeout(), #beside{}) -> #beside{} | no_return().
ask(Read, Length, Period, #beside{bridge = Bridge, handle = Handle, reads = Reads} = B) ->
    Ref = make_ref(),
    case Bridge:read_body(Handle, Ref, Length, Period) of
        ok -> B#beside{reads = Reads#{Ref => Read}};
        {error, closed} -> abandon(shutdown, B)
    end.

%% The first byte ends a wait for whatever there is; what has come along with it is taken in a second call that does not
%% wait.
-spec body(read(), fin | nofin, binary(), #beside{}) -> #beside{} | no_return().
body({From, Ref, auto}, nofin, First, B) when First =/= <<>> ->
    ask({From, Ref, {rest, First}}, ?AUTO_LENGTH, 0, B);
body({From, Ref, {rest, First}}, Fin, Rest, B) ->
    body({From, Ref, length}, Fin, <<First/binary, Rest/binary>>, B);
body({From, Ref, _}, nofin, Data, #beside{bytes = Bytes} = B) ->
    From ! {request_body, Ref, nofin, Data},
    B#beside{bytes = Bytes + byte_size(Data)};
body({From, Ref, _}, fin, Data, #beside{bytes = Bytes} = B) ->
    Total = Bytes + byte_size(Data),
    From ! {request_body, Ref, fin, Total, Data},
    B#beside{bytes = Total}.

%% A client that has gone, or one that sends what is no body.
-spec unreadable(term(), #beside{}) -> farrier_middleware:outcome() | no_return().
unreadable(closed, B) -> abandon(shutdown, B);
unreadable(Reason, B) -> given_up({{request_error, {body, Reason}, 'The request body could not be read.'}, []}, B).

%% The request's process cannot go on.
-spec given_up(term(), #beside{}) -> farrier_middleware:outcome().
given_up(Reason, #beside{pid = Pid} = B) ->
    unlink(Pid),
    failed(Reason, stopped(B)).

%%% End

%% The request's process has said its last word. Its exit, and those of what it had linked to this one, must not reach
%% the session.
-spec released(#beside{}) -> ok.
released(#beside{pid = Pid, watch = Watch} = B) ->
    unlink(Pid),
    _ = process_flag(trap_exit, false),
    receive
        {'EXIT', _, _} -> released(B);
        {Watch, {error, closed}} -> released(B)
    after 0 -> ok
    end.

%% The client is told what it has not been told yet. The connection lives on.
-spec failed(term(), #beside{}) -> farrier_middleware:outcome().
failed(Reason, #beside{req = Req} = B) ->
    farrier_connection:error_response(exit, cause(Reason)),
    farrier_exchange:close_response(),
    log(Reason, B),
    {done, Req}.

%% `proc_lib' exits with a stack trace next to the cause, unless the cause is a kill or a shutdown.
-spec cause(term()) -> term().
cause({Cause, Stack}) when is_list(Stack) -> Cause;
cause(Reason) -> Reason.

-spec log(term(), #beside{}) -> ok.
log(shutdown, _) ->
    ok;
log({shutdown, _}, _) ->
    ok;
log({{request_error, _, _}, Stack}, _) when is_list(Stack) ->
    ok;
log(Reason, #beside{pid = Pid, req = #{ref := Ref, streamid := StreamId}, config = #{logger := Logger}}) ->
    farrier_connection:log(Logger,
        "Ranch listener ~p, connection process ~p, stream ~p had its request process ~p exit with reason ~0p~n",
        [Ref, self(), StreamId, Pid, Reason]).

%% Nobody waits for the response any more.
-spec abandon(term(), #beside{}) -> no_return().
abandon(Reason, #beside{bridge = Bridge, handle = Handle} = B) ->
    _ = stopped(B),
    _ = Bridge:close(Handle, []),
    exit(Reason).

%% A request's process that traps exits has the listener's `shutdown' time to end.
-spec stopped(#beside{}) -> #beside{}.
stopped(#beside{pid = Pid, config = #{shutdown := Shutdown}} = B) ->
    exit(Pid, shutdown),
    _ = kill_after(Shutdown, Pid),
    B.

-spec kill_after(timeout() | brutal_kill, pid()) -> term().
kill_after(infinity, _) -> ok;
kill_after(brutal_kill, Pid) -> exit(Pid, kill);
kill_after(Timeout, Pid) -> timer:kill_after(Timeout, Pid).
