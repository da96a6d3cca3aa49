%% @doc Generated WebSocket sessions: a handler's program, the handshake, and what the client sends.
-module(differential_websocket).

-import(proper_types, [list/1, frequency/1, oneof/1, integer/2, binary/0, binary/1, non_empty/1, boolean/0, exactly/1, vector/2, bind/3]).

-export([session/0, scenario/1]).

-define(LET(Pattern, Type, Generator), bind(Type, fun(Pattern) -> Generator end, false)).

%% Milliseconds: what a passive session waits before it is over.
-define(IDLE, 400).

-spec session() -> proper_types:type().
session() ->
    ?LET({Program, Fields, Frames, Glued, Cuts, Ending}, {program(), fields(), list(frame()), boolean(), cuts(), ending()},
        #{program => Program, fields => Fields, frames => Frames, glued => Glued, cuts => Cuts, ending => Ending}).

%%% The client

-spec scenario(map()) -> map().
scenario(#{program := Program, fields := Fields, frames := Frames, glued := Glued, cuts := Cuts, ending := Ending}) ->
    Head = iolist_to_binary(oracle_run:handshake(Fields)),
    Bytes = iolist_to_binary([Frames, [oracle_frame:close(1000) || Ending =:= close]]),
    Sent = case Glued andalso not looks_like_a_request(Bytes) andalso not sends_itself(maps:get(websocket_init, Program, none)) of
        true -> segments(<<Head/binary, Bytes/binary>>, Cuts);
        false -> [{send, Head}, {pause, 10} | segments(Bytes, Cuts)]
    end,
    #{name => "generated", handler => differential_handler, script => Program, steps => Sent ++ last(Ending)}.

%% Cowboy 2.8.0 tries to read the next request from what stands behind an upgrade, until its handler has answered.
-spec looks_like_a_request(binary()) -> boolean().
looks_like_a_request(Bytes) -> byte_size(Bytes) > 7000 orelse binary:match(Bytes, <<"\n">>) =/= nomatch.

%% Cowboy reads what came with the request before its mailbox; farrier may get it later than a message that
%% websocket_init sent to itself.
-spec sends_itself(term()) -> boolean().
sends_itself({do, Actions, _}) -> lists:keymember(self, 1, Actions);
sends_itself(none) -> false.

-spec last(atom()) -> [differential_client:step()].
last(close) -> [];
last(half_close) -> [{pause, 10}, shutdown];
last(wait) -> [];
last(reset) -> [{pause, 10}, reset].

-spec ending() -> proper_types:type().
ending() -> frequency([{12, close}, {3, half_close}, {1, wait}, {1, reset}]).

-spec cuts() -> proper_types:type().
cuts() -> list(frequency([{3, integer(1, 3)}, {2, integer(1, 100)}, {1, integer(1, 5000)}, {3, pause}])).

-spec segments(binary(), [pos_integer() | pause]) -> [differential_client:step()].
segments(<<>>, _) -> [];
segments(Bytes, [pause | Cuts]) -> [{pause, 4} | segments(Bytes, Cuts)];
segments(Bytes, [Size | Cuts]) when Size < byte_size(Bytes) ->
    <<Piece:Size/binary, Rest/binary>> = Bytes,
    [{send, Piece} | segments(Rest, Cuts)];
segments(Bytes, _) -> [{send, Bytes}].

-spec fields() -> proper_types:type().
fields() ->
    frequency([{4, exactly([])}, {4, ?LET(Offer, offer(), [{<<"sec-websocket-extensions">>, Offer}])}]).

-spec offer() -> proper_types:type().
offer() ->
    oneof([exactly(Offer) || Offer <- [
        <<"permessage-deflate">>, <<"permessage-deflate; client_max_window_bits">>,
        <<"permessage-deflate; client_max_window_bits=9">>, <<"permessage-deflate; server_max_window_bits=9">>,
        <<"permessage-deflate; client_no_context_takeover; server_no_context_takeover">>,
        <<"permessage-deflate;server_max_window_bits">>, <<"permessage-deflate; server_max_window_bits=8">>,
        <<"permessage-deflate; server_max_window_bits=16, permessage-deflate">>, <<"permessage-deflate; client_max_window_bits=7">>,
        <<"permessage-deflate; unknown, permessage-deflate">>, <<"permessage-deflate; server_no_context_takeover; server_no_context_takeover">>,
        <<"permessage-deflate; server_max_window_bits=\"10\"">>, <<"foo, permessage-deflate; client_max_window_bits=\"10\"">>,
        <<"x-webkit-deflate-frame">>, <<"x-webkit-deflate-frame; no_context_takeover">>, <<"PERMESSAGE-DEFLATE">>,
        <<"permessage-deflate; server_no_context_takeover=1">>, <<"permessage-deflate;">>, <<",permessage-deflate">>, <<>>,
        <<"permessage-deflate; server_max_window_bits=010">>, <<"permessage-deflate; server_max_window_bits=9; client_max_window_bits=9">>]]).

-spec frame() -> proper_types:type().
frame() ->
    frequency([{6, whole()}, {3, fragmented()}, {3, control()}, {2, closing()}, {4, compressed()}, {2, odd()}]).

-spec whole() -> proper_types:type().
whole() -> ?LET({Opcode, Payload}, {integer(1, 2), payload()}, oracle_frame:frame(Opcode, Payload)).

-spec payload() -> proper_types:type().
payload() -> frequency([{6, text()}, {2, binary()}, {1, large()}, {1, broken_text()}]).

-spec large() -> proper_types:type().
large() -> ?LET({Byte, Size}, {oneof([$a, 170]), oneof([19, 20, 21, 125, 126, 127, 1000, 65535, 65536])}, binary:copy(<<Byte>>, Size)).

-spec text() -> proper_types:type().
text() -> ?LET(Characters, list(oneof([integer($a, $z), 16#E9, 16#20AC, 16#1F600])), unicode:characters_to_binary(Characters)).

-spec broken_text() -> proper_types:type().
broken_text() ->
    ?LET({A, Broken, B}, {text(), oneof([<<16#C0, 16#80>>, <<16#ED, 16#A0, 16#80>>, <<16#F4, 16#90, 16#80, 16#80>>, <<16#E2, 16#82>>, <<16#FF>>, <<16#80>>, <<16#F0>>]), text()},
         <<A/binary, Broken/binary, B/binary>>).

-spec fragmented() -> proper_types:type().
fragmented() ->
    ?LET({Opcode, First, Middle, Last, Between, Ends}, {integer(1, 2), payload(), list(payload()), payload(), list(control()), frequency([{6, true}, {1, false}])},
         [oracle_frame:frame(Opcode, First, #{fin => 0}), Between, [oracle_frame:frame(0, M, #{fin => 0}) || M <- Middle],
          [oracle_frame:frame(0, Last) || Ends]]).

-spec control() -> proper_types:type().
control() -> ?LET({Opcode, Payload}, {integer(9, 10), oneof([<<>>, binary(3), binary(125), text()])},
                  oracle_frame:frame(Opcode, binary:part(Payload, 0, min(125, byte_size(Payload))))).

-spec closing() -> proper_types:type().
closing() ->
    oneof([exactly(oracle_frame:close()),
           ?LET({Code, Reason}, {oneof([999, 1000, 1001, 1004, 1005, 1006, 1007, 1011, 1012, 1015, 2999, 3000, 4999, 5000, 0, 65535]), oneof([<<>>, text(), broken_text()])},
                oracle_frame:close(Code, binary:part(Reason, 0, min(123, byte_size(Reason)))))]).

%% A compressed message needs no other: its compressor is fresh.
-spec compressed() -> proper_types:type().
compressed() ->
    ?LET({Opcode, Payload, Cut, Between}, {integer(1, 2), payload(), oneof([none, integer(0, 10)]), oneof([[], control()])},
         compressed(Opcode, deflated(Payload), Cut, Between)).

-spec compressed(1..2, binary(), none | non_neg_integer(), iodata()) -> iodata().
compressed(Opcode, Payload, Cut, Between) when is_integer(Cut), Cut < byte_size(Payload) ->
    <<First:Cut/binary, Last/binary>> = Payload,
    [oracle_frame:frame(Opcode, First, #{fin => 0, rsv => 4}), Between, oracle_frame:frame(0, Last)];
compressed(Opcode, Payload, _, _) -> oracle_frame:frame(Opcode, Payload, #{rsv => 4}).

-spec deflated(binary()) -> binary().
deflated(Payload) ->
    Z = zlib:open(),
    ok = zlib:deflateInit(Z, default, deflated, -9, 8, default),
    Whole = iolist_to_binary(zlib:deflate(Z, Payload, sync)),
    zlib:close(Z),
    binary:part(Whole, 0, byte_size(Whole) - 4).

-spec odd() -> proper_types:type().
odd() ->
    oneof([exactly(oracle_frame:frame(1, <<"x">>, #{masked => false})), exactly(oracle_frame:frame(1, <<>>, #{masked => false})),
           exactly(oracle_frame:frame(1, <<"x">>, #{length => 16})), exactly(oracle_frame:frame(1, <<"x">>, #{length => 64})),
           exactly(oracle_frame:frame(2, <<>>, #{length => {64, 1 bsl 63}})), exactly(oracle_frame:frame(2, <<>>, #{length => {64, 1 bsl 40}})),
           exactly(oracle_frame:frame(9, binary:copy(<<"x">>, 126))), exactly(oracle_frame:frame(8, <<"x">>)),
           exactly(oracle_frame:frame(0, <<"x">>)), exactly(oracle_frame:frame(0, <<"x">>, #{fin => 0})),
           exactly(oracle_frame:frame(1, <<"x">>, #{fin => 0})),
           ?LET({Opcode, Fin, Rsv, Payload}, {integer(0, 15), integer(0, 1), integer(0, 7), text()}, oracle_frame:frame(Opcode, Payload, #{fin => Fin, rsv => Rsv})),
           ?LET(Opcode, oneof([3, 4, 7, 11, 15]), oracle_frame:frame(Opcode, <<"x">>)),
           ?LET(Opcode, integer(8, 10), oracle_frame:frame(Opcode, <<"x">>, #{fin => 0})),
           ?LET(Rsv, integer(1, 7), oracle_frame:frame(2, <<"abc">>, #{rsv => Rsv})),
           non_empty(binary())]).

%%% The handler

-spec program() -> proper_types:type().
program() ->
    ?LET({Ws, Init, Handle, Info, Terminate}, {init(), oneof([none, step()]), handles(), list(answer()), terminate()},
         maps:merge(#{ws => Ws, plain => [], handle => Handle, info => Info, terminate => Terminate},
                    maps:from_list([{websocket_init, Init} || Init =/= none]))).

%% Echo, or steps of which many echo.
-spec handles() -> proper_types:type().
handles() -> oneof([exactly([{do, [], {['$frame'], '$state'}}]), non_empty(list(step()))]).

-spec terminate() -> proper_types:type().
terminate() -> frequency([{9, exactly([])}, {1, [raise()]}]).

-spec init() -> proper_types:type().
init() ->
    ?LET({Actions, Opts, Raised}, {list(init_action()), options(), frequency([{15, exactly([])}, {1, [raise()]}])},
         {do, Actions ++ Raised, returned(Opts)}).

-spec returned(term()) -> term().
returned({bad, Return}) -> Return;
returned(Opts) -> {cowboy_websocket, '$req', '$state', Opts}.

-spec init_action() -> proper_types:type().
init_action() ->
    oneof([{set, set_resp_header, [oneof([<<"x-a">>, <<"x-b">>, <<"server">>, <<"date">>, <<"upgrade">>, <<"sec-websocket-protocol">>, <<"content-length">>,
                                          <<"sec-websocket-accept">>, <<"sec-websocket-extensions">>]), oneof([<<"1">>, [<<"a">>, $b], <<>>, "string"])]},
           {set, set_resp_cookie, [oneof([<<"a">>, <<"b">>]), oneof([<<"1">>, <<>>])]},
           {set, set_resp_body, [<<"unseen">>]},
           {effect, inform, [oneof([100, 102, 103]), exactly(#{<<"x-i">> => <<"1">>})]},
           {ask, parse_header, [oneof([<<"sec-websocket-extensions">>, <<"upgrade">>, <<"connection">>, <<"sec-websocket-version">>, <<"sec-websocket-key">>])]},
           {put, mine, 1}]).

-spec options() -> proper_types:type().
options() ->
    frequency([{12, ?LET(Lists, list(option()), maps:merge(#{idle_timeout => ?IDLE, max_frame_size => infinity}, maps:from_list(Lists)))},
               {1, oneof([{bad, exactly({cowboy_websocket, '$req', '$state', hibernate})}, {bad, exactly({cowboy_websocket, '$req', '$state', [], hibernate})},
                          {bad, exactly({cowboy_websocket, '$req', '$state', []})}, {bad, exactly(bad)}, {bad, exactly({ok, '$req', '$state'})}])}]).

-spec option() -> proper_types:type().
option() ->
    oneof([{compress, true}, {compress, true}, {compress, false}, {max_frame_size, oneof([0, 1, 20, 125, 126, 1000, infinity])}, {validate_utf8, boolean()},
           {unknown, 1}, {active_n, 1},
           {deflate_opts, ?LET(List, list(deflate_option()), maps:from_list(List))}]).

-spec deflate_option() -> proper_types:type().
deflate_option() ->
    oneof([{level, oneof([best_speed, best_compression, none, default])}, {mem_level, integer(1, 9)}, {strategy, oneof([rle, filtered, huffman_only])},
           {server_context_takeover, oneof([takeover, no_takeover])}, {client_context_takeover, oneof([takeover, no_takeover])},
           {server_max_window_bits, oneof([9, 10, 15])}]).

-spec step() -> proper_types:type().
step() ->
    ?LET({Actions, Return}, {list(action()), return()}, {do, Actions, Return}).

%% What a message that was sent to oneself leads to sends no other one, or it would never end.
-spec answer() -> proper_types:type().
answer() -> ?LET({Actions, Return}, {frequency([{9, exactly([])}, {1, [raise()]}]), return()}, {do, Actions, Return}).

-spec action() -> proper_types:type().
action() -> frequency([{6, {self, oneof([hello, {tcp, port, <<"x">>}, {timeout, ref, cowboy_websocket}, {'EXIT', nobody, normal}, {'DOWN', a, b, c, d}, ok, {ssl_closed, x}])}}, {1, raise()}]).

-spec raise() -> proper_types:type().
raise() -> {raise, oneof([error, exit, throw]), oneof([boom, normal, shutdown, exactly({shutdown, x}), exactly({badmatch, x}), kill])}.

-spec return() -> proper_types:type().
return() ->
    frequency([{4, exactly({['$frame'], '$state'})}, {2, exactly({reply, '$frame', '$state'})},
               {6, {commands(), '$state'}}, {2, {commands(), '$state', hibernate}},
               {2, {reply, out(), '$state'}}, {2, {reply, list(out()), '$state'}}, {1, {reply, oneof([out(), list(out())]), '$state', hibernate}},
               {2, exactly({ok, '$state'})}, {1, exactly({ok, '$state', hibernate})}, {1, exactly({stop, '$state'})},
               {1, bad_return()}]).

-spec bad_return() -> proper_types:type().
bad_return() ->
    oneof([exactly(R) || R <- [ok, bad, {ok}, {shutdown, '$state'}, {stop, '$state', x}, {reply, ping, '$state', other}, {[], '$state', other}, {ping, '$state'},
                               {reply, bad, '$state'}, {reply, [close | bad], '$state'}, {reply, [bad, close], '$state'}, {error, x}, [], {[ping | pong], '$state'},
                               {ok, '$state', x}, {reply, [], '$state', x}, {[bad], '$state', other}, {reply, {close}, '$state'}, {remote, '$state'}]]).

-spec commands() -> proper_types:type().
commands() -> list(frequency([{6, out()}, {3, command()}, {1, bad_command()}])).

-spec command() -> proper_types:type().
command() ->
    oneof([{active, boolean()}, {deflate, boolean()}, {set_options, oneof([exactly(#{}), exactly(#{idle_timeout => ?IDLE}), exactly(#{unknown => 1})])},
           {shutdown_reason, oneof([normal, x, exactly({shutdown, x})])}]).

-spec bad_command() -> proper_types:type().
bad_command() ->
    oneof([exactly(C) || C <- [stop, ok, {reply, ping, x}, {active, 1}, {active, once}, {deflate, 1}, {set_options, []}, {set_options, #{idle_timeout => bad}},
                               {shutdown_reason}, {stop, x}, hibernate, {text, 1}, {text, [256]}, {text, bad}, {binary}, {text, <<"a">>, b}, {foo, <<>>}, <<"x">>,
                               {ping, 1}, {close, bad}, {close, 1000}, {close, x, <<>>}, {close, 1000, bad}, [ping], [], {close, 1.0, <<>>}]]).

-spec out() -> proper_types:type().
out() ->
    frequency([{6, {oneof([text, binary]), outgoing()}}, {1, ping}, {1, pong}, {2, {oneof([ping, pong]), oneof([<<>>, <<"p">>, exactly([<<"a">>, $b, []])])}},
               {1, '$frame'}, {1, close}, {1, {close, oneof([<<>>, <<"bye">>, exactly(["b", <<"ye">>])])}},
               {1, {close, oneof([1000, 1001, 4000, 5, 99999, -1, 0, 1005]), oneof([<<>>, <<"bye">>, ?LET(N, oneof([123, 124]), binary:copy(<<"x">>, N))])}},
               {1, ?LET({T, N}, {oneof([ping, pong]), oneof([125, 126])}, {T, binary:copy(<<"y">>, N)})}]).

-spec outgoing() -> proper_types:type().
outgoing() ->
    oneof([text(), binary(), exactly([<<"a">>, [$b, [<<"c">>]], []]), exactly("string"), exactly([]),
           ?LET(N, oneof([125, 126, 300, 65535, 65536]), binary:copy(<<"z">>, N))]).
