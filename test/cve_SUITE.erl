%% @doc Published attacks on servers of this kind, tried on ours: each case is named after the number of the vulnerability
%% that another server had. The node lives, its memory stays flat, others are served, and the attacker gets the status or close
%% code that is due. docs/security.md tells what each vulnerability was, and which of them cannot apply.
%%
%% The server is a VM of its own, so that its memory and atoms are not mixed up with the attackers'.
-module(cve_SUITE).

-include_lib("common_test/include/ct.hrl").

-export([all/0, groups/0, suite/0, init_per_suite/1, end_per_suite/1, init_per_group/2, end_per_group/2,
         init_per_testcase/2, end_per_testcase/2]).
-export([cve_2023_43669_a_header_without_end_in_a_handshake/1, cve_2024_37890_too_many_headers_in_an_upgrade/1,
         cve_2026_65624_too_many_headers_of_one_name/1, cve_2026_48779_tiny_fragments_without_end/1,
         cve_2026_65623_a_message_in_very_many_fragments/1, cve_2026_42786_fragments_beyond_the_limit/1,
         cve_2026_39804_a_message_that_inflates_beyond_the_limit/1, cve_2026_39805_two_lengths_of_a_body/1,
         cve_2026_39806_trailers_behind_the_last_chunk/1, cve_2026_7790_a_chunk_size_without_end/1,
         cve_2026_8466_a_multipart_body_without_a_part/1, cve_2026_43966_a_line_break_in_a_response_header/1,
         cve_2026_43968_a_line_break_in_an_event/1]).
-export([cve_2026_42788_an_http2_frame_beyond_the_limit/1, cve_2026_59248_an_hpack_integer_without_end/1,
         cve_2026_75484_line_breaks_in_an_http2_header/1, cve_2026_32688_schemes_without_number/1]).

-import(oracle_frame, [text/1, frame/3]).

-type connection() :: {gen_tcp | ssl, term()}.

%% Resident memory of a VM wavers; what the attacks would cost an unbounded server is far above this.
-define(SLACK, 32 * 1024).
-define(PREFACE, <<"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0:24, 4, 0, 0:32>>).

-spec suite() -> [term()].
suite() -> [{timetrap, {seconds, 60}}].

-spec all() -> [term()].
all() -> [{group, clear}, {group, tls}, {group, http2}].

-spec groups() -> [term()].
groups() ->
    Attacks = [Case || {Case, 1} <- ?MODULE:module_info(exports), lists:prefix("cve_", atom_to_list(Case))],
    Http2 = [cve_2026_42788_an_http2_frame_beyond_the_limit, cve_2026_59248_an_hpack_integer_without_end,
             cve_2026_75484_line_breaks_in_an_http2_header, cve_2026_32688_schemes_without_number],
    [{clear, [], Attacks -- Http2}, {tls, [], Attacks -- Http2}, {http2, [], Http2}].

-spec init_per_suite([term()]) -> [term()].
init_per_suite(Config) ->
    {ok, _} = application:ensure_all_started(ssl),
    {ok, Path} = oracle_node:farrier_path(),
    Key = {key, {rsa, 2048, 65537}},
    Chain = #{root => [Key, {digest, sha256}], intermediates => [], peer => [Key, {digest, sha256}]},
    #{server_config := Certificate} =
        public_key:pkix_test_data(#{server_chain => Chain, client_chain => Chain}),
    [{node, oracle_node:hold(Path)}, {certificate, [Option || {Name, _} = Option <- Certificate, Name =/= cacerts]} | Config].

-spec end_per_suite([term()]) -> ok.
end_per_suite(Config) -> oracle_node:stop(?config(node, Config)).

-spec init_per_group(atom(), [term()]) -> [term()].
init_per_group(tls, Config) -> [{transport, tls} | Config];
init_per_group(_, Config) -> [{transport, clear} | Config].

-spec end_per_group(atom(), [term()]) -> ok.
end_per_group(_, _) -> ok.

-spec init_per_testcase(atom(), [term()]) -> [term()].
init_per_testcase(_, Config0) ->
    Ports = there(cve_handler, listen, [?config(certificate, Config0)], Config0),
    Config = [{port, maps:get(?config(transport, Config0), Ports)} | Config0],
    others_are_served(Config),
    [{before, there(abuse_handler, counts, [], Config)} | Config].

%% Whatever the case did, the server is as before.
-spec end_per_testcase(atom(), [term()]) -> ok | {fail, term()}.
end_per_testcase(_, Config) ->
    try
        others_are_served(Config),
        #{kilobytes := Before} = ?config(before, Config),
        #{kilobytes := Now} = there(abuse_handler, counts, [], Config),
        true = Now < Before + ?SLACK,
        there(cve_handler, unlisten, [], Config)
    catch error:Reason -> {fail, Reason}
    end.

%%% Handshakes and heads

-spec cve_2023_43669_a_header_without_end_in_a_handshake([term()]) -> ok.
cve_2023_43669_a_header_without_end_in_a_handshake(Config) ->
    Connection = connect(Config),
    ok = send(Connection, <<"GET /ws HTTP/1.1\r\nhost: localhost\r\nx: ">>),
    {error, _} = send_often(Connection, binary:copy(<<"x">>, 4096), 5000),
    [] = paths_besides_hello(Config),
    ok.

-spec cve_2024_37890_too_many_headers_in_an_upgrade([term()]) -> ok.
cve_2024_37890_too_many_headers_in_an_upgrade(Config) ->
    Headers = [["x-", integer_to_binary(N), ": x\r\n"] || N <- lists:seq(1, 2000)],
    <<"431">> = status(upgrade(Headers), Config),
    ok.

-spec cve_2026_65624_too_many_headers_of_one_name([term()]) -> ok.
cve_2026_65624_too_many_headers_of_one_name(Config) ->
    <<"431">> = status(upgrade(lists:duplicate(2000, <<"x: x\r\n">>)), Config),
    <<"431">> = status(upgrade(lists:duplicate(101, <<"x: x\r\n">>)), Config),
    ok.

%%% WebSocket

-spec cve_2026_48779_tiny_fragments_without_end([term()]) -> ok.
cve_2026_48779_tiny_fragments_without_end(Config) ->
    Connection = websocket(<<>>, Config),
    ok = send(Connection, frame(1, <<"x">>, #{fin => 0})),
    Empty = binary:copy(frame(0, <<>>, #{fin => 0}), 10000),
    ok = send_often(Connection, Empty, 100),
    others_are_served(Config),
    ok = send(Connection, frame(0, <<"y">>, #{})),
    {ok, <<16#81, 2, "xy">>} = recv(Connection, 4),
    close(Connection).

-spec cve_2026_65623_a_message_in_very_many_fragments([term()]) -> ok.
cve_2026_65623_a_message_in_very_many_fragments(Config) ->
    Connection = websocket(<<>>, Config),
    ok = send(Connection, frame(2, <<"x">>, #{fin => 0})),
    ok = send_often(Connection, binary:copy(frame(0, <<"x">>, #{fin => 0}), 10000), 50),
    ok = send(Connection, frame(0, <<>>, #{})),
    {ok, <<16#82, 127, 500001:64>>} = recv(Connection, 10),
    {ok, Echo} = recv(Connection, 500001),
    Echo = binary:copy(<<"x">>, 500001),
    close(Connection).

-spec cve_2026_42786_fragments_beyond_the_limit([term()]) -> ok.
cve_2026_42786_fragments_beyond_the_limit(Config) ->
    Connection = websocket(<<>>, Config),
    Piece = binary:copy(<<"x">>, 60000),
    ok = send(Connection, frame(2, Piece, #{fin => 0})),
    ok = send_often(Connection, frame(0, Piece, #{fin => 0}), 16),
    closed_with(1009, Connection).

-spec cve_2026_39804_a_message_that_inflates_beyond_the_limit([term()]) -> ok.
cve_2026_39804_a_message_that_inflates_beyond_the_limit(Config) ->
    Connection = websocket(<<"sec-websocket-extensions: permessage-deflate\r\n">>, Config),
    ok = send(Connection, frame(2, bomb(), #{rsv => 4})),
    closed_with(1009, Connection).

%%% Bodies

-spec cve_2026_39805_two_lengths_of_a_body([term()]) -> ok.
cve_2026_39805_two_lengths_of_a_body(Config) ->
    Smuggled = <<"GET /smuggled HTTP/1.1\r\nhost: localhost\r\n\r\n">>,
    Request = [<<"POST /body HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\ncontent-length: ">>,
               integer_to_binary(byte_size(Smuggled)), <<"\r\n\r\n">>, Smuggled],
    <<"HTTP/1.1 400 ", _/binary>> = Answer = until_closed(Request, Config),
    [_] = binary:matches(Answer, <<"HTTP/1.1">>),
    [] = paths_besides_hello(Config),
    ok.

-spec cve_2026_39806_trailers_behind_the_last_chunk([term()]) -> ok.
cve_2026_39806_trailers_behind_the_last_chunk(Config) ->
    Request = <<"POST /body HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"
                "5\r\nhello\r\n0\r\nx-one: 1\r\nx-two: 2\r\n\r\n">>,
    Next = <<"GET /next HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n">>,
    Answers = until_closed([Request, Next], Config),
    [_, _] = binary:matches(Answers, <<"HTTP/1.1 200 OK">>),
    [<<"/body">>, <<"/next">>] = lists:sort(paths_besides_hello(Config)),
    ok.

-spec cve_2026_7790_a_chunk_size_without_end([term()]) -> ok.
cve_2026_7790_a_chunk_size_without_end(Config) ->
    [begin
         Connection = connect(Config),
         ok = send(Connection, <<"POST /body HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n">>),
         Result = send_often(Connection, binary:copy(Digit, 4096), 5000),
         %% Leading zeros are allowed (RFC 9112 7.1), and cost nothing.
         true = Result =/= ok orelse Digit =:= <<"0">>,
         others_are_served(Config),
         flat(Config),
         close(Connection)
     end || Digit <- [<<"f">>, <<"1">>, <<"0">>]],
    ok.

-spec cve_2026_8466_a_multipart_body_without_a_part([term()]) -> ok.
cve_2026_8466_a_multipart_body_without_a_part(Config) ->
    Starts = [<<>>, <<"--b\r\n">>, <<"--b\r\nx: ">>, <<"--b">>],
    [begin
         Connection = connect(Config),
         ok = send(Connection, [<<"POST /parts HTTP/1.1\r\nhost: localhost\r\ncontent-length: 268435456\r\n"
                                  "content-type: multipart/form-data; boundary=b\r\n\r\n">>, Start]),
         _ = send_often(Connection, binary:copy(<<"x">>, 65536), 1000),
         flat(Config),
         close(Connection)
     end || Start <- Starts],
    ok.

%%% Responses

-spec cve_2026_43966_a_line_break_in_a_response_header([term()]) -> ok.
cve_2026_43966_a_line_break_in_a_response_header(Config) ->
    Answer = until_closed(<<"GET /split HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n">>, Config),
    nomatch = binary:match(Answer, <<"injected">>),
    <<"HTTP/1.1 500 ", _/binary>> = Answer,
    ok.

-spec cve_2026_43968_a_line_break_in_an_event([term()]) -> ok.
cve_2026_43968_a_line_break_in_an_event(Config) ->
    Answer = until_closed(<<"GET /events HTTP/1.0\r\nhost: localhost\r\n\r\n">>, Config),
    [_, Events] = binary:split(Answer, <<"\r\n\r\n">>),
    <<"data: a\ndata: event: forged\ndata: \ndata: data: b\n\n">> = Events,
    ok.

%%% HTTP/2

%% A frame that is too large is refused before it has come.
-spec cve_2026_42788_an_http2_frame_beyond_the_limit([term()]) -> ok.
cve_2026_42788_an_http2_frame_beyond_the_limit(Config) ->
    [begin
         Connection = http2(Config),
         ok = send(Connection, <<16#ffffff:24, Type, 4, 1:32>>),
         6 = goaway(Connection),
         close(Connection)
     end || Type <- [0, 1]],
    ok.

-spec cve_2026_59248_an_hpack_integer_without_end([term()]) -> ok.
cve_2026_59248_an_hpack_integer_without_end(Config) ->
    [begin
         Connection = http2(Config),
         Endless = <<First, (binary:copy(<<16#ff>>, 16000))/binary>>,
         ok = send(Connection, [h2(1, 5, 1, Endless)]),
         %% RFC 9113 4.3 asks for COMPRESSION_ERROR; the library says PROTOCOL_ERROR.
         true = lists:member(goaway(Connection), [1, 9]),
         close(Connection)
     end || First <- [16#ff, 16#7f, 16#3f, 16#0f]],
    ok.

-spec cve_2026_75484_line_breaks_in_an_http2_header([term()]) -> ok.
cve_2026_75484_line_breaks_in_an_http2_header(Config) ->
    [begin
         Connection = http2(Config),
         Header = <<0, 1, "x", 3, "a", Byte, "b">>,
         ok = send(Connection, h2(1, 5, 1, [request(<<"/broken">>, <<"http">>), Header])),
         1 = reset(Connection),
         close(Connection)
     end || Byte <- "\r\n\0"],
    [] = paths_besides_hello(Config),
    ok.

%% Frameworks make an atom of what `cowboy_req:scheme/1' answers.
-spec cve_2026_32688_schemes_without_number([term()]) -> ok.
cve_2026_32688_schemes_without_number(Config) ->
    Before = there(erlang, system_info, [atom_count], Config),
    Connection = http2(Config),
    [begin
         Scheme = <<"s", (integer_to_binary(N))/binary>>,
         ok = send(Connection, h2(1, 5, 2 * N + 1, request(<<"/scheme">>, Scheme))),
         case answered(Connection) of
             {reset, _} -> ok;
             {data, Body} -> <<"http">> = Body
         end
     end || N <- lists:seq(0, 299)],
    close(Connection),
    true = there(erlang, system_info, [atom_count], Config) < Before + 100,
    ok.

%%% The server's side

-spec there(module(), atom(), [term()], [term()]) -> term().
there(Module, Function, Args, Config) -> peer:call(?config(node, Config), Module, Function, Args, 20000).

-spec paths_besides_hello([term()]) -> [binary()].
paths_besides_hello(Config) -> lists:usort(there(cve_handler, seen, [], Config)) -- [<<"/hello">>].

-spec flat([term()]) -> ok.
flat(Config) ->
    #{kilobytes := Before} = ?config(before, Config),
    #{kilobytes := Now} = there(abuse_handler, counts, [], Config),
    case Now < Before + ?SLACK of
        true -> ok;
        false -> ct:fail("resident memory grew from ~b to ~b KiB", [Before, Now])
    end.

-spec others_are_served([term()]) -> ok.
others_are_served(Config) ->
    <<"200">> = status(<<"GET /hello HTTP/1.1\r\nhost: localhost\r\n\r\n">>, Config),
    ok.

%%% The attacker's side

-spec connect([term()]) -> connection().
connect(Config) ->
    Options = [binary, {active, false}, {nodelay, true}, {send_timeout, 5000}],
    case ?config(transport, Config) of
        clear ->
            {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, ?config(port, Config), Options),
            {gen_tcp, Socket};
        tls ->
            {ok, Socket} = ssl:connect({127, 0, 0, 1}, ?config(port, Config), [{verify, verify_none} | Options]),
            {ssl, Socket}
    end.

-spec send(connection(), iodata()) -> ok | {error, term()}.
send({Module, Socket}, Bytes) -> Module:send(Socket, Bytes).

-spec send_often(connection(), iodata(), non_neg_integer()) -> ok | {error, term()}.
send_often(_, _, 0) -> ok;
send_often(Connection, Bytes, Times) ->
    case send(Connection, Bytes) of
        ok -> send_often(Connection, Bytes, Times - 1);
        {error, _} = Error -> Error
    end.

-spec recv(connection(), non_neg_integer()) -> {ok, binary()} | {error, term()}.
recv({Module, Socket}, Length) -> Module:recv(Socket, Length, 20000).

-spec close(connection()) -> ok.
close({Module, Socket}) ->
    _ = Module:close(Socket),
    ok.

-spec upgrade(iodata()) -> iodata().
upgrade(Headers) ->
    [<<"GET /ws HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
       "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n">>, Headers, <<"\r\n">>].

-spec websocket(iodata(), [term()]) -> connection().
websocket(Headers, Config) ->
    Connection = connect(Config),
    ok = send(Connection, upgrade(Headers)),
    <<"HTTP/1.1 101 ", _/binary>> = head(Connection, <<>>),
    Connection.

%% Byte by byte: what follows the head is not the head's.
-spec head(connection(), binary()) -> binary().
head(Connection, Head) ->
    case binary:longest_common_suffix([Head, <<"\r\n\r\n">>]) of
        4 -> Head;
        _ ->
            {ok, Byte} = recv(Connection, 1),
            head(Connection, <<Head/binary, Byte/binary>>)
    end.

-spec status(iodata(), [term()]) -> binary().
status(Request, Config) ->
    Connection = connect(Config),
    _ = send(Connection, Request),
    {ok, <<"HTTP/1.1 ", Status:3/binary>>} = recv(Connection, 12),
    close(Connection),
    Status.

-spec until_closed(iodata(), [term()]) -> binary().
until_closed(Request, Config) ->
    Connection = connect(Config),
    ok = send(Connection, Request),
    all(Connection, <<>>).

-spec all(connection(), binary()) -> binary().
all(Connection, Bytes) ->
    case recv(Connection, 0) of
        {ok, More} -> all(Connection, <<Bytes/binary, More/binary>>);
        {error, Reason} when Reason =/= timeout -> Bytes
    end.

%% The only frame that comes is a close with that code, then the connection ends.
-spec closed_with(1000..4999, connection()) -> ok.
closed_with(Code, Connection) ->
    {ok, <<16#88, _Length, Code:16>>} = recv(Connection, 4),
    _ = all(Connection, <<>>),
    close(Connection).

%% 64 KiB that inflate to 64 MiB.
-spec bomb() -> binary().
bomb() ->
    Z = zlib:open(),
    ok = zlib:deflateInit(Z, best_compression, deflated, -15, 8, default),
    Compressed = iolist_to_binary(zlib:deflate(Z, binary:copy(<<0>>, 64 bsl 20), sync)),
    ok = zlib:close(Z),
    binary:part(Compressed, 0, byte_size(Compressed) - 4).

%%% HTTP/2 frames (RFC 9113 4.1)

-spec http2([term()]) -> connection().
http2(Config) ->
    Connection = connect(Config),
    ok = send(Connection, ?PREFACE),
    Connection.

-spec h2(byte(), byte(), non_neg_integer(), iodata()) -> iodata().
h2(Type, Flags, Stream, Payload) -> [<<(iolist_size(Payload)):24, Type, Flags, Stream:32>>, Payload].

%% GET, of that path and with that scheme, by literals that enter no table (RFC 7541 6.2.2).
-spec request(binary(), binary()) -> iodata().
request(Path, Scheme) ->
    [<<16#82, 4, (byte_size(Path))>>, Path, <<6, (byte_size(Scheme))>>, Scheme, <<1, 9, "localhost">>].

-spec frame(connection()) -> {byte(), binary()}.
frame(Connection) ->
    {ok, <<Length:24, Type, _, _:32>>} = recv(Connection, 9),
    case Length of
        0 -> {Type, <<>>};
        _ ->
            {ok, Payload} = recv(Connection, Length),
            {Type, Payload}
    end.

%% The error code of the GOAWAY with which the connection ends.
-spec goaway(connection()) -> non_neg_integer().
goaway(Connection) ->
    case frame(Connection) of
        {7, <<_:32, Code:32, _/binary>>} -> Code;
        _ -> goaway(Connection)
    end.

%% The error code with which the stream or the connection ends.
-spec reset(connection()) -> non_neg_integer().
reset(Connection) ->
    case answered(Connection) of
        {reset, Code} -> Code
    end.

-spec answered(connection()) -> {data, binary()} | {reset, non_neg_integer()}.
answered(Connection) ->
    case frame(Connection) of
        {0, Data} -> {data, Data};
        {3, <<Code:32>>} -> {reset, Code};
        {7, <<_:32, Code:32, _/binary>>} -> {reset, Code};
        _ -> answered(Connection)
    end.
