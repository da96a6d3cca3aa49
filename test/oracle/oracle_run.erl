%% @doc Plays one scenario's client against one server node and returns all that could be seen of it.
%%
%% A scenario is a map: `name', `script' (see oracle_handler), `steps', and where needed `handler', `routes', `proto',
%% `transport', `generation', `logs'. What a step saw is one element of the result's `wire', in the order of the steps.
-module(oracle_run).

-export([scenario/2, handshake/0, handshake/1, request/2]).

-type step() ::
    upgrade                                     % plain handshake, and its answer
    | {upgrade, iodata()}                       % handshake with these bytes behind it in the same segment
    | {send, iodata()}
    | {send_each_byte, binary()}                % one segment for each byte
    | response                                  % a response head and its body
    | head                                      % a response head alone
    | upgrade_silently | {upgrade_silently, iodata()} | head_silently   % read and not seen
    | raw_head                                  % as it stands on the wire
    | status | {response, body}                 % a whole response, of which that is seen
    | {has_field, binary()}                     % a response head, of which the field's value is seen
    | {frames, pos_integer()}                   % that many whole frames from the server
    | {recv, pos_integer()}
    | eof                                       % all that comes until the server closes
    | shutdown | reset | close | reopen         % the client's end of the socket
    | {await, atom()} | {await, atom(), pos_integer()}
    | {node, fun((map()) -> term())}            % runs in the server's node, its value is seen
    | {message, term()}                         % sent to the WebSocket process
    | {pause, pos_integer()}                    % milliseconds, where only time can tell
    | unlisten.
-type result() :: #{wire := [term()], callbacks := [term()], exits := [term()], init_exits := [term()], logs => [term()]}.
-export_type([step/0, result/0]).

-record(run, {
    peer :: pid(),
    scenario :: map(),
    port :: inet:port_number(),
    socket :: gen_tcp:socket() | closed,
    %% How many connections were upgraded: the ends of so many must be on record.
    upgrades = 0 :: non_neg_integer(),
    buffer = <<>> :: binary()
}).

%% No scenario is meant to come near it: a step that reaches it is seen as `timeout'.
-define(PATIENCE, 5000).

-spec scenario(pid(), map()) -> result().
scenario(Peer, Scenario) ->
    Port = peer:call(Peer, oracle_node, listen, [Scenario], 10000),
    Run = connected(#run{peer = Peer, scenario = Scenario, port = Port, socket = closed}),
    {Wire, After} = lists:mapfoldl(fun step/2, Run, maps:get(steps, Scenario)),
    close(After),
    _ = After#run.upgrades > 0 andalso await(exit, After#run.upgrades, Peer),
    expected(Scenario, Peer),
    {Outcome, Trace} = peer:call(Peer, oracle_trace, finish, [?PATIENCE], 2 * ?PATIENCE),
    _ = peer:call(Peer, oracle_node, unlisten, [Scenario], 2 * ?PATIENCE),
    Seen = [{finish, timeout} || Outcome =:= timeout],
    logged(Peer, Scenario, Trace#{wire => [W || W <- Wire, W =/= nothing] ++ Seen}).

%% The last callback of a request may come after its response. Too few are a difference, and seen as one.
-spec expected(map(), pid()) -> ok.
expected(#{expect := #{callbacks := Callbacks}}, Peer) when Callbacks =/= [] ->
    _ = await(any, length(Callbacks), Peer),
    ok;
expected(_, _) ->
    ok.

%% Where a scenario says how many lines (`logs') are logged about its listener, they are part of the result.
-spec logged(pid(), map(), result()) -> result().
logged(Peer, #{logs := Count}, Result) ->
    Result#{logs => peer:call(Peer, oracle_trace, logs, [Count, ?PATIENCE], 2 * ?PATIENCE)};
logged(_, _, Result) ->
    Result.

-spec connected(#run{}) -> #run{}.
connected(#run{port = Port} = Run) ->
    {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, false}, {nodelay, true}]),
    Run#run{socket = Socket, buffer = <<>>}.

-spec close(#run{}) -> #run{}.
close(#run{socket = closed} = Run) -> Run;
close(#run{socket = Socket} = Run) ->
    ok = gen_tcp:close(Socket),
    Run#run{socket = closed}.

-spec step(step(), #run{}) -> {term(), #run{}}.
step(upgrade, Run) -> step({upgrade, <<>>}, Run);
step({upgrade, Early}, Run) -> step(head, send([handshake(), Early], Run));
step({send, Bytes}, Run) -> {nothing, send(Bytes, Run)};
step({send_each_byte, Bytes}, Run) ->
    {nothing, lists:foldl(fun(Byte, R) -> send(<<Byte>>, R) end, Run, binary_to_list(Bytes))};
step(upgrade_silently, Run) -> step({upgrade_silently, <<>>}, Run);
step({upgrade_silently, Early}, Run) -> silently(step({upgrade, Early}, Run));
step(head_silently, Run) -> silently(head(Run));
step(head, Run) -> head(Run);
step(raw_head, Run) -> raw_head(Run);
step(status, Run) -> seen(fun({response, Status, _, _}) -> Status end, response(Run));
step({response, body}, Run) -> seen(fun({response, Status, _, Body}) -> {Status, Body} end, response(Run));
step({has_field, Name}, Run) -> seen(fun({head, _, Fields}) -> proplists:get_value(Name, Fields) end, head(Run));
step(response, Run) -> response(Run);
step({frames, Count}, Run) -> frames(Count, <<>>, Run);
step({recv, Count}, Run) -> taken(Count, Run);
step(eof, Run) -> eof(Run);
step(shutdown, #run{socket = Socket} = Run) ->
    ok = gen_tcp:shutdown(Socket, write),
    {nothing, Run};
step(reset, #run{socket = Socket} = Run) ->
    ok = inet:setopts(Socket, [{linger, {true, 0}}]),
    {nothing, close(Run)};
step(close, Run) -> {nothing, close(Run)};
step(reopen, Run) -> {nothing, connected(close(Run))};
step({await, Name}, Run) -> step({await, Name, 1}, Run);
step({await, Name, Count}, #run{peer = Peer} = Run) ->
    case await(Name, Count, Peer) of
        ok -> {nothing, Run};
        timeout -> {{timeout, {await, Name, Count}}, Run}
    end;
step({message, Message}, #run{peer = Peer} = Run) ->
    {{message, peer:call(Peer, oracle_trace, tell, [Message, ?PATIENCE], 2 * ?PATIENCE)}, Run};
step({node, Fun}, #run{peer = Peer, scenario = #{id := Id}} = Run) ->
    {{node, peer:call(Peer, oracle_node, ask, [Id, Fun], 2 * ?PATIENCE)}, Run};
step({pause, Time}, Run) ->
    receive after Time -> {nothing, Run} end;
step(unlisten, #run{peer = Peer, scenario = Scenario} = Run) ->
    {{unlisten, peer:call(Peer, oracle_node, unlisten, [Scenario], 2 * ?PATIENCE)}, Run}.

-spec await(atom(), pos_integer(), pid()) -> ok | timeout.
await(Name, Count, Peer) -> peer:call(Peer, oracle_trace, await, [Name, Count, ?PATIENCE], 2 * ?PATIENCE).

%% Only a head is passed over in silence, never a failure to read one.
-spec silently({term(), #run{}}) -> {term(), #run{}}.
silently({{head, <<"HTTP/1.1 101", _/binary>>, _}, Run}) -> {nothing, Run};
silently(Other) -> Other.

%% A part of what was read; the whole where it is not what was to be read.
-spec seen(fun((tuple()) -> term()), {term(), #run{}}) -> {term(), #run{}}.
seen(_, {{Why, _}, _} = Short) when Why =:= closed; Why =:= timeout -> Short;
seen(Part, {Term, Run}) -> {Part(Term), Run}.

-spec send(iodata(), #run{}) -> #run{}.
send(Bytes, #run{socket = Socket} = Run) ->
    _ = gen_tcp:send(Socket, Bytes),
    Run.

%% The handshake of RFC 6455 1.2 for "/ws".
-spec handshake() -> iodata().
handshake() -> handshake([]).

%% The same with header fields replaced, added, or (value `none') left out.
-spec handshake([{binary(), iodata() | none}]) -> iodata().
handshake(Changes) ->
    Base = [{<<"connection">>, <<"Upgrade">>}, {<<"upgrade">>, <<"websocket">>},
            {<<"sec-websocket-version">>, <<"13">>}, {<<"sec-websocket-key">>, <<"dGhlIHNhbXBsZSBub25jZQ==">>}],
    Kept = [Field || {Name, _} = Field <- Base, not lists:keymember(Name, 1, Changes)],
    request(<<"GET /ws HTTP/1.1">>, Kept ++ [Field || {_, Value} = Field <- Changes, Value =/= none]).

-spec request(iodata(), [{iodata(), iodata()}]) -> iodata().
request(Line, Fields) ->
    [Line, <<"\r\nhost: localhost\r\n">>, [[Name, <<": ">>, Value, <<"\r\n">>] || {Name, Value} <- Fields], <<"\r\n">>].

%%% Reading. Each returns what was seen, or `{timeout | closed, BytesSoFar}'.

-spec more(#run{}) -> {ok, #run{}} | {closed | timeout, #run{}}.
more(#run{socket = closed} = Run) -> {closed, Run};
more(#run{socket = Socket, buffer = Buffer} = Run) ->
    case gen_tcp:recv(Socket, 0, ?PATIENCE) of
        {ok, Bytes} -> {ok, Run#run{buffer = <<Buffer/binary, Bytes/binary>>}};
        {error, timeout} -> {timeout, Run};
        {error, _} -> {closed, Run}
    end.

-spec short({closed | timeout, #run{}}) -> {term(), #run{}}.
short({Why, #run{buffer = Buffer} = Run}) -> {{Why, Buffer}, Run#run{buffer = <<>>}}.

-spec taken(non_neg_integer(), #run{}) -> {term(), #run{}}.
taken(Count, #run{buffer = Buffer} = Run) when byte_size(Buffer) >= Count ->
    <<Bytes:Count/binary, Rest/binary>> = Buffer,
    {oracle_term:normal(Bytes), Run#run{buffer = Rest}};
taken(Count, Run) ->
    case more(Run) of
        {ok, More} -> taken(Count, More);
        Short -> short(Short)
    end.

-spec eof(#run{}) -> {term(), #run{}}.
eof(Run) ->
    case more(Run) of
        {ok, More} -> eof(More);
        {closed, #run{buffer = Buffer} = Closed} -> {{eof, oracle_term:normal(Buffer)}, close(Closed#run{buffer = <<>>})};
        Short -> short(Short)
    end.

-spec frames(non_neg_integer(), binary(), #run{}) -> {term(), #run{}}.
frames(0, Seen, Run) -> {oracle_term:normal(Seen), Run};
frames(Count, Seen, #run{buffer = Buffer} = Run) ->
    case frame_size(Buffer) of
        Size when is_integer(Size), byte_size(Buffer) >= Size ->
            <<Frame:Size/binary, Rest/binary>> = Buffer,
            frames(Count - 1, <<Seen/binary, Frame/binary>>, Run#run{buffer = Rest});
        _ ->
            case more(Run) of
                {ok, More} -> frames(Count, Seen, More);
                {Why, Short} -> short({Why, Short#run{buffer = <<Seen/binary, (Short#run.buffer)/binary>>}})
            end
    end.

-spec frame_size(binary()) -> pos_integer() | unknown.
frame_size(<<_, 0:1, 127:7, Size:64, _/binary>>) -> 10 + Size;
frame_size(<<_, 0:1, 127:7, _/binary>>) -> unknown;
frame_size(<<_, 0:1, 126:7, Size:16, _/binary>>) -> 4 + Size;
frame_size(<<_, 0:1, 126:7, _/binary>>) -> unknown;
frame_size(<<_, 0:1, Size:7, _/binary>>) -> 2 + Size;
frame_size(_) -> unknown.

-spec head(#run{}) -> {term(), #run{}}.
head(Run) ->
    case raw_head(Run) of
        {Bytes, Next} when is_binary(Bytes) -> {oracle_http:head(binary:part(Bytes, 0, byte_size(Bytes) - 4)), Next};
        Short -> Short
    end.

-spec raw_head(#run{}) -> {term(), #run{}}.
raw_head(#run{buffer = Buffer} = Run) ->
    case binary:split(Buffer, <<"\r\n\r\n">>) of
        [Head, Rest] -> {<<Head/binary, "\r\n\r\n">>, upgraded(Head, Run#run{buffer = Rest})};
        _ ->
            case more(Run) of
                {ok, More} -> raw_head(More);
                Short -> short(Short)
            end
    end.

-spec upgraded(binary(), #run{}) -> #run{}.
upgraded(<<"HTTP/1.", _, " 101", _/binary>>, #run{upgrades = Upgrades} = Run) -> Run#run{upgrades = Upgrades + 1};
upgraded(_, Run) -> Run.

-spec response(#run{}) -> {term(), #run{}}.
response(Run) ->
    case head(Run) of
        {{head, Status, Fields} = Head, Next} ->
            case oracle_http:body_length(Status, Fields) of
                chunked -> chunks(Head, <<>>, Next);
                Length ->
                    {Body, Last} = taken(Length, Next),
                    {{response, Status, Fields, Body}, Last}
            end;
        Short -> Short
    end.

%% A chunked body is seen as it stands on the wire.
-spec chunks({head, binary(), list()}, binary(), #run{}) -> {term(), #run{}}.
chunks({head, Status, Fields} = Head, Seen, #run{buffer = Buffer} = Run) ->
    case binary:split(Buffer, <<"0\r\n\r\n">>) of
        [Body, Rest] -> {{response, Status, Fields, <<Seen/binary, Body/binary, "0\r\n\r\n">>}, Run#run{buffer = Rest}};
        _ ->
            case more(Run) of
                {ok, More} -> chunks(Head, Seen, More);
                Short -> short(Short)
            end
    end.
