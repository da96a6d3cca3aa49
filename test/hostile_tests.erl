%% What clients send to the parsers in Erlang, and to a listener before any parser, varied at random from what is right: every
%% parser gives a value or says that it can't, and the listener goes on. The parsers in Rust have theirs in native/fuzz.
%%
%% FUZZ_SECONDS is the time for each property; without it, half a second will do.
-module(hostile_tests).

-include_lib("eunit/include/eunit.hrl").

-export([init/3, handle/2, terminate/2]).
-export([websocket_init/3, websocket_handle/3, websocket_info/3, websocket_terminate/3]).

-import(proper_types, [binary/0, byte/0, frequency/1, list/1, non_empty/1, oneof/1, range/2, resize/2]).

%% As in proper.hrl, which Debian has in a package of its own. An exception is told here, because Debian's PropEr asks for
%% its stack in a way that newer releases of OTP do not know.
-define(FORALL(X, Type, Property),
        proper:forall(Type, fun(X) ->
                                try Property
                                catch Class:Reason:Stack -> ?debugFmt("~p: ~p~n~p", [Class, Reason, Stack]), false
                                end
                            end)).
-define(CHOSEN(X, Type, Value), proper_types:bind(Type, fun(X) -> Value end, false)).

-define(HEADERS, [
    {<<"accept">>, <<"text/html;level=1;q=0.5, */*;q=0.1, text/plain;format=\"flo\\\"wed\"">>},
    {<<"accept-charset">>, <<"iso-8859-5, unicode-1-1;q=0.8">>},
    {<<"accept-encoding">>, <<"gzip;q=1.0, identity; q=0.5, *;q=0">>},
    {<<"accept-language">>, <<"da, en-gb;q=0.8, en;q=0.7">>},
    {<<"authorization">>, <<"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==">>},
    {<<"authorization">>, <<"Digest username=\"Mufasa\", realm=\"a\", nc=00000001, qop=auth">>},
    {<<"connection">>, <<"keep-alive, Upgrade">>},
    {<<"content-length">>, <<"42">>},
    {<<"content-type">>, <<"multipart/form-data; boundary=\"a b\"; charset=utf-8">>},
    {<<"cookie">>, <<"a=b; c=\"d\"; $Version=1; e">>},
    {<<"expect">>, <<"100-continue">>},
    {<<"if-match">>, <<"\"xyzzy\", W/\"r2d2xxxx\"">>},
    {<<"if-modified-since">>, <<"Sun, 06 Nov 1994 08:49:37 GMT">>},
    {<<"if-range">>, <<"\"xyzzy\"">>},
    {<<"range">>, <<"bytes=0-499, -500">>},
    {<<"origin">>, <<"http://example.org:8080">>},
    {<<"sec-websocket-extensions">>, <<"permessage-deflate; client_max_window_bits; server_max_window_bits=10, x; a=\"b\"">>},
    {<<"sec-websocket-protocol">>, <<"chat, superchat">>},
    {<<"sec-websocket-version">>, <<"13">>},
    {<<"transfer-encoding">>, <<"chunked">>},
    {<<"upgrade">>, <<"websocket, HTTP/2.0">>},
    {<<"x-forwarded-for">>, <<"203.0.113.195, [2001:db8::1]:80">>}
]).

-define(HEAD,
    <<"GET /ws?a=b HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
      "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n">>).
-define(HIXIE,
    <<"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nOrigin: http://localhost\r\n"
      "Sec-WebSocket-Key1: 18x 6]8vM;54 *(5:  {   U1]8  z [  8\r\nSec-WebSocket-Key2: 1_ tx7X d  <  nw  334J702) 7]o}` 0\r\n\r\n"
      "Tm[K T2u">>).
-define(POST, <<"POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nx: y\r\n\r\n">>).

%%% Parsers

headers_are_read_or_refused_test_() -> holds(fun headers_are_read_or_refused/0).

headers_are_read_or_refused() ->
    ?FORALL({Name, Value}, ?CHOSEN({Name, Value}, oneof(?HEADERS), {Name, hostile([Value])}),
            case farrier_header:parse(Name, Value) of
                {ok, _} -> true;
                error -> true;
                unknown -> true
            end).

%% What is agreed on is within what was asked for, and fits into a header.
extensions_are_negotiated_within_bounds_test_() -> holds(fun extensions_are_negotiated_within_bounds/0).

extensions_are_negotiated_within_bounds() ->
    Offers = [<<"permessage-deflate; client_max_window_bits=9; server_max_window_bits=8; client_no_context_takeover">>,
              <<"x-webkit-deflate-frame; max_window_bits=9">>,
              <<"permessage-deflate; server_max_window_bits=16, permessage-deflate; client_max_window_bits">>],
    ?FORALL(Value, hostile(Offers),
            case farrier_header:parse(<<"sec-websocket-extensions">>, Value) of
                {ok, Parsed} -> within_bounds(farrier_extensions:negotiate(Parsed, #{}))
                                andalso within_bounds(farrier_extensions:negotiate_1(Parsed));
                error -> true
            end).

within_bounds(none) -> true;
within_bounds(error) -> true;
within_bounds({Header, Compression}) ->
    Bits = [maps:get(Key, Compression, 15) || Key <- [server_max_window_bits, client_max_window_bits]],
    lists:all(fun(N) -> N >= 8 andalso N =< 15 end, Bits)
    andalso nomatch =:= binary:match(iolist_to_binary(Header), [<<"\r">>, <<"\n">>]).

cookies_are_read_or_refused_test_() -> holds(fun cookies_are_read_or_refused/0).

cookies_are_read_or_refused() ->
    ?FORALL(Value, hostile([<<"a=b; c=d">>, <<"$Version=\"1\"; a=\"b\"; $Path=\"/\", c=d">>, <<"a=b;=c;;d">>]),
            lists:all(fun(Parse) ->
                          case Parse(Value) of
                              {ok, Pairs} -> all_binaries(Pairs);
                              error -> true
                          end
                      end, [fun farrier_cookie:parse/1, fun farrier_cookie:parse_1/1])).

all_binaries(Pairs) -> lists:all(fun({Name, Value}) -> is_binary(Name) andalso is_binary(Value) end, Pairs).

%% What clients encode comes back, and a limit on the number of pairs holds.
forms_come_back_test_() -> holds(fun forms_come_back/0).

forms_come_back() ->
    ?FORALL({Pairs, Limit}, {list({non_empty(binary()), binary()}), range(0, 20)},
            begin
                Encoded = iolist_to_binary(lists:join("&", [[escape(N), $=, escape(V)] || {N, V} <- Pairs])),
                Pairs =:= farrier_qs:parse(Encoded)
                andalso (farrier_qs:parse(Encoded, Limit) =:= too_many) =:= (length(Pairs) > Limit)
            end).

escape(Bytes) -> [io_lib:format("%~2.16.0b", [Byte]) || <<Byte>> <= Bytes].

%% Only an escape or a nameless value makes a form fail.
forms_are_read_or_refused_test_() -> holds(fun forms_are_read_or_refused/0).

forms_are_read_or_refused() ->
    ?FORALL(Value, hostile([<<"a=b&c=%20+d&e">>, <<"%zz=%4&&=&a=b=c">>]),
            try farrier_qs:parse(Value) of
                Pairs -> is_list(Pairs)
            catch
                error:_ -> re:run(Value, "%|(^|&)=") =/= nomatch
            end).

%% The same parts, however the body was cut, and never more in the buffer than a delimiter or a header block.
multipart_bodies_are_the_same_however_they_are_cut_test_() -> holds(fun multipart_is_the_same_however_it_is_cut/0).

multipart_is_the_same_however_it_is_cut() ->
    Body = <<"preamble\r\n--b\r\nContent-Type: text/plain\r\nx: y\r\n\r\nfirst\r\n--b \t\r\n\r\n\r\n--b\r\nx:\r\n\r\n--\r\n-b\r\n--b--\r\nend">>,
    ?FORALL({Value, Sizes}, {hostile([Body]), non_empty(list(range(1, 9)))},
            parts(farrier_multipart:new(Value), []) =:= parts(farrier_multipart:new(<<>>), cut(Value, Sizes, Sizes))).

parts(Buffer, Pieces) ->
    case {farrier_multipart:header(Buffer, <<"b">>), Pieces} of
        {{ok, Headers, Rest}, _} -> part(Headers, Rest, Pieces, <<>>);
        {{more, Rest}, [Piece | Later]} -> parts(<<Rest/binary, Piece/binary>>, Later);
        {{more, _}, []} -> [unfinished];
        {Other, _} -> [Other]
    end.

part(Headers, Buffer, Pieces, Body) ->
    case {farrier_multipart:body(Buffer, <<"b">>), Pieces} of
        {{done, Data, Rest}, _} -> [{Headers, <<Body/binary, Data/binary>>} | parts(Rest, Pieces)];
        {{more, Data, Rest}, [Piece | Later]} -> part(Headers, <<Rest/binary, Piece/binary>>, Later, <<Body/binary, Data/binary>>);
        {{more, _, _}, []} -> [Headers, unfinished]
    end.

cut(<<>>, _, _) -> [];
cut(Value, [], Again) -> cut(Value, Again, Again);
cut(Value, [Size | Sizes], Again) when byte_size(Value) > Size ->
    <<Piece:Size/binary, Rest/binary>> = Value,
    [Piece | cut(Rest, Sizes, Again)];
cut(Value, _, _) -> [Value].

%%% A listener

%% Whatever comes, the answer is a response, or none, and the next client is served.
requests_are_answered_test_() ->
    {setup, fun start/0, fun stop/1,
     fun(Port) -> holds(fun() -> requests_are_answered(Port) end) end}.

requests_are_answered(Port) ->
    ?FORALL(Bytes, hostile([?HEAD, ?HIXIE, ?POST]),
            is_response(answer(Port, Bytes)) andalso is_response(answer(Port, ?HEAD), <<"101">>)).

start() ->
    {ok, _} = application:ensure_all_started(cowboy),
    Dispatch = [{'_', [{['...'], ?MODULE, []}]}],
    {ok, _} = cowboy:start_listener(?MODULE, 5, cowboy_tcp_transport, [{port, 0}], cowboy_http_protocol,
                                    [{dispatch, Dispatch}, {timeout, 200}]),
    ranch:get_port(?MODULE).

stop(_) -> cowboy:stop_listener(?MODULE).

answer(Port, Bytes) ->
    {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, false}]),
    _ = gen_tcp:send(Socket, Bytes),
    Answer = gen_tcp:recv(Socket, 0, 10000),
    ok = gen_tcp:close(Socket),
    Answer.

is_response({ok, <<"HTTP/1.", V, " ", A, B, C, _/binary>>}) ->
    (V =:= $0 orelse V =:= $1) andalso lists:member([A, B, C], ["101", "200", "400", "408", "413", "414", "426", "431", "500", "501", "505"]);
is_response({error, closed}) -> true;
is_response({error, econnreset}) -> true;
is_response(_) -> false.

is_response({ok, <<"HTTP/1.1 ", Status:3/binary, _/binary>>}, Status) -> true;
is_response(_, _) -> false.

%% The handler is one of generation 0, which upgrades to draft hixie-76, too.
init({tcp, http}, Req0, []) ->
    case cowboy_http_req:header('Upgrade', Req0) of
        {undefined, Req} -> {ok, Req, []};
        {_, _} -> {upgrade, protocol, cowboy_http_websocket}
    end.

handle(Req0, State) ->
    {ok, Req} = cowboy_http_req:reply(200, [], <<"hello">>, Req0),
    {ok, Req, State}.

terminate(_, _) -> ok.

websocket_init(tcp, Req, []) -> {ok, Req, []}.

websocket_handle(_, Req, State) -> {ok, Req, State}.

websocket_info(_, Req, State) -> {ok, Req, State}.

websocket_terminate(_, _, _) -> ok.

%%% Generators

%% One of the samples, some of its bytes changed.
hostile(Samples) ->
    ?CHOSEN({Sample, Edits}, {oneof(Samples), resize(6, list(edit()))}, lists:foldl(fun edited/2, Sample, Edits)).

edit() -> {oneof([insert, replace, delete, repeat]), range(0, 1000), piece()}.

piece() ->
    frequency([{2, ?CHOSEN(Byte, byte(), <<Byte>>)}, {1, binary()},
               {4, oneof([<<" ">>, <<"\t">>, <<"\r\n">>, <<"\n">>, <<0>>, <<255>>, <<",">>, <<";">>, <<"=">>, <<"\"">>, <<"\\">>,
                          <<":">>, <<"%">>, <<"--b">>, <<"/">>, <<"..">>, <<"99999999999999999999">>, <<"-1">>, <<"Content-Length: 3\r\n">>])}]).

edited({Kind, Place, Piece}, Bytes) ->
    {Before, After} = split_binary(Bytes, Place rem (byte_size(Bytes) + 1)),
    edited(Kind, Before, Piece, After).

edited(insert, Before, Piece, After) -> <<Before/binary, Piece/binary, After/binary>>;
edited(replace, Before, Piece, <<_, After/binary>>) -> <<Before/binary, Piece/binary, After/binary>>;
edited(delete, Before, _, <<_, After/binary>>) -> <<Before/binary, After/binary>>;
edited(repeat, Before, _, After) -> <<Before/binary, After/binary, After/binary>>;
edited(_, Before, _, <<>>) -> Before.

%%% Time

holds(Property) ->
    {Milliseconds, Timeout} =
        case os:getenv("FUZZ_SECONDS") of
            false -> {500, 30};
            Seconds -> {1000 * list_to_integer(Seconds), list_to_integer(Seconds) + 60}
        end,
    {timeout, Timeout, fun() -> holds_until(erlang:monotonic_time(millisecond) + Milliseconds, Property, 0) end}.

holds_until(End, Property, Count) ->
    ?assertEqual(true, proper:quickcheck(Property(), [{numtests, 100}, quiet, long_result, {to_file, user}])),
    case erlang:monotonic_time(millisecond) < End of
        true -> holds_until(End, Property, Count + 100);
        false -> os:getenv("FUZZ_SECONDS") =/= false andalso ?debugFmt("~b inputs", [Count + 100])
    end.
