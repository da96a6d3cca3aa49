%% @doc However a stream of valid frames is cut into fragments and segments, a handler gets the same messages.
-module(stream_SUITE).

-include_lib("common_test/include/ct.hrl").

-import(proper_types, [list/1, frequency/1, oneof/1, integer/2, binary/0, binary/1, non_empty/1, bind/3]).

-export([all/0, suite/0, init_per_suite/1, end_per_suite/1]).
-export([cowboy_1_handlers_get_the_same_messages/1, cowboy_2_handlers_get_the_same_messages/1]).

-define(RUNS, 150).
%% Debian's package of PropEr has no header.
-define(LET(Pattern, Type, Generator), bind(Type, fun(Pattern) -> Generator end, false)).
-define(FORALL(Pattern, Type, Property), proper:forall(Type, fun(Pattern) -> Property end)).

-spec suite() -> [term()].
suite() -> [{timetrap, {seconds, 120}}].

-spec all() -> [atom()].
all() -> [cowboy_1_handlers_get_the_same_messages, cowboy_2_handlers_get_the_same_messages].

-spec init_per_suite([term()]) -> [term()].
init_per_suite(Config) ->
    {ok, Path} = oracle_node:farrier_path(),
    [{node, oracle_node:hold(Path)} | Config].

-spec end_per_suite([term()]) -> ok.
end_per_suite(Config) -> oracle_node:stop(?config(node, Config)).

-spec cowboy_1_handlers_get_the_same_messages([term()]) -> ok.
cowboy_1_handlers_get_the_same_messages(Config) -> check(1, Config).

-spec cowboy_2_handlers_get_the_same_messages([term()]) -> ok.
cowboy_2_handlers_get_the_same_messages(Config) -> check(2, Config).

-spec check(1 | 2, [term()]) -> ok.
check(Generation, Config) ->
    Print = fun(Format, Args) -> ct:log(lists:flatten(Format), Args) end,
    case proper:quickcheck(same_messages(Generation, ?config(node, Config)), [{numtests, ?RUNS}, {on_output, Print}]) of
        true -> ok;
        _ -> ct:fail({not_for_every_stream, proper:counterexample()})
    end.

%% An echo handler's callbacks and the echo itself, both in the order of the messages' ends.
-spec same_messages(1 | 2, pid()) -> proper:test().
same_messages(Generation, Node) ->
    ?FORALL({Stream, Cuts}, {stream(), cuts()},
        begin
            {Frames, Messages} = lists:unzip(Stream),
            Steps = [upgrade_silently] ++ segments(iolist_to_binary(Frames), Cuts) ++
                [{send, oracle_frame:close()}, eof],
            Scenario = #{id => erlang:unique_integer([positive]), name => "a stream", generation => Generation,
                steps => Steps},
            #{wire := [{eof, Wire}], callbacks := Callbacks, exits := Exits} = oracle_run:scenario(Node, Scenario),
            Expected = [handled(Generation, M) || M <- lists:append(Messages)],
            Echo = iolist_to_binary([echo(M) || M <- lists:append(Messages)] ++ [<<16#88, 0>>]),
            proper:equals({oracle_term:normal(Expected), oracle_term:normal(Echo), [normal]},
                   {[Frame || {handle, Frame, _} <- Callbacks], Wire, Exits})
        end).

%%% Streams: list of {frames of one message, messages in the order in which they are complete}

-spec stream() -> proper_types:type().
stream() -> list(frequency([{4, whole()}, {3, fragmented()}, {3, control()}])).

-spec whole() -> proper_types:type().
whole() -> ?LET(Message, data(), {frame(Message), [Message]}).

-spec data() -> proper_types:type().
data() -> oneof([{text, text()}, {binary, payload()}]).

-spec payload() -> proper_types:type().
payload() -> oneof([binary(), ?LET(Size, oneof([125, 126, 127, 1000, 65535, 65536]), binary:copy(<<170>>, Size))]).

%% Characters of every UTF-8 length.
-spec text() -> proper_types:type().
text() ->
    ?LET(Characters, list(oneof([integer(0, 127), integer(128, 2047), integer(2048, 16#D7FF), integer(16#E000, 16#FFFF),
        integer(16#10000, 16#10FFFF)])),
         unicode:characters_to_binary(Characters)).

-spec control() -> proper_types:type().
control() -> ?LET(Message, control_message(), {frame(Message), [Message]}).

-spec control_message() -> proper_types:type().
control_message() -> {oneof([ping, pong]), ?LET(Size, integer(0, 125), binary(Size))}.

%% A message in pieces, with control frames in between.
-spec fragmented() -> proper_types:type().
fragmented() ->
    ?LET({{Type, Payload}, Cuts, Between}, {data(), non_empty(list(integer(0, 100))), list(control_message())},
        begin
            Pieces = pieces(Payload, Cuts),
            {fragments(opcode(Type), Pieces, Between), lists:sublist(Between, length(Pieces) - 1) ++ [{Type, Payload}]}
        end).

-spec fragments(0..2, [binary()], [tuple()]) -> iolist().
fragments(Opcode, [Last], _) -> [oracle_frame:frame(Opcode, Last)];
fragments(Opcode, [Piece | Pieces], Between) ->
    {Now, Later} = lists:split(min(1, length(Between)), Between),
    [oracle_frame:frame(Opcode, Piece, #{fin => 0}), [frame(M) || M <- Now] | fragments(0, Pieces, Later)].

-spec frame({text | binary | ping | pong, binary()}) -> binary().
frame({Type, Payload}) -> oracle_frame:frame(opcode(Type), Payload).

-spec opcode(text | binary | ping | pong) -> 1 | 2 | 9 | 10.
opcode(text) -> 1;
opcode(binary) -> 2;
opcode(ping) -> 9;
opcode(pong) -> 10.

%%% Cuts

-spec cuts() -> proper_types:type().
cuts() -> non_empty(list(frequency([{3, integer(1, 3)}, {2, integer(1, 100)}, {1, integer(1, 5000)}]))).

%% The sizes are used in turn, and what is left after forty cuts is sent in one.
-spec segments(binary(), [pos_integer()]) -> [oracle_run:step()].
segments(Bytes, Cuts) ->
    Sizes = lists:sublist(lists:append(lists:duplicate(40, Cuts)), 40),
    [{send, Piece} || Piece <- pieces(Bytes, Sizes), Piece =/= <<>>].

-spec pieces(binary(), [non_neg_integer()]) -> [binary()].
pieces(Bytes, [Size | Sizes]) when Size < byte_size(Bytes) ->
    <<Piece:Size/binary, Rest/binary>> = Bytes,
    [Piece | pieces(Rest, Sizes)];
pieces(Bytes, _) -> [Bytes].

%%% What comes of them

-spec handled(1 | 2, {atom(), binary()}) -> term().
handled(2, {Type, <<>>}) when Type =:= ping; Type =:= pong -> Type;
handled(_, Message) -> Message.

-spec echo({atom(), binary()}) -> binary().
echo({text, Payload}) -> server_frame(1, Payload);
echo({binary, Payload}) -> server_frame(2, Payload);
echo({ping, Payload}) -> server_frame(10, Payload);
echo({pong, _}) -> <<>>.

-spec server_frame(0..15, binary()) -> binary().
server_frame(Opcode, Payload) -> oracle_frame:frame(Opcode, Payload, #{masked => false}).
