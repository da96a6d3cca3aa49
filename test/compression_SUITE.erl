%% @doc Compressed messages (RFC 7692): what is negotiated and what is on the wire, beside a real Cowboy; clients that others wrote;
%% and data that is no DEFLATE, or too much of it.
-module(compression_SUITE).

-export([all/0, groups/0, suite/0, init_per_suite/1, end_per_suite/1, init_per_group/2, end_per_group/2, init_per_testcase/2,
         end_per_testcase/2]).
-export([offers_are_answered_as_by_cowboy/1, offers_are_answered_as_by_cowboy_2_18/1, messages_have_cowboys_bytes/1,
         messages_of_every_size_and_parameter_come_back/1, deflate_commands_are_obeyed/1]).
-export([generation_1_knows_deflate_frame_only/1, generation_2pre_knows_both/1, generation_0_knows_none/1,
         nothing_is_compressed_unasked/1]).
-export([npm_ws/1, python_websockets/1]).
-export([fragments_may_have_pings_between/1, empty_messages/1, uncompressed_messages_are_welcome/1, corrupt_data_is_1002/1,
         bombs_are_1009/1, bombs_in_fragments_are_1009/1, text_must_be_utf8_once_inflated/1, contexts_last/1]).

-include_lib("common_test/include/ct.hrl").

-import(oracle_frame, [frame/3]).
-import(compression_client, [connect/2, close/1, send/2, send/3, message/1, receive_frame/1, echo/2, extensions/1, deflate/2,
                             until_closed/1]).

-define(PATIENCE, 10000).
-define(SLACK, 64 * 1024).
-define(HELLO, <<16#F2, 16#48, 16#CD, 16#C9, 16#C9, 16#07, 0>>).

-spec suite() -> [term()].
suite() -> [{timetrap, {seconds, 120}}].

-spec all() -> [term()].
all() -> [{group, cowboy}, {group, generations}, {group, clients}, {group, data}].

-spec groups() -> [term()].
groups() ->
    [{cowboy, [offers_are_answered_as_by_cowboy, offers_are_answered_as_by_cowboy_2_18, messages_have_cowboys_bytes,
               messages_of_every_size_and_parameter_come_back, deflate_commands_are_obeyed]},
     {generations, [generation_1_knows_deflate_frame_only, generation_2pre_knows_both, generation_0_knows_none,
                    nothing_is_compressed_unasked]},
     {clients, [npm_ws, python_websockets]},
     {data, [fragments_may_have_pings_between, empty_messages, uncompressed_messages_are_welcome, corrupt_data_is_1002,
             bombs_are_1009, bombs_in_fragments_are_1009, text_must_be_utf8_once_inflated, contexts_last]}].

-spec init_per_suite([term()]) -> [term()].
init_per_suite(Config) ->
    {ok, Path} = oracle_node:farrier_path(),
    [{farrier, oracle_node:hold(Path)} | Config].

-spec end_per_suite([term()]) -> ok.
end_per_suite(Config) -> oracle_node:stop(?config(farrier, Config)).

-spec init_per_group(atom(), [term()]) -> [term()] | {skip, string()}.
init_per_group(cowboy, Config) ->
    case oracle_node:oracle_path() of
        {ok, Path} -> [{cowboy, oracle_node:hold(Path)} | Config];
        {error, missing} -> {skip, "the real Cowboy is missing: run `make deps'"}
    end;
init_per_group(_, Config) -> Config.

-spec end_per_group(atom(), [term()]) -> ok.
end_per_group(cowboy, Config) -> oracle_node:stop(?config(cowboy, Config));
end_per_group(_, _) -> ok.

-spec init_per_testcase(atom(), [term()]) -> [term()].
init_per_testcase(_, Config) -> Config.

-spec end_per_testcase(atom(), [term()]) -> ok.
end_per_testcase(_, Config) ->
    _ = [peer:call(?config(farrier, Config), M, unlisten, []) || M <- [compression_handler, compression_old_handler]],
    ok.

%%% Beside a real Cowboy

%% What 2.8 and 2.18 answer alike.
-spec offers_are_answered_as_by_cowboy([term()]) -> ok.
offers_are_answered_as_by_cowboy(Config) ->
    [begin
         [Farrier, Cowboy] = [answers(Node, DeflateOpts, Offers) || Node <- nodes_of(Config)],
         [{Offer, _, Same} = {Offer, One, Same} || {Offer, One, Same} <- lists:zip3(Offers, Farrier, Cowboy),
                                                   {One, Same} =:= {Same, Same} orelse ct:fail("~s: ~s, and not ~s", [Offer, One, Same])]
     end || {DeflateOpts, Offers} <- matrix()],
    ok.

-spec matrix() -> [{map(), [string()]}].
matrix() ->
    Usual = ["permessage-deflate", "permessage-deflate; client_max_window_bits", "permessage-deflate; client_max_window_bits=12",
             "permessage-deflate; client_max_window_bits=8", "permessage-deflate; client_max_window_bits=\"10\"",
             "permessage-deflate; server_max_window_bits=9", "permessage-deflate; server_max_window_bits=8",
             "permessage-deflate; server_max_window_bits=15", "permessage-deflate; server_no_context_takeover",
             "permessage-deflate; client_no_context_takeover",
             "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
             "permessage-deflate; client_no_context_takeover; server_no_context_takeover; server_max_window_bits=10; client_max_window_bits"],
    Bad = ["permessage-deflate; server_max_window_bits=16", "permessage-deflate; server_max_window_bits=7",
           "permessage-deflate; server_max_window_bits", "permessage-deflate; client_max_window_bits=16",
           "permessage-deflate; client_max_window_bits=08", "permessage-deflate; server_no_context_takeover=1",
           "permessage-deflate; unknown", "permessage-deflate; unknown=1", "PERMESSAGE-DEFLATE", "other", "other; a=b",
           "permessage-deflate; client_max_window_bits; client_max_window_bits=9",
           "permessage-deflate; server_no_context_takeover; server_no_context_takeover"],
    Several = ["permessage-deflate; server_max_window_bits=16, permessage-deflate", "other, permessage-deflate; client_max_window_bits",
               "permessage-deflate, x-webkit-deflate-frame", "x-webkit-deflate-frame, permessage-deflate",
               "permessage-deflate; client_max_window_bits=10, permessage-deflate"],
    Webkit = ["x-webkit-deflate-frame", "x-webkit-deflate-frame; max_window_bits=10", "x-webkit-deflate-frame; no_context_takeover"],
    Malformed = ["permessage-deflate;;", "permessage-deflate; =", ";", "permessage-deflate client_max_window_bits"],
    [{#{}, Usual ++ Bad ++ Several ++ Webkit ++ Malformed},
     {#{server_context_takeover => no_takeover}, Usual},
     {#{client_context_takeover => no_takeover}, Usual},
     {#{server_max_window_bits => 10}, Usual},
     {#{server_max_window_bits => 10, server_context_takeover => no_takeover, client_context_takeover => no_takeover}, Usual},
     {#{client_max_window_bits => 10}, [Offer || Offer <- Usual, string:find(Offer, "client_max_window_bits") =/= nomatch]}].

%% A window for the client that it has not offered: 2.6 to 2.12 leave the parameter out, 2.13 and later do not compress.
-spec offers_are_answered_as_by_cowboy_2_18([term()]) -> ok.
offers_are_answered_as_by_cowboy_2_18(Config) ->
    Offers = ["permessage-deflate", "permessage-deflate; server_max_window_bits=9", "permessage-deflate, x-webkit-deflate-frame"],
    [<<>>, <<>>, <<"x-webkit-deflate-frame">>] = answers(?config(farrier, Config), #{client_max_window_bits => 10}, Offers),
    ok.

-spec answers(pid(), map(), [string()]) -> [binary()].
answers(Node, DeflateOpts, Offers) ->
    Port = listen(Node, #{deflate_opts => DeflateOpts}),
    Answers = [begin
                   Client = connect(Port, Offer),
                   close(Client),
                   extensions(Client)
               end || Offer <- Offers],
    ok = peer:call(Node, compression_handler, unlisten, []),
    Answers.

-spec messages_have_cowboys_bytes([term()]) -> ok.
messages_have_cowboys_bytes(Config) ->
    [begin
         [Same, Same] = [begin
             Client = connect(listen(Node, #{deflate_opts => Opts}), "permessage-deflate"),
             [ok = send(Client, 1, Text) || Text <- texts()],
             Frames = [receive_frame(Client) || _ <- texts()],
             close(Client),
             ok = peer:call(Node, compression_handler, unlisten, []),
             Frames
         end || Node <- nodes_of(Config)],
         {1, 1, ?HELLO} = hd(Same)
     end || Opts <- [#{}, #{server_context_takeover => no_takeover}, #{level => best_speed, mem_level => 1, strategy => rle}]],
    ok.

%% Short ones: another DEFLATE may choose other matches in a long one.
-spec texts() -> [binary()].
texts() -> [<<"Hello">>, <<"Hello">>, <<"{\"a\":1}">>, <<"Hello">>].

-spec messages_of_every_size_and_parameter_come_back([term()]) -> ok.
messages_of_every_size_and_parameter_come_back(Config) ->
    Node = ?config(farrier, Config),
    Offers = ["permessage-deflate", "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
              "permessage-deflate; server_max_window_bits=9; client_max_window_bits=9",
              "permessage-deflate; server_max_window_bits=8", "permessage-deflate; server_max_window_bits=12"],
    Options = [#{}, #{level => none}, #{level => 1, mem_level => 1}, #{level => 5, mem_level => 9, strategy => filtered},
               #{strategy => huffman_only}, #{strategy => rle}],
    Port = fun(Opts) -> listen(Node, #{deflate_opts => Opts, max_frame_size => infinity}) end,
    [begin
         At = Port(Opts),
         [begin
              Client = connect(At, Offer),
              [ok = echo(Client, text_of(Size)) || Size <- [0, 1, 125, 126, 127, 1000, 65535, 65536, 300000, 7, 0, 40000]],
              Noise = crypto:strong_rand_bytes(100000),
              ok = send(Client, 2, Noise),
              {2, Noise} = message(Client),
              close(Client)
          end || Offer <- Offers],
         ok = peer:call(Node, compression_handler, unlisten, [])
     end || Opts <- Options],
    ok.

-spec text_of(non_neg_integer()) -> binary().
text_of(Size) ->
    Words = << <<"{\"n\":", (integer_to_binary(N * N rem 1009))/binary, "},">> || N <- lists:seq(1, Size div 8 + 1) >>,
    binary:part(Words, 0, Size).

-spec deflate_commands_are_obeyed([term()]) -> ok.
deflate_commands_are_obeyed(Config) ->
    [Same, Same] = [begin
        Client = connect(listen(Node, #{}), "permessage-deflate; server_no_context_takeover"),
        [ok = send(Client, 1, Text) || Text <- [<<"plain Hello">>, <<"mixed Hello">>, <<"Hello">>]],
        Frames = [receive_frame(Client) || _ <- lists:seq(1, 6)],
        close(Client),
        Frames
    end || Node <- nodes_of(Config)],
    [{0, 1, <<"Hello">>}, {1, 1, ?HELLO}, {0, 1, <<"Hello">>}, {0, 9, <<>>}, {1, 1, ?HELLO}, {1, 1, ?HELLO}] = Same,
    _ = peer:call(?config(cowboy, Config), compression_handler, unlisten, []),
    ok.

%%% Generations

-spec generation_1_knows_deflate_frame_only([term()]) -> ok.
generation_1_knows_deflate_frame_only(Config) ->
    Port = peer:call(?config(farrier, Config), compression_old_handler, listen, [1]),
    [Expected = begin
         Client = connect(Port, Offer),
         ok = echo(Client, <<"Hello">>),
         ok = echo(Client, <<"Hello">>),
         close(Client),
         extensions(Client)
     end || {Offer, Expected} <- [{"x-webkit-deflate-frame", <<"x-webkit-deflate-frame">>}]],
    [<<>> = begin
         Client = connect(Port, Offer),
         ok = send(Client, oracle_frame:text(<<"plain">>)),
         {0, 1, <<"plain">>} = receive_frame(Client),
         close(Client),
         extensions(Client)
     end || Offer <- ["permessage-deflate", "x-webkit-deflate-frame; no_context_takeover", none]],
    ok.

-spec generation_2pre_knows_both([term()]) -> ok.
generation_2pre_knows_both(Config) ->
    Port = peer:call(?config(farrier, Config), compression_old_handler, listen, ['2pre']),
    [begin
         Client = connect(Port, Offer),
         Offer = binary_to_list(extensions(Client)),
         ok = echo(Client, <<"Hello">>),
         ok = echo(Client, <<"Hello">>),
         close(Client)
     end || Offer <- ["permessage-deflate", "x-webkit-deflate-frame"]],
    ok.

-spec generation_0_knows_none([term()]) -> ok.
generation_0_knows_none(Config) ->
    Port = peer:call(?config(farrier, Config), compression_old_handler, listen, [0]),
    [begin
         Client = connect(Port, Offer),
         <<>> = extensions(Client),
         close(Client)
     end || Offer <- ["permessage-deflate", "x-webkit-deflate-frame"]],
    ok.

-spec nothing_is_compressed_unasked([term()]) -> ok.
nothing_is_compressed_unasked(Config) ->
    Port = listen(?config(farrier, Config), #{compress => false}),
    Client = connect(Port, "permessage-deflate"),
    <<>> = extensions(Client),
    %% RSV1 is an error then (RFC 6455 5.2).
    ok = send(Client, frame(1, ?HELLO, #{rsv => 4})),
    [{8, <<1002:16, _/binary>>}] = until_closed(Client),
    close(Client).

%%% Clients

-spec npm_ws([term()]) -> {comment, string()}.
npm_ws(Config) -> run("node", "ws_deflate.mjs", Config).

-spec python_websockets([term()]) -> {comment, string()}.
python_websockets(Config) -> run(filename:join(clients(), "python/bin/python3"), "websockets_deflate.py", Config).

-spec run(string(), string(), [term()]) -> {comment, string()}.
run(Program, Source, Config) ->
    Url = lists:concat(["ws://127.0.0.1:", listen(?config(farrier, Config), #{max_frame_size => infinity}), "/ws"]),
    Port = open_port({spawn_executable, os:find_executable(Program)},
                     [{args, [filename:join([oracle_node:root(), "test/compression", Source]), Url]},
                      {env, [{"FARRIER_CLIENTS", clients()}]}, exit_status, stderr_to_stdout, binary]),
    case output(Port, <<>>) of
        {0, Output} -> {comment, string:trim(binary_to_list(Output))};
        {Status, Output} -> ct:fail("~ts exits with ~b:~n~ts", [Source, Status, Output])
    end.

-spec output(port(), binary()) -> {non_neg_integer(), binary()}.
output(Port, Output) ->
    receive
        {Port, {data, Bytes}} -> output(Port, <<Output/binary, Bytes/binary>>);
        {Port, {exit_status, Status}} -> {Status, Output}
    end.

-spec clients() -> file:filename().
clients() ->
    case os:getenv("FARRIER_CLIENTS") of
        false -> filename:join(oracle_node:root(), "_build/clients");
        Dir -> Dir
    end.

%%% Data

-spec fragments_may_have_pings_between([term()]) -> ok.
fragments_may_have_pings_between(Config) ->
    Client = connect(listen(?config(farrier, Config), #{}), "permessage-deflate"),
    [begin
         Payload = text_of(5000),
         Compressed = deflate(Client, Payload),
         Half = byte_size(Compressed) div 2,
         <<First:Half/binary, Rest/binary>> = Compressed,
         ok = send(Client, [frame(1, First, #{rsv => 4, fin => 0}), oracle_frame:ping(<<"between">>), frame(0, <<>>, #{fin => 0}),
                            frame(0, Rest, #{})]),
         {10, <<"between">>} = message(Client),
         {1, Payload} = message(Client)
     end || _ <- lists:seq(1, 3)],
    close(Client).

%% `C1 01 00' as of 2.13; both forms are taken.
-spec empty_messages([term()]) -> ok.
empty_messages(Config) ->
    Client = connect(listen(?config(farrier, Config), #{}), "permessage-deflate"),
    [begin
         ok = send(Client, frame(1, Payload, #{rsv => 4})),
         {1, 1, <<0>>} = receive_frame(Client)
     end || Payload <- [<<0>>, <<>>, <<0>>, <<2, 0>>]],
    ok = echo(Client, <<"Hello">>),
    close(Client).

-spec uncompressed_messages_are_welcome([term()]) -> ok.
uncompressed_messages_are_welcome(Config) ->
    Client = connect(listen(?config(farrier, Config), #{}), "permessage-deflate"),
    ok = echo(Client, <<"Hello">>),
    ok = send(Client, oracle_frame:text(<<"not compressed">>)),
    {1, <<"not compressed">>} = message(Client),
    ok = echo(Client, <<"Hello">>),
    close(Client).

-spec corrupt_data_is_1002([term()]) -> ok.
corrupt_data_is_1002(Config) ->
    Port = listen(?config(farrier, Config), #{}),
    [begin
         Client = connect(Port, "permessage-deflate"),
         ok = send(Client, frame(1, Bytes, #{rsv => 4})),
         [{8, <<1002:16, _/binary>>}] = until_closed(Client),
         close(Client)
     end || Bytes <- [binary:copy(<<255>>, 9), <<6>>, <<"not compressed">>, <<2, 19, 0, 0>>]],
    %% RSV1 on what is no first frame of a message (RFC 7692 6).
    [begin
         Client = connect(Port, "permessage-deflate"),
         ok = send(Client, Frames),
         [{8, <<1002:16, _/binary>>}] = until_closed(Client),
         close(Client)
     end || Frames <- [frame(9, <<>>, #{rsv => 4}), [frame(1, ?HELLO, #{fin => 0, rsv => 4}), frame(0, <<>>, #{rsv => 4})],
                       frame(1, ?HELLO, #{rsv => 2})]],
    ok.

%% 1 MiB that inflates to 1 GiB.
-spec bombs_are_1009([term()]) -> ok.
bombs_are_1009(Config) ->
    Bomb = bomb(),
    true = byte_size(Bomb) < 1100000,
    exploded(Config, #{max_frame_size => 2000000}, fun(Client) -> send(Client, frame(2, Bomb, #{rsv => 4})) end),
    %% By default a frame of that size is too large already, so a smaller one comes.
    Small = binary:part(Bomb, 0, 900000),
    exploded(Config, #{}, fun(Client) -> send(Client, frame(2, Small, #{rsv => 4})) end).

-spec bombs_in_fragments_are_1009([term()]) -> ok.
bombs_in_fragments_are_1009(Config) ->
    <<First:300000/binary, Second:300000/binary, _/binary>> = bomb(),
    exploded(Config, #{}, fun(Client) ->
        send(Client, [frame(2, First, #{rsv => 4, fin => 0}), frame(0, Second, #{fin => 0}), frame(0, <<>>, #{})])
    end).

-spec bomb() -> binary().
bomb() ->
    Z = zlib:open(),
    ok = zlib:deflateInit(Z, best_compression, deflated, -15, 8, default),
    Zeros = binary:copy(<<0>>, 1 bsl 20),
    Pieces = [zlib:deflate(Z, Zeros) || _ <- lists:seq(1, 1023)],
    Bytes = iolist_to_binary([Pieces, zlib:deflate(Z, Zeros, sync)]),
    zlib:close(Z),
    binary:part(Bytes, 0, byte_size(Bytes) - 4).

%% Ten at once cost their senders the connection, and nobody else anything.
-spec exploded([term()], map(), fun((compression_client:client()) -> ok)) -> ok.
exploded(Config, Opts, Send) ->
    Node = ?config(farrier, Config),
    Port = listen(Node, Opts),
    Witness = connect(Port, "permessage-deflate"),
    ok = echo(Witness, <<"Hello">>),
    #{kilobytes := Before} = peer:call(Node, abuse_handler, counts, []),
    Clients = [connect(Port, "permessage-deflate") || _ <- lists:seq(1, 10)],
    [ok = Send(Client) || Client <- Clients],
    [[{8, <<1009:16, _/binary>>}] = until_closed(Client) || Client <- Clients],
    #{kilobytes := Now} = peer:call(Node, abuse_handler, counts, []),
    Now < Before + ?SLACK orelse ct:fail("resident memory grew from ~b to ~b KiB", [Before, Now]),
    ok = echo(Witness, <<"Hello">>),
    [close(Client) || Client <- [Witness | Clients]],
    ok = peer:call(Node, compression_handler, unlisten, []).

-spec text_must_be_utf8_once_inflated([term()]) -> ok.
text_must_be_utf8_once_inflated(Config) ->
    Port = listen(?config(farrier, Config), #{}),
    [begin
         Client = connect(Port, "permessage-deflate"),
         ok = send(Client, 1, Bytes),
         [{8, <<1007:16, _/binary>>}] = until_closed(Client),
         close(Client)
     end || Bytes <- [<<255>>, <<"fine until ", 16#C3>>, <<16#ED, 16#A0, 16#80>>]],
    Client = connect(Port, "permessage-deflate"),
    ok = send(Client, 2, <<255>>),
    {2, <<255>>} = message(Client),
    close(Client).

%% More connections than a thread keeps compressors, all under way at once.
-spec contexts_last([term()]) -> ok.
contexts_last(Config) ->
    Port = listen(?config(farrier, Config), #{}),
    Pids = [spawn_monitor(fun() ->
        Client = connect(Port, "permessage-deflate"),
        [ok = echo(Client, <<"{\"client\":", (integer_to_binary(N))/binary, ",\"message\":", (integer_to_binary(M * 7919))/binary, "}">>)
            || M <- lists:seq(1, 1000)],
        close(Client)
    end) || N <- lists:seq(1, 200)],
    [receive {'DOWN', Monitor, process, Pid, Reason} -> normal = Reason end || {Pid, Monitor} <- Pids],
    ok.

%%% What every case stands on

-spec nodes_of([term()]) -> [pid()].
nodes_of(Config) -> [?config(farrier, Config), ?config(cowboy, Config)].

-spec listen(pid(), map()) -> inet:port_number().
listen(Node, Opts) -> peer:call(Node, compression_handler, listen, [Opts, #{}], ?PATIENCE).
