%% Bodies of requests and responses as handlers of Cowboy 0.8 to 1.1 read and send them, over sockets.
%%
%% This module is the handler; each test gives it a fun.
-module(generation_1_bodies_tests).

-include_lib("eunit/include/eunit.hrl").

-import(raw_client, [open/1, send/2, received/2, until/2, head/1]).

%% The handler.
-export([init/3, handle/2, terminate/3]).

-define(PROMISE(Name), {??Name, fun Name/0}).
-define(HANDLE, {?MODULE, handle}).
-define(PATIENCE, 5000).

init(_, Req, Opts) -> {ok, Req, Opts}.

handle(Req, State) -> {ok, (persistent_term:get(?HANDLE))(Req), State}.

terminate(_, _, _) -> ok.

bodies_test_() ->
    {setup,
        fun() ->
            Config = cowboy_suite:start([]),
            Dispatch = cowboy_router:compile([{'_', [{'_', ?MODULE, []}]}]),
            {ok, _} = cowboy:start_http(?MODULE, 1, [{ip, {127, 0, 0, 1}}, {port, 0}], [{env, [{dispatch, Dispatch}]}]),
            Config
        end,
        fun(Config) ->
            ok = cowboy:stop_listener(?MODULE),
            _ = persistent_term:erase(?HANDLE),
            cowboy_suite:stop(Config)
        end,
        [
            ?PROMISE(a_client_that_waits_is_told_to_continue),
            ?PROMISE(a_body_in_chunks_has_a_length_once_it_is_read),
            ?PROMISE(a_body_is_read_in_segments),
            ?PROMISE(a_whole_body_has_a_limit),
            ?PROMISE(a_large_multipart_body_is_told_event_by_event),
            ?PROMISE(a_large_multipart_body_is_read_part_by_part),
            ?PROMISE(an_unread_body_does_not_spoil_the_next_request),
            ?PROMISE(chunks_and_funs_send_bodies),
            ?PROMISE(nothing_follows_the_head_for_head),
            ?PROMISE(another_process_may_read_and_reply)
        ]}.

a_client_that_waits_is_told_to_continue() ->
    Socket = request(fun echo/1, "POST", [{"content-length", "5"}, {"expect", "100-continue"}], <<>>),
    ?assertEqual(<<"HTTP/1.1 100 Continue\r\n\r\n">>, received(Socket, 25)),
    send(Socket, "hello"),
    ?assertEqual(<<"hello">>, body(Socket)).

echo(Req0) ->
    {ok, Body, Req1} = cowboy_req:body(Req0),
    {ok, Req} = cowboy_req:reply(200, [], Body, Req1),
    Req.

a_body_in_chunks_has_a_length_once_it_is_read() ->
    Seen = seen(chunked(["abc", "de"]), fun(Req0) ->
        {undefined, Req1} = cowboy_req:body_length(Req0),
        {error, chunked} = cowboy_req:body(10, Req1),
        {ok, Body, Req2} = cowboy_req:body(Req1),
        {Length, Req3} = cowboy_req:body_length(Req2),
        {Encoding, Req4} = cowboy_req:header(<<"transfer-encoding">>, Req3),
        {ok, Again, _} = cowboy_req:body(Req4),
        {Body, Length, Encoding, Again}
    end),
    ?assertEqual({<<"abcde">>, 5, undefined, <<>>}, Seen).

a_body_is_read_in_segments() ->
    Body = binary:copy(<<"0123456789">>, 5000),
    Segments = fun Segments(Req0) ->
        case cowboy_req:stream_body(20000, Req0) of
            {ok, Data, Req} -> [Data | Segments(Req)];
            {done, _} -> []
        end
    end,
    [begin
        Seen = seen(Sent, Segments),
        ?assertEqual([20000, 20000, 10000], [byte_size(Segment) || Segment <- Seen]),
        ?assertEqual(Body, iolist_to_binary(Seen))
    end || Sent <- [sized(Body), chunked([binary:part(Body, 0, 25001), binary:part(Body, 25001, 24999)])]].

a_whole_body_has_a_limit() ->
    ?assertEqual({error, badlength}, seen(sized(<<"12345">>), fun(Req) -> cowboy_req:body(4, Req) end)),
    ?assertMatch({ok, <<"12345">>, _}, seen(sized(<<"12345">>), fun(Req) -> cowboy_req:body(5, Req) end)),
    ?assertMatch({ok, [{<<"a">>, <<"1 2">>}, {<<"b">>, true}], _},
        seen(sized(<<"a=1+2&b">>), fun(Req) -> cowboy_req:body_qs(16000, Req) end)).

%% A part of 300,000 bytes and one of none.
multipart() ->
    Large = binary:copy(<<"0123456789">>, 30000),
    First = "--AB\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n",
    Body = iolist_to_binary([First, Large, "\r\n--AB\r\n\r\n\r\n--AB--\r\n"]),
    {Large, sized([{"content-type", "multipart/form-data; boundary=AB"}], Body)}.

a_large_multipart_body_is_told_event_by_event() ->
    {Large, Sent} = multipart(),
    Events = seen(Sent, fun Events(Req0) ->
        case cowboy_req:multipart_data(Req0) of
            {headers, Headers, Req} -> [{headers, Headers} | Events(Req)];
            {body, Data, Req} -> [{body, Data} | Events(Req)];
            {end_of_part, Req} -> [end_of_part | Events(Req)];
            {eof, _} -> [eof]
        end
    end),
    {[{headers, [{<<"content-disposition">>, _}]}], Rest} = lists:split(1, Events),
    {Bodies, After} = lists:splitwith(fun is_tuple/1, Rest),
    ?assertEqual(Large, iolist_to_binary([Data || {body, Data} <- Bodies])),
    ?assertEqual([end_of_part, {headers, []}, end_of_part, eof], After).

a_large_multipart_body_is_read_part_by_part() ->
    {Large, Sent} = multipart(),
    {Parts, Last} = seen(Sent, fun(Req0) ->
        {ok, _, Req1} = cowboy_req:part(Req0),
        {ok, First, Req2} = cowboy_req:part_body(Req1),
        {ok, [], Req3} = cowboy_req:part(Req2),
        {ok, Second, Req4} = cowboy_req:part_body(Req3),
        {[First, Second], element(1, cowboy_req:part(Req4))}
    end),
    ?assertEqual([Large, <<>>], Parts),
    ?assertEqual(done, Last).

an_unread_body_does_not_spoil_the_next_request() ->
    Socket = request(fun(Req0) -> {ok, Req} = cowboy_req:reply(200, [], <<"one">>, Req0), Req end,
        "POST", [{"content-length", "6"}], <<"unread">>),
    ?assertEqual(<<"one">>, body(Socket)),
    send(Socket, request_head("GET", [])),
    ?assertEqual(<<"one">>, body(Socket)).

chunks_and_funs_send_bodies() ->
    Chunked = fun(Req0) ->
        {ok, Req} = cowboy_req:chunked_reply(200, [{<<"x-a">>, <<"1">>}], Req0),
        ok = cowboy_req:chunk("ab", Req),
        ok = cowboy_req:chunk([<<"c">>], Req),
        Req
    end,
    ?assertEqual(<<"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n">>, chunks(request(Chunked, "GET", [], <<>>))),
    Sized = fun(Req0) ->
        Send = fun(Socket, Transport) -> ok = Transport:send(Socket, "four") end,
        {ok, Req} = cowboy_req:reply(200, cowboy_req:set_resp_body_fun(4, Send, Req0)),
        Req
    end,
    ?assertEqual(<<"four">>, body(request(Sized, "GET", [], <<>>))),
    Fun = fun(Req0) ->
        Set = cowboy_req:set_resp_body_fun(chunked, fun(Send) -> Send("xy") end, Req0),
        {ok, Req} = cowboy_req:reply(200, Set),
        Req
    end,
    ?assertEqual(<<"2\r\nxy\r\n0\r\n\r\n">>, chunks(request(Fun, "GET", [], <<>>))).

nothing_follows_the_head_for_head() ->
    Socket = request(fun(Req0) -> {ok, Req} = cowboy_req:reply(200, [], <<"body">>, Req0), Req end, "HEAD", [], <<>>),
    First = head(Socket),
    ?assertMatch({match, _}, re:run(First, "content-length: 4\r\n")),
    send(Socket, request_head("HEAD", [])),
    ?assertEqual(byte_size(First), byte_size(head(Socket))).

another_process_may_read_and_reply() ->
    Elsewhere = fun(Req) ->
        {Pid, Monitor} = spawn_monitor(fun() -> exit({done, echo(Req)}) end),
        receive {'DOWN', Monitor, process, Pid, {done, Replied}} -> Replied end
    end,
    Socket = request(Elsewhere, "POST", [{"content-length", "5"}], <<"hello">>),
    ?assertEqual(<<"hello">>, body(Socket)).

%%% Client

sized(Body) -> sized([], Body).

sized(Fields, Body) -> {[{"content-length", integer_to_list(byte_size(Body))} | Fields], Body}.

chunked(Chunks) ->
    {[{"transfer-encoding", "chunked"}],
        iolist_to_binary([[integer_to_list(iolist_size(C), 16), "\r\n", C, "\r\n"] || C <- Chunks] ++ ["0\r\n\r\n"])}.

%% What a fun sees of a request in its process.
seen({Fields, Body}, Fun) ->
    Test = self(),
    Socket = request(fun(Req) -> Test ! {seen, catch Fun(Req)}, Req end, "POST", Fields, Body),
    Seen = receive {seen, Term} -> Term after ?PATIENCE -> timeout end,
    ok = gen_tcp:close(Socket),
    Seen.

request(Fun, Method, Fields, Body) ->
    persistent_term:put(?HANDLE, Fun),
    Socket = open(ranch:get_port(?MODULE)),
    send(Socket, [request_head(Method, Fields), Body]),
    Socket.

request_head(Method, Fields) ->
    [Method, " / HTTP/1.1\r\nhost: localhost\r\n", [[Name, ": ", Value, "\r\n"] || {Name, Value} <- Fields], "\r\n"].

body(Socket) ->
    Head = head(Socket),
    {match, [Length]} = re:run(Head, "content-length: ([0-9]+)\r\n", [{capture, all_but_first, list}]),
    received(Socket, list_to_integer(Length)).

chunks(Socket) ->
    Head = head(Socket),
    {match, _} = re:run(Head, "transfer-encoding: chunked\r\n"),
    until(Socket, <<"0\r\n\r\n">>).
