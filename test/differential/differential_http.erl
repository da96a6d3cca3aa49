%% @doc Generated HTTP/1.1 connections: requests of every shape, and a program for each path that answers them.
%%
%% Every connection ends with a request that asks for its end, so that what came before it is seen to have left the
%% connection alive or not.
-module(differential_http).

-import(proper_types, [list/1, frequency/1, oneof/1, integer/2, non_empty/1, boolean/0, exactly/1, vector/2, bind/3]).

-export([connection/0, played/1]).

-define(LET(Pattern, Type, Generator), bind(Type, fun(Pattern) -> Generator end, false)).

%% Milliseconds.
-define(PATIENCE, 500).

-spec connection() -> proper_types:type().
connection() ->
    ?LET({Plain, Requests, Cuts, Glued}, {vector(3, step()), non_empty(list(request())), list(frequency([{3, integer(1, 60)}, {1, pause}])), boolean()},
         #{plain => Plain, requests => Requests, cuts => Cuts, glued => Glued}).

-spec played(map()) -> map().
played(#{plain := Plain, requests := Requests, cuts := Cuts, glued := Glued}) ->
    Last = <<"GET /last HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n">>,
    Program = #{ws => {do, [], {ok, '$req', '$state'}}, plain => Plain, handle => [], info => [], terminate => [], watch_init => true},
    Bytes = [bytes(R) || R <- Requests] ++ [Last],
    Sent = case Glued of
        true -> cut(iolist_to_binary(Bytes), Cuts);
        false -> lists:append([cut(iolist_to_binary(B), Cuts) ++ [{pause, 12}] || B <- Bytes])
    end,
    #{kind => http, chunked => lists:any(fun(#{body := Body}) -> element(1, Body) =:= chunked end, [R || #{body := B} = R <- Requests, B =/= none]),
      both => lists:any(fun says_both/1, Requests), methods => [iolist_to_binary(M) || #{method := M} <- Requests] ++ [<<"GET">>],
      scenario => #{name => "generated", handler => differential_handler, script => Program, routes => fun routes/1, steps => Sent,
                    proto => #{request_timeout => ?PATIENCE, idle_timeout => ?PATIENCE * 3, inactivity_timeout => ?PATIENCE * 3}}}.

%% Whether it asks to keep the connection alive, and to close it.
-spec says_both(map()) -> boolean().
says_both(#{version := Version, fields := Fields}) ->
    Said = string:lowercase(iolist_to_binary([Value || {<<"connection">>, Value} <- Fields])),
    Version =:= <<"HTTP/1.0">> andalso lists:all(fun(Word) -> binary:match(Said, Word) =/= nomatch end, [<<"keep-alive">>, <<"close">>]).

-spec routes(map()) -> list().
routes(Script) ->
    [{"other.example", [{"/p/:n", differential_handler, Script}]},
     {'_', [{"/p/:n/[...]", differential_handler, Script}, {"/o/:n[/:b]", [{b, int}], differential_handler, Script}, {"/last", differential_handler, Script}, {"*", differential_handler, Script}]}].

-spec cut(binary(), list()) -> [differential_client:step()].
cut(<<>>, _) -> [];
cut(Bytes, [pause | Cuts]) -> [{pause, 5} | cut(Bytes, Cuts)];
cut(Bytes, [Size | Cuts]) when Size < byte_size(Bytes) ->
    <<Piece:Size/binary, Rest/binary>> = Bytes,
    [{send, Piece} | cut(Rest, Cuts)];
cut(Bytes, _) -> [{send, Bytes}].

%%% Requests

-spec bytes(map()) -> iodata().
bytes(#{method := Method, target := Target, version := Version, fields := Fields, body := Body}) ->
    {Extra, Content} = body(Body),
    [Method, " ", Target, " ", Version, "\r\n", [[N, ":", V, "\r\n"] || {N, V} <- Fields ++ Extra], "\r\n", Content].

-spec body(term()) -> {[{iodata(), iodata()}], iodata()}.
body(none) -> {[], []};
body({length, Bytes}) -> {[{"Content-Length", [" ", integer_to_list(iolist_size(Bytes))]}], Bytes};
body({chunked, Pieces, Trailers}) ->
    {[{"transfer-encoding", " chunked"}],
     [[[integer_to_list(byte_size(P), 16), Extension, "\r\n", P, "\r\n"] || {P, Extension} <- Pieces, P =/= <<>>], "0\r\n", Trailers, "\r\n"]};
body({raw, Fields, Bytes}) -> {Fields, Bytes}.

-spec request() -> proper_types:type().
request() ->
    ?LET({Method, Target, {Version, Body}, Host, Fields}, {method(), target(), version_and_content(), host(), list(field())},
         #{method => Method, target => Target, version => Version, fields => Host ++ Fields, body => Body}).

-spec version_and_content() -> proper_types:type().
version_and_content() ->
    frequency([{12, {exactly(<<"HTTP/1.1">>), frequency([{10, content()}, {3, chunked()}])}}, {2, {exactly(<<"HTTP/1.0">>), content()}}]).

-spec method() -> proper_types:type().
method() ->
    frequency([{8, oneof([<<"GET">>, <<"POST">>, <<"HEAD">>, <<"PUT">>, <<"OPTIONS">>])},
               {1, oneof([<<"DELETE">>, <<"PATCH">>, <<"get">>, <<"M-SEARCH">>, <<"TRACE">>, <<"X">>, <<"A!#$%&'*+-.^_`|~9">>])}]).

%% Not among them is what an HTTP library refuses or drops where Cowboy does not: `"', `<', `>', a backquote in targets, trailers
%% of requests, trailers that no Trailer field announces, equal content-length lines, chunks in HTTP/1.0.
-spec target() -> proper_types:type().
target() ->
    frequency([{8, ?LET({N, Qs}, {integer(0, 2), query()}, [<<"/p/">>, integer_to_list(N), Qs])},
               {3, oneof([exactly(T) || T <- [<<"/p/0/">>, <<"/p/1//">>, <<"/p/1/a/b%20c/">>, <<"/p/%30">>, <<"/p/a%2Fb">>, <<"/p/%zz">>, <<"/p/%2">>, <<"/p/../p/0">>, <<"/p/./1">>,
                    <<"/p/a+b?a+b=c+d">>, <<"/p/0#f">>, <<"/p/0?a#f">>, <<"//p/0">>, <<"/">>, <<"/x">>, <<"/o/1">>, <<"/o/1/2">>, <<"/o/1/x">>, <<"/o/1/">>, <<"http://other.example/p/0?q">>,
                    <<"http://other.example:81/p/0">>, <<"http://localhost">>, <<"HTTP://localhost/p/1">>, <<"*">>, <<"/p/0?">>, <<"/p/0??">>,
                    <<"/p/", 195, 169>>, <<"/p/~!$&'()*,;=:@">>, <<"/p/0?x=y">>, <<"/p/[]">>, <<"/p/{}|^">>, <<"/%70/0">>, <<"/p/..">>, <<"/p/0/..">>, <<"/../p/0">>, <<"/p;x/0">>]])}]).

-spec query() -> proper_types:type().
query() -> frequency([{4, exactly(<<>>)}, {4, oneof([exactly(Q) || Q <- [<<"?a=1&b=2">>, <<"?a">>, <<"?a=&a=2">>, <<"?=x">>, <<"?&">>, <<"?a=%C3%A9+x">>, <<"?a=%zz">>, <<"?a=%2">>, <<"?a=b=c">>, <<"?a;b=1">>]])}]).

-spec host() -> proper_types:type().
host() ->
    frequency([{12, exactly([{<<"Host">>, <<" localhost">>}])},
               {2, oneof([exactly(H) || H <- [[{<<"HOST">>, <<" Other.Example:8080">>}], [{<<"host">>, <<"other.example.">>}], [{<<"host">>, <<" [::1]:80">>}], [{<<"host">>, <<" 127.0.0.1:99">>}],
                    [{<<"host">>, <<" a:">>}], [{<<"host">>, <<" localhost:443">>}], [{<<"host">>, <<"  localhost\t ">>}]]])}]).

-spec field() -> proper_types:type().
field() ->
    frequency([{8, oneof([exactly(F) || F <- [{<<"X-a">>, <<" 1">>}, {<<"x-A">>, <<"2">>}, {<<"x-a">>, <<>>}, {<<"x-b">>, <<"  padded \t">>}, {<<"x-b">>, <<" a, b">>}, {<<"cookie">>, <<" a=1; b=2">>},
                    {<<"Cookie">>, <<" c=\"q\"; d">>}, {<<"cookie">>, <<" =v">>}, {<<"cookie">>, <<" $Version=1; a=b">>}, {<<"accept">>, <<" text/html;q=0.5, */*">>}, {<<"accept">>, <<" bad">>},
                    {<<"content-type">>, <<" application/x-www-form-urlencoded">>}, {<<"content-type">>, <<" text/plain; charset=UTF-8">>}, {<<"x-u">>, <<" ", 195, 169, 255>>},
                    {<<"accept-encoding">>, <<" gzip">>}, {<<"if-none-match">>, <<" \"a\"">>}, {<<"range">>, <<" bytes=0-1">>}, {<<"expect">>, <<" 100-continue">>}, {<<"EXPECT">>, <<" 100-Continue">>},
                    {<<"!#$%&'*+-.^_`|~">>, <<" 1">>}, {<<"te">>, <<" trailers">>}, {<<"date">>, <<" Thu, 01 Jan 1970 00:00:00 GMT">>}]])},
               {2, oneof([exactly({<<"connection">>, V}) || V <- [<<" close">>, <<" keep-alive">>, <<" Keep-Alive">>, <<" CLOSE">>, <<" te, close">>, <<" foo">>, <<" upgrade">>, <<" keep-alive, close">>]])},
               {1, oneof([exactly({<<"upgrade">>, V}) || V <- [<<" websocket">>, <<" foo">>]])}]).

-spec content() -> proper_types:type().
content() ->
    frequency([{6, exactly(none)}, {4, {length, oneof([<<>>, <<"a=1&b=2">>, <<"hello">>, exactly(binary:copy(<<"z">>, 3000))])}},
               {1, oneof([exactly({raw, F, B}) || {F, B} <- [{[{"content-length", " 03"}], "abc"}]]) }]).

-spec chunked() -> proper_types:type().
chunked() ->
    {chunked, list({oneof([<<"a=1">>, <<"&b=2">>, exactly(binary:copy(<<"y">>, 300))]), oneof([<<>>, <<>>, <<";x=y">>])}), <<>>}.

%%% Programs

-spec step() -> proper_types:type().
step() ->
    ?LET({Reads, Sets, Answer}, {list(read()), list(setting()), answer()}, {do, Reads ++ Sets ++ Answer, {ok, '$req', '$state'}}).

-spec read() -> proper_types:type().
read() ->
    oneof([read_whole_body, read_whole_body, {attempt, exactly({read, read_urlencoded_body, []})},
           {ask, oneof([method, uri, host, port, path, qs, version, scheme, path_info, bindings, headers, has_body, body_length, host_info, cert]), []},
           {attempt, {ask, parse_header, [oneof([<<"accept">>, <<"cookie">>, <<"content-type">>, <<"content-length">>, <<"connection">>, <<"expect">>, <<"if-none-match">>, <<"range">>, <<"date">>,
                                                 <<"accept-encoding">>, <<"upgrade">>, <<"transfer-encoding">>, <<"x-a">>, <<"te">>, <<"host">>])]}},
           {attempt, exactly({ask, parse_qs, []})}, {attempt, exactly({ask, parse_cookies, []})},
           {attempt, {ask, match_qs, [oneof([exactly([a]), exactly([{a, int}]), exactly([{a, [], default}]), exactly([{a, nonempty}])])]}},
           {attempt, {ask, match_cookies, [oneof([exactly([a]), exactly([{a, int}]), exactly([{d, [], <<"x">>}])])]}},
           {ask, binding, [oneof([n, b, z])]}]).

-spec setting() -> proper_types:type().
setting() ->
    oneof([{set, set_resp_header, [oneof([<<"x-a">>, <<"server">>, <<"date">>, <<"content-type">>, <<"vary">>]), oneof([<<"1">>, [<<"a">>, $b], <<>>])]},
           {set, set_resp_header, [<<"connection">>, oneof([<<"close">>, <<"keep-alive">>])]},
           {set, set_resp_headers, [exactly(#{<<"x-a">> => <<"m">>, <<"x-m">> => <<"1">>})]},
           {set, set_resp_cookie, [oneof([<<"a">>, <<"b">>]), oneof([<<"1">>, <<>>]), oneof([exactly(O) || O <- [#{}, #{path => <<"/">>, http_only => true}, #{secure => true, domain => <<"x">>, same_site => lax}]])]},
           {set, delete_resp_header, [<<"x-a">>]}, {set, set_resp_body, [oneof([<<"preset">>, <<>>, exactly([$a, <<"b">>])])]},
           {effect, inform, [oneof([102, 103, <<"103 Early">>]), exactly(#{<<"x-i">> => <<"1">>})]},
           {put, mine, 1}, {ask, resp_headers, []}, {ask, has_resp_body, []}, {ask, has_resp_header, [<<"x-a">>]}]).

-spec answer() -> proper_types:type().
answer() ->
    frequency([{6, [{set, reply, [status()]}]}, {4, [{set, reply, [status(), headers()]}]}, {6, [{set, reply, [status(), headers(), oneof([<<>>, <<"body">>, exactly(["b", <<"ody">>]), exactly(binary:copy(<<"w">>, 2000))])]}]},
               {4, ?LET({Status, Headers, Pieces, Last}, {oneof([200, 201, 404, 500]), headers(), list(piece()), last()}, [{set, stream_reply, [Status, Headers]} | Pieces ++ Last])},
               {1, exactly([])}, {2, [{raise, oneof([error, exit, throw]), oneof([boom, normal, exactly({request_error, x, 'why'}), exactly({request_error, payload_too_large, 'why'}), exactly({request_error, timeout, 'why'})])}]}]).

-spec status() -> proper_types:type().
status() -> frequency([{6, oneof([200, 201, 302, 404, 500])}, {1, oneof([204, 205, 206, 226, 304, 400, 418, 426, 451, 503, 511])}, {1, oneof([<<"200 Fine">>, <<"404 Gone Fishing">>])}]).

-spec headers() -> proper_types:type().
headers() ->
    oneof([exactly(H) || H <- [#{}, #{}, #{<<"x-r">> => <<"1">>}, #{<<"content-type">> => <<"text/plain">>, <<"x-a">> => [<<"i">>, $o]}, #{<<"connection">> => <<"close">>}, #{<<"server">> => <<"me">>},
                               #{<<"connection">> => <<"keep-alive">>}]]).

-spec piece() -> proper_types:type().
piece() -> oneof([{effect, stream_body, [oneof([<<"abc">>, exactly([<<"d">>, $e]), <<>>, exactly(binary:copy(<<"v">>, 500))]), nofin]}, {effect, stream_events, [exactly(#{id => <<"1">>, event => <<"e">>, data => <<"l1\nl2">>}), nofin]}]).

-spec last() -> proper_types:type().
last() ->
    oneof([exactly([]), [{effect, stream_body, [oneof([<<"end">>, <<>>]), fin]}], [{effect, stream_events, [exactly([#{data => <<"x">>}, #{comment => <<"c">>}]), fin]}]]).
