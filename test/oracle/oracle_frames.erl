%% @doc Scenarios: what a client's frames lead to (RFC 6455 5 to 7).
-module(oracle_frames).

-export([tables/0]).

-import(oracle_frame, [text/1, binary/1, ping/1, pong/1, close/0, close/1, close/2, frame/2, frame/3, hex/1]).

-spec tables() -> [{atom(), [map()]}].
tables() ->
    [{messages, messages()},
     {fragments, fragments()},
     {control_frames, control_frames()},
     {violations, violations()},
     {close_codes, close_codes()},
     {utf8, utf8()},
     {utf8_unchecked, utf8_unchecked()},
     {max_frame_size, max_frame_size()},
     {order, order()}].

%% The handshake, the steps, and an orderly end.
-spec talk(string(), [oracle_run:step()]) -> map().
talk(Name, Steps) -> talk(Name, #{}, Steps).

-spec talk(string(), map(), [oracle_run:step()]) -> map().
talk(Name, Script, Steps) -> session(Name, Script, Steps ++ [{send, close()}, eof]).

%% The handshake and steps that lead to the end.
-spec session(string(), map(), [oracle_run:step()]) -> map().
session(Name, Script, Steps) -> #{name => Name, script => Script, steps => [upgrade | Steps]}.

%% One write of the client, and all that the server says to it.
-spec fatal(string(), iodata()) -> map().
fatal(Name, Bytes) -> session(Name, #{}, [{send, Bytes}, eof]).

-spec messages() -> [map()].
messages() ->
    Sizes = [0, 1, 125, 126, 127, 4096, 65535, 65536, 300000],
    [talk(lists:concat([Type, " of ", Size, " bytes"]), [{send, frame(Opcode, binary:copy(<<"x">>, Size))}, {frames, 1}])
     || {Type, Opcode} <- [{text, 1}, {binary, 2}], Size <- Sizes]
    ++ [talk("every byte in a segment of its own", [{send_each_byte, text(<<"dripping">>)}, {frames, 1}]),
        talk("a message in two segments", [{send, <<1:1, 0:3, 1:4, 1:1, 5:7>>}, {send, <<0:32, "hel">>}, {send, <<"lo">>}, {frames, 1}]),
        talk("zero masking key", [{send, <<1:1, 0:3, 1:4, 1:1, 5:7, 0:32, "hello">>}, {frames, 1}])].

-spec fragments() -> [map()].
fragments() ->
    Start = frame(1, <<"Hel">>, #{fin => 0}),
    Middle = frame(0, <<"lo ">>, #{fin => 0}),
    End = frame(0, <<"world">>),
    [talk("two fragments are one message", [{send, [Start, End]}, {frames, 1}]),
     talk("three fragments in segments of their own", [{send, Start}, {send, Middle}, {send, End}, {frames, 1}]),
     talk("fragments, every byte alone", [{send_each_byte, <<Start/binary, Middle/binary, End/binary>>}, {frames, 1}]),
     talk("a binary message in fragments", [{send, [frame(2, <<0, 255>>, #{fin => 0}), frame(0, <<1>>)]}, {frames, 1}]),
     talk("empty fragments", [{send, [frame(1, <<>>, #{fin => 0}), frame(0, <<>>, #{fin => 0}), frame(0, <<>>)]}, {frames, 1}]),
     talk("an empty last fragment", [{send, [Start, frame(0, <<>>)]}, {frames, 1}]),
     talk("a ping between fragments is answered at once", [{send, [Start, ping(<<"p">>)]}, {frames, 1}, {send, End}, {frames, 1}]),
     talk("an empty ping between fragments", [{send, [Start, ping(<<>>), End]}, {frames, 2}]),
     talk("a pong between fragments", [{send, [Start, pong(<<"p">>), End]}, {frames, 1}]),
     talk("two fragmented messages in one segment", [{send, [Start, End, Start, Middle, End]}, {frames, 2}]),
     talk("a message after a fragmented one", [{send, [Start, End, text(<<"next">>)]}, {frames, 2}]),
     fatal("a close frame between fragments ends it", [Start, close(1000)]),
     fatal("an empty close frame between fragments", [Start, close()]),
     session("the peer goes away between fragments", #{}, [{send, Start}, close])].

-spec control_frames() -> [map()].
control_frames() ->
    Largest = binary:copy(<<"p">>, 125),
    [talk("an empty ping", [{send, ping(<<>>)}, {frames, 1}]),
     talk("a ping with a payload", [{send, ping(<<"abc">>)}, {frames, 1}]),
     talk("a ping of 125 bytes", [{send, ping(Largest)}, {frames, 1}]),
     talk("a ping whose payload is not UTF-8", [{send, ping(<<255, 254>>)}, {frames, 1}]),
     talk("an empty pong", [{send, pong(<<>>)}, {await, handle}]),
     talk("a pong with a payload", [{send, pong(<<"abc">>)}, {await, handle}]),
     talk("a pong of 125 bytes", [{send, pong(Largest)}, {await, handle}]),
     talk("pings and data in one segment", [{send, [ping(<<"1">>), text(<<"a">>), ping(<<"2">>), text(<<"b">>)]}, {frames, 4}]),
     talk("a ping in two segments", [{send, <<1:1, 0:3, 9:4, 1:1, 3:7, 0:16>>}, {send, <<0:16, "abc">>}, {frames, 1}]),
     session("the pong goes out although the handler crashes on the ping",
             #{handle => fun(_, _) -> error(boom) end}, [{send, ping(<<"x">>)}, eof]),
     session("the pong goes out although the handler stops on the ping",
             #{handle => fun(_, S) -> {stop, S} end}, [{send, ping(<<>>)}, eof])].

-spec violations() -> [map()].
violations() ->
    Reserved = [fatal(lists:concat(["opcode ", Op]), frame(Op, <<"x">>)) || Op <- [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]],
    Rsv = [fatal(lists:concat(["RSV ", Rsv, " on opcode ", Op]), frame(Op, <<"x">>, #{rsv => Rsv}))
           || Rsv <- [1, 2, 4], Op <- [1, 2, 8, 9, 10]],
    Control = [fatal(lists:concat(["opcode ", Op, Name]), frame(Op, Payload, Options))
               || Op <- [8, 9, 10],
                  {Name, Payload, Options} <- [{" in fragments", <<>>, #{fin => 0}},
                                               {" of 126 bytes", binary:copy(<<"x">>, 126), #{}},
                                               {" with a 16-bit length", <<"abc">>, #{length => 16}},
                                               {" with a 64-bit length", <<"abc">>, #{length => 64}},
                                               {", unmasked", <<>>, #{masked => false}}]],
    Reserved ++ Rsv ++ Control ++ data_violations() ++ late_violations().

-spec data_violations() -> [map()].
data_violations() ->
    [fatal("a continuation without a start", frame(0, <<"x">>)),
     fatal("a first fragment that is a continuation", frame(0, <<"x">>, #{fin => 0})),
     fatal("text inside a fragmented message", [frame(1, <<"a">>, #{fin => 0}), text(<<"b">>)]),
     fatal("binary inside a fragmented message", [frame(1, <<"a">>, #{fin => 0}), binary(<<"b">>)]),
     fatal("a continuation after the last fragment", [frame(1, <<"a">>, #{fin => 0}), frame(0, <<"b">>), frame(0, <<"c">>)]),
     fatal("unmasked text", frame(1, <<"x">>, #{masked => false})),
     fatal("unmasked empty text", frame(1, <<>>, #{masked => false})),
     fatal("unmasked long binary", frame(2, binary:copy(<<0>>, 300), #{masked => false})),
     fatal("a 16-bit length of 125", frame(1, binary:copy(<<"x">>, 125), #{length => 16})),
     fatal("a 16-bit length of 0", frame(1, <<>>, #{length => 16})),
     fatal("a 64-bit length of 65535", frame(1, <<"x">>, #{length => {64, 65535}})),
     fatal("a 64-bit length of 0", frame(2, <<>>, #{length => 64})),
     fatal("a 64-bit length with its top bit set", frame(2, <<"x">>, #{length => {64, 1 bsl 63}})),
     fatal("a 64-bit length of all ones", frame(2, <<"x">>, #{length => {64, (1 bsl 64) - 1}}))].

-spec late_violations() -> [map()].
late_violations() ->
    Bad = frame(3, <<>>),
    [fatal("replies to what came before a violation are sent first", [text(<<"a">>), ping(<<"b">>), Bad]),
     fatal("nothing after a violation is handled", [Bad, text(<<"a">>)]),
     %% Its first byte is the violation. Bytes behind it would meet a closed socket, whose reset may overtake the last frames.
     session("a violation, every byte in a segment of its own", #{}, [{send_each_byte, <<(text(<<"a">>))/binary, (binary:first(Bad))>>}, eof])].

-spec close_codes() -> [map()].
close_codes() ->
    Codes = [0, 1, 999] ++ lists:seq(1000, 1017) ++ [1100, 1999, 2000, 2999, 3000, 3999, 4000, 4999, 5000, 10000, 65535],
    [fatal(lists:concat(["close code ", Code]), close(Code)) || Code <- Codes]
    ++ [fatal(lists:concat(["close code ", Code, " with a reason"]), close(Code, <<"bye">>)) || Code <- [1000, 1006, 1011, 3000, 4999]]
    ++ [fatal("an empty close frame", close()),
        fatal("a close frame of one byte", frame(8, <<3>>)),
        fatal("a close reason of 123 bytes", close(1000, binary:copy(<<"r">>, 123))),
        fatal("a close reason in several scripts", close(1001, <<"Grüße, привет, 再见, 👋"/utf8>>)),
        fatal("a close reason that is not UTF-8", close(1000, <<255>>)),
        fatal("a close reason cut inside a character", close(1000, <<16#C3>>)),
        fatal("what follows a close frame is ignored", [close(1000), text(<<"x">>), frame(3, <<>>)]),
        fatal("data before a close frame is handled", [text(<<"x">>), close(1000)]),
        session("a close frame, every byte in a segment of its own", #{}, [{send_each_byte, close(4000, <<"bye">>)}, eof]),
        session("the server does not wait for an answer to its close frame",
                #{handle => fun(_, S) -> {[{close, 4001, <<"go">>}], S} end}, [{send, text(<<"x">>)}, eof])].

-spec utf8() -> [map()].
utf8() ->
    Greek = <<"κόσμε"/utf8>>,
    Good = [{"two-byte characters", Greek}, {"U+10FFFF", <<16#F4, 16#8F, 16#BF, 16#BF>>}, {"U+FFFE", <<16#EF, 16#BF, 16#BE>>},
            {"U+FFFF", <<16#EF, 16#BF, 16#BF>>}, {"U+D7FF", <<16#ED, 16#9F, 16#BF>>}, {"U+E000", <<16#EE, 16#80, 16#80>>},
            {"NUL", <<0>>}, {"an emoji", <<"👩‍🚀"/utf8>>}, {"a long text", binary:copy(<<"aé語😀"/utf8>>, 400)}],
    [talk("valid: " ++ Name, [{send, text(Text)}, {frames, 1}]) || {Name, Text} <- Good]
    ++ [fatal("invalid: " ++ Name, text(Text)) || {Name, Text} <- bad_utf8()]
    ++ utf8_splits(Greek).

-spec bad_utf8() -> [{string(), binary()}].
bad_utf8() ->
    [{"a lone continuation byte", <<16#80>>}, {"FF", <<255>>}, {"FE", <<254>>}, {"overlong /", <<16#C0, 16#AF>>},
     {"overlong NUL", <<16#C0, 16#80>>}, {"overlong in three bytes", <<16#E0, 16#80, 16#AF>>},
     {"overlong in four bytes", <<16#F0, 16#80, 16#80, 16#AF>>}, {"a high surrogate", <<16#ED, 16#A0, 16#80>>},
     {"a low surrogate", <<16#ED, 16#BF, 16#BF>>}, {"U+110000", <<16#F4, 16#90, 16#80, 16#80>>},
     {"a five-byte form", <<16#F8, 16#88, 16#80, 16#80, 16#80>>}, {"cut after one of two bytes", <<16#CE>>},
     {"cut after two of three bytes", <<16#E2, 16#82>>}, {"cut after three of four bytes", <<16#F0, 16#9F, 16#98>>},
     {"good text, then a bad byte", <<"hello", 255>>}, {"a missing continuation byte", <<16#CE, "x">>}].

-spec utf8_splits(binary()) -> [map()].
utf8_splits(Text) ->
    Frame = text(Text),
    Bad = frame(1, <<"ab", 255, "cd">>),
    Cut = "RFC 6455 5.5.1 allows it, and Cowboy crashes on it",
    [talk(lists:concat(["a text cut into fragments at byte ", At]),
          [{send, [frame(1, binary:part(Text, 0, At), #{fin => 0}), frame(0, binary:part(Text, At, byte_size(Text) - At))]}, {frames, 1}])
     || At <- lists:seq(1, byte_size(Text) - 1)]
    ++ [talk("a text whose every byte is a fragment",
             [{send, [frame(1, <<>>, #{fin => 0}), [frame(0, <<B>>, #{fin => 0}) || <<B>> <= Text], frame(0, <<>>)]}, {frames, 1}]),
        talk("a text whose every byte is a segment", [{send_each_byte, Frame}, {frames, 1}]),
        session("an invalid byte fails the connection before its frame is complete", #{}, [{send, binary:part(Bad, 0, byte_size(Bad) - 2)}, eof]),
        fatal("an invalid byte in an unfinished message", frame(1, <<255>>, #{fin => 0})),
        fatal("an invalid byte in a later fragment", [frame(1, <<"a">>, #{fin => 0}), frame(0, <<255>>, #{fin => 0})]),
        fatal("fragments that end inside a character", [frame(1, <<16#CE>>, #{fin => 0}), frame(0, <<>>)]),
        fatal("a character continued wrongly in the next fragment", [frame(1, <<16#CE>>, #{fin => 0}), frame(0, <<"x">>)]),
        (fatal("an empty close frame inside a character", [frame(1, <<16#CE>>, #{fin => 0}), close()]))
        #{deviates => [{wire, {eof, <<>>}, {eof, hex("8800")}, Cut},
                       {callbacks, [{init, <<"GET">>, <<"/ws">>}, {websocket_init, {state, 0}}],
                        [{init, <<"GET">>, <<"/ws">>}, {websocket_init, {state, 0}}, {terminate, remote, {state, 0}}], Cut},
                       {exits, [{{badmatch, {<<>>, <<>>, true}}, '<stack>'}], [normal], Cut}]},
        talk("a character cut in two by a ping", [{send, [frame(1, <<16#CE>>, #{fin => 0}), ping(<<>>), frame(0, <<16#BA>>)]}, {frames, 2}]),
        talk("binary messages are not checked", [{send, binary(<<255, 254, 16#C0>>)}, {frames, 1}])].

-spec utf8_unchecked() -> [map()].
utf8_unchecked() ->
    Script = #{opts => #{validate_utf8 => false}},
    [talk("any bytes may be text", Script, [{send, text(<<255, 16#C0>>)}, {frames, 1}]),
     talk("a text may end inside a character", Script, [{send, text(<<16#CE>>)}, {frames, 1}]),
     session("any bytes may be a close reason", Script, [{send, close(1000, <<255>>)}, eof])].

-spec max_frame_size() -> [map()].
max_frame_size() ->
    Ten = #{opts => #{max_frame_size => 10}},
    Ok = fun(Name, Frames, Count) -> talk(Name, Ten, [{send, Frames}, {frames, Count}]) end,
    Over = fun(Name, Frames) -> session(Name, Ten, [{send, Frames}, eof]) end,
    [Ok("a text of the limit", text(<<"0123456789">>), 1),
     Ok("a ping of the limit", ping(<<"0123456789">>), 1),
     Ok("fragments of the limit together", [frame(1, <<"01234">>, #{fin => 0}), frame(0, <<"56789">>)], 1),
     Ok("messages are counted each for itself", [text(<<"01234567">>), text(<<"01234567">>)], 2),
     Ok("a ping does not count towards the message around it", [frame(1, <<"01234567">>, #{fin => 0}), ping(<<"12345">>), frame(0, <<"89">>)], 2),
     Over("a text above the limit", text(<<"0123456789a">>)),
     Over("a binary above the limit", binary(<<"0123456789a">>)),
     Over("a ping above the limit", ping(<<"0123456789a">>)),
     Over("a pong above the limit", pong(<<"0123456789a">>)),
     Over("a close frame above the limit", close(1000, <<"012345678">>)),
     Over("the header alone is enough", frame(2, <<>>, #{length => {16, 500}})),
     Over("a header that announces more than a machine has", frame(2, <<>>, #{length => {64, (1 bsl 63) - 1}})),
     Over("fragments above the limit together", [frame(1, <<"01234">>, #{fin => 0}), frame(0, <<"56789a">>)]),
     Over("unfinished fragments above the limit", [frame(1, <<"01234">>, #{fin => 0}), frame(0, <<"567">>, #{fin => 0}), frame(0, <<"89a">>, #{fin => 0})]),
     Over("an invalid frame above the limit", frame(3, <<"0123456789a">>)),
     session("a limit of nothing", #{opts => #{max_frame_size => 0}}, [{send, [text(<<>>), text(<<"a">>)]}, eof]),
     talk("an infinite limit", #{opts => #{max_frame_size => infinity}}, [{send, text(binary:copy(<<"x">>, 1000001))}, {frames, 1}]),
     (session("the default limit", #{}, [{send, [text(<<"a">>), frame(2, <<>>, #{length => {64, 1000001}})]}, {frames, 1}, shutdown, eof]))
     #{deviates => [{wire, {eof, <<>>}, {eof, hex("8802 03F1")}, "2.17 limits frames to 1000000 bytes"},
                    {callbacks, {terminate, {error, closed}, {state, 0}}, {terminate, {error, badsize}, {state, 0}}, "2.17 limits frames to 1000000 bytes"}]}].

-spec order() -> [map()].
order() ->
    Blocking = fun({text, <<"wait">>}, S) -> receive go -> {[{text, <<"went">>}], S} end;
                  (Frame, S) -> {[Frame], S} end,
    Crashing = fun({text, <<"boom">>}, _) -> error(boom);
                  (Frame, S) -> {[Frame], S} end,
    Counting = fun(_, #{s := N} = S) -> {[{text, integer_to_binary(N)}], S#{s := N + 1}} end,
    [talk("frames of one segment are handled in order", #{handle => Counting},
          [{send, [text(<<"x">>) || _ <- lists:seq(1, 50)]}, {frames, 50}]),
     talk("a handler that blocks does not keep back earlier replies", #{handle => Blocking},
          [{send, [text(<<"a">>), ping(<<"p">>), text(<<"wait">>), text(<<"b">>)]}, {frames, 2}, {message, go}, {frames, 2}]),
     talk("a handler that blocks does not keep back the reply to the frame of an earlier segment", #{handle => Blocking},
          [{send, text(<<"a">>)}, {send, text(<<"wait">>)}, {frames, 1}, {await, handle, 2}, {message, go}, {frames, 1}]),
     session("a crash within a segment keeps earlier replies and drops later frames", #{handle => Crashing},
             [{send, [text(<<"a">>), text(<<"boom">>), text(<<"b">>)]}, eof]),
     session("a stop within a segment keeps earlier replies and drops later frames",
             #{handle => fun({text, <<"stop">>}, S) -> {stop, S}; (F, S) -> {[F], S} end},
             [{send, [text(<<"a">>), text(<<"stop">>), text(<<"b">>), close(1000)]}, eof]),
     talk("a message is served between two halves of a frame", #{info => fun(M, S) -> {[{text, atom_to_binary(M)}], S} end},
          [{send, <<1:1, 0:3, 1:4, 1:1, 5:7, 0:32, "hel">>}, {message, between}, {frames, 1}, {send, <<"lo">>}, {frames, 1}]),
     session("the peer half-closes", #{}, [{send, [text(<<"a">>), text(<<"b">>)]}, {frames, 2}, shutdown, eof])].
