#!/usr/bin/env escript
%% Times what native/micro can't, because it needs an Erlang VM: the terms that the NIF builds and reads. Run it from the
%% repository's root once farrier is compiled.
%%
%% A call's time is that of the call alone. A delivery's is taken from outside, from a client's write on loopback to the last
%% message in the owner's mailbox, so it holds the socket, decoding and the message to the process as well; the more messages
%% come with one read, the more of it is decoding and building terms.
-mode(compile).

-define(TEXT, 1).
-define(MASK, 0:32).

main([]) ->
    ok = code:add_pathsa(filelib:wildcard("_build/default/lib/*/ebin")),
    ok = farrier_nif:start(#{}),
    {ok, Listener, {_, Port}} = farrier_nif:listen(#{ip => {127, 0, 0, 1}}, [self()]),
    io:format("~-52s ~10s~n", ["NIF, median of 11 rounds", "ns"]),
    time("statistics of a listener, encoded and decoded", 1, fun() -> farrier_nif:listener_info(Listener) end),
    deliveries(Port),
    calls(Port).

%% Frames of a client, one read or a few; the owner hands back what it got.
deliveries(Port) ->
    {Socket, Handle} = connect(Port),
    [delivery(Socket, Handle, Count, Size) || {Count, Size} <- [{1, 64}, {16, 64}, {64, 64}, {16, 1024}, {1, 16384}]],
    close(Socket, Handle).

delivery(Socket, Handle, Count, Size) ->
    Read = binary:copy(masked(binary:copy(<<"x">>, Size)), Count),
    Name = io_lib:format("delivery: each of ~b texts of ~b B", [Count, Size]),
    time(Name, Count, fun() ->
        ok = gen_tcp:send(Socket, Read),
        receive_events(Handle, Count)
    end).

receive_events(_Handle, 0) ->
    ok;
receive_events(Handle, Count) ->
    receive
        {'$farrier', Events, Bytes} ->
            ok = farrier_nif:handled(Handle, Bytes),
            receive_events(Handle, Count - length(Events))
    end.

%% A connection that was closed takes no frames any more, but reads their terms before it says so.
calls(Port) ->
    {Socket, Handle} = connect(Port),
    close(Socket, Handle),
    Text = binary:copy(<<"x">>, 64),
    IoData = [<<"id: ">>, integer_to_list(42), [<<", ">> | Text]],
    time("call: no bytes handed back", 1, fun() -> farrier_nif:handled(Handle, 0) end),
    time("call: a text of 64 B", 1, fun() -> refused(Handle, [{text, Text}]) end),
    time("call: a text of iodata", 1, fun() -> refused(Handle, [{text, IoData}]) end),
    Many = lists:duplicate(16, {text, Text}),
    time("call: each of 16 texts of 64 B", 16, fun() -> refused(Handle, Many) end).

refused(Handle, Frames) ->
    {error, closed} = farrier_nif:send(Handle, Frames, 0, false).

%% Prints the median of 11 rounds, divided by how many things `Run' does at once.
time(Name, Things, Run) ->
    Each = max(1, 20_000_000 div max(1, round_of(Run, 200))),
    Rounds = lists:sort([round_of(Run, Each) || _ <- lists:seq(1, 11)]),
    io:format("~-52s ~10b~n", [Name, round(lists:nth(6, Rounds) / Things)]).

round_of(Run, Times) ->
    Begin = erlang:monotonic_time(nanosecond),
    repeat(Run, Times),
    (erlang:monotonic_time(nanosecond) - Begin) div Times.

repeat(_Run, 0) ->
    ok;
repeat(Run, Times) ->
    _ = Run(),
    repeat(Run, Times - 1).

connect(Port) ->
    {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, false}, {nodelay, true}]),
    ok = gen_tcp:send(Socket, "GET / HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"),
    Handle = receive {'$farrier_accept', Offered} -> Offered end,
    {ok, _Request} = farrier_nif:accept(Handle),
    Headers = [{<<"connection">>, <<"Upgrade">>}, {<<"upgrade">>, <<"websocket">>}],
    ok = farrier_nif:upgrade(Handle, Headers, #{idle_timeout => infinity}),
    {ok, _Head} = gen_tcp:recv(Socket, 0),
    {Socket, Handle}.

close(Socket, Handle) ->
    ok = farrier_nif:close(Handle, [close]),
    ok = gen_tcp:close(Socket).

%% A mask of zeros changes nothing, and is applied all the same.
masked(Payload) ->
    Length =
        case byte_size(Payload) of
            Short when Short < 126 -> <<Short:7>>;
            Long -> <<126:7, Long:16>>
        end,
    <<1:1, 0:3, ?TEXT:4, 1:1, Length/bitstring, ?MASK, Payload/binary>>.
