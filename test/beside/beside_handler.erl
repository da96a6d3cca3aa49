%% @doc One handler of Cowboy 2 that does what its route says, by the `cowboy_req' that is in the code path.
-module(beside_handler).

-export([init/2, terminate/3]).
-export([execute/2, resume/2]).

-spec init(map(), atom()) -> {ok, map(), atom()}.
init(Req, Action) ->
    {ok, act(Action, Req), Action}.

-spec terminate(term(), map(), term()) -> ok.
terminate(Reason, #{path := Path}, Action) ->
    beside_node:note({terminate, Path, class(Reason), Action}).

-spec class(term()) -> term().
class({crash, Class, _}) -> {crash, Class};
class(Reason) -> Reason.

%% A middleware that suspends the request's process.
-spec execute(map(), map()) -> {ok, map(), map()} | {suspend, module(), atom(), [term()]}.
execute(#{path := <<"/suspend">>} = Req, Env) ->
    self() ! continue,
    {suspend, ?MODULE, resume, [Req, Env]};
execute(Req, Env) ->
    {ok, Req, Env}.

-spec resume(map(), map()) -> {ok, map(), map()}.
resume(Req, Env) ->
    receive continue -> {ok, cowboy_req:set_resp_header(<<"x-resumed">>, <<"yes">>, Req), Env} end.

-spec act(atom(), map()) -> map().
act(reply, Req0) ->
    Req = cowboy_req:set_resp_headers(#{<<"x-set">> => [<<"be">>, <<"fore">>]}, Req0),
    cowboy_req:reply(200, #{<<"content-type">> => <<"text/plain">>}, [<<"hello ">>, cowboy_req:qs(Req)], Req);
act(describe, Req) ->
    Said = [cowboy_req:method(Req), cowboy_req:host(Req), cowboy_req:path(Req), cowboy_req:scheme(Req),
        cowboy_req:version(Req), cowboy_req:host_info(Req), cowboy_req:path_info(Req), cowboy_req:bindings(Req),
        cowboy_req:match_qs([{a, int, 7}, {b, [], <<"none">>}], Req), cowboy_req:parse_cookies(Req),
        cowboy_req:parse_header(<<"accept">>, Req), cowboy_req:has_body(Req), cowboy_req:body_length(Req),
        element(1, cowboy_req:peer(Req)), lists:sort(maps:keys(maps:without([resp_headers], Req)))],
    cowboy_req:reply(200, #{}, io_lib:format("~0p", [Said]), Req);
act(cookies, Req0) ->
    Req1 = cowboy_req:set_resp_cookie(<<"one">>, <<"1">>, Req0),
    Req2 = cowboy_req:set_resp_cookie(<<"two">>, <<"2">>, Req1, #{path => <<"/">>, http_only => true}),
    cowboy_req:reply(200, Req2);
act(status, Req) ->
    cowboy_req:reply(<<"299 Quite Fine">>, Req);
act(no_content, Req) ->
    cowboy_req:reply(204, Req);
act(file, Req) ->
    cowboy_req:reply(200, #{}, {sendfile, 3, 20, code:which(?MODULE)}, Req);
act(nothing, Req) ->
    Req;
act(body, Req0) ->
    {ok, Body, Req} = cowboy_req:read_body(Req0),
    cowboy_req:reply(200, #{}, [Body, io_lib:format(" ~p", [cowboy_req:body_length(Req)])], Req);
act(pieces, Req0) ->
    {Body, Req} = pieces(#{length => 4, period => 10000}, Req0, <<>>),
    cowboy_req:reply(200, #{}, Body, Req);
act(auto, Req0) ->
    {Body, Req} = pieces(#{length => auto, period => 10000}, Req0, <<>>),
    cowboy_req:reply(200, #{}, Body, Req);
act(form, Req0) ->
    {ok, Form, Req} = cowboy_req:read_urlencoded_body(Req0, #{length => 1000}),
    cowboy_req:reply(200, #{}, io_lib:format("~0p", [Form]), Req);
act(matched_form, Req0) ->
    {ok, Form, Req} = cowboy_req:read_and_match_urlencoded_body([{n, int}], Req0),
    cowboy_req:reply(200, #{}, io_lib:format("~0p", [Form]), Req);
act(multipart, Req0) ->
    {Parts, Req} = parts(cowboy_req:read_part(Req0), []),
    cowboy_req:reply(200, #{}, io_lib:format("~0p", [Parts]), Req);
act(stream, Req0) ->
    Req = cowboy_req:stream_reply(200, #{<<"x-kind">> => <<"stream">>}, Req0),
    cowboy_req:stream_body(<<"one">>, nofin, Req),
    cowboy_req:stream_body(<<>>, nofin, Req),
    cowboy_req:stream_body([<<"t">>, "wo"], nofin, Req),
    cowboy_req:stream_body({sendfile, 0, 10, code:which(?MODULE)}, nofin, Req),
    cowboy_req:stream_body(<<"end">>, fin, Req),
    Req;
act(unended, Req0) ->
    Req = cowboy_req:stream_reply(200, Req0),
    cowboy_req:stream_body(<<"one">>, nofin, Req),
    Req;
act(sized, Req0) ->
    Req = cowboy_req:stream_reply(200, #{<<"content-length">> => <<"6">>}, Req0),
    cowboy_req:stream_body(<<"abc">>, nofin, Req),
    cowboy_req:stream_body(<<"def">>, fin, Req),
    Req;
act(large, Req0) ->
    Req = cowboy_req:stream_reply(200, Req0),
    [cowboy_req:stream_body(binary:copy(<<N>>, 100000), nofin, Req) || N <- lists:seq($a, $z)],
    Req;
act(events, Req0) ->
    Req = cowboy_req:stream_reply(200, #{<<"content-type">> => <<"text/event-stream">>}, Req0),
    cowboy_req:stream_events(#{id => <<"1">>, event => <<"e">>, data => <<"a\nb">>}, nofin, Req),
    cowboy_req:stream_events([#{comment => <<"c">>, retry => 5}], fin, Req),
    Req;
act(trailers, Req0) ->
    Req = cowboy_req:stream_reply(200, #{<<"trailer">> => <<"x-sum">>}, Req0),
    cowboy_req:stream_body(<<"one">>, nofin, Req),
    cowboy_req:stream_trailers(#{<<"x-sum">> => <<"1">>}, Req),
    Req;
act(inform, Req) ->
    cowboy_req:inform(103, #{<<"link">> => <<"</style.css>; rel=preload">>}, Req),
    cowboy_req:push(<<"/style.css">>, #{}, Req),
    cowboy_req:cast({set_options, #{}}, Req),
    cowboy_req:cast(unknown, Req),
    cowboy_req:reply(200, Req);
act(error, _) ->
    error(on_purpose);
act(throw, _) ->
    throw(on_purpose);
act(exit, _) ->
    exit(on_purpose);
act(exit_normal, _) ->
    exit(normal);
act(exit_shutdown, _) ->
    exit({shutdown, quietly});
act(killed, _) ->
    exit(self(), kill),
    receive never -> ok end;
act(bad_header, Req) ->
    _ = cowboy_req:parse_header(<<"content-length">>, Req#{headers => #{<<"content-length">> => <<"x">>}}),
    Req;
act(replied_then_error, Req) ->
    _ = cowboy_req:reply(200, #{}, <<"fine">>, Req),
    error(on_purpose);
act(streamed_then_error, Req0) ->
    Req = cowboy_req:stream_reply(200, Req0),
    cowboy_req:stream_body(<<"one">>, nofin, Req),
    error(on_purpose).

-spec pieces(map(), map(), binary()) -> {binary(), map()}.
pieces(Opts, Req0, Read) ->
    case cowboy_req:read_body(Req0, Opts) of
        {more, Data, Req} -> pieces(Opts, Req, <<Read/binary, Data/binary>>);
        {ok, Data, Req} -> {<<Read/binary, Data/binary>>, Req}
    end.

-spec parts({ok, map(), map()} | {done, map()}, [term()]) -> {[term()], map()}.
parts({ok, Headers, Req0}, Parts) ->
    {ok, Body, Req} = cowboy_req:read_part_body(Req0),
    parts(cowboy_req:read_part(Req), [{maps:to_list(Headers), Body} | Parts]);
parts({done, Req}, Parts) ->
    {lists:reverse(Parts), Req}.
