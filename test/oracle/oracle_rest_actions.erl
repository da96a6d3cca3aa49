%% @doc Scenarios: REST handlers, what becomes of a request once its resource is found or not found.
-module(oracle_rest_actions).

-export([tables/0]).

-import(oracle_rest, [scenario/3, scenario/4, request/3, json/0]).

-spec tables() -> [{atom(), [map()]}].
tables() ->
    ok = file:write_file(file(), <<"abcdefghijklmnopqrstuvwxyz">>),
    [{bodies, bodies()},
     {missing, missing()},
     {put, put()},
     {post, post()},
     {patch, patch()},
     {delete, delete()},
     {accepted, accepted()},
     {ranges, ranges()},
     {multipart_ranges, multipart_ranges()},
     {static, static()}].

-spec get(string(), [{iodata(), iodata()}], map()) -> map().
get(Name, Fields, Script) -> scenario(Name, request(<<"GET">>, Fields, <<>>), maps:merge(#{to_html => <<"html">>}, Script)).

-spec sent(string(), binary(), map()) -> map().
sent(Name, Method, Script) ->
    scenario(Name, request(Method, [{<<"content-type">>, <<"application/json">>}], <<"{}">>),
             maps:merge(#{allowed_methods => [Method], content_types_accepted => [{json(), from_json}], from_json => true}, Script)).

%% A fun for a callback that sets a part of the response and returns `Value'.
-spec with_body(term()) -> fun((map(), map()) -> term()).
with_body(Value) -> fun(Req, S) -> {Value, cowboy_req:set_resp_body(<<"body">>, Req), S} end.

-spec with_location(term()) -> fun((map(), map()) -> term()).
with_location(Value) -> fun(Req, S) -> {Value, cowboy_req:set_resp_header(<<"location">>, <<"/set">>, Req), S} end.

%% A file that both nodes see: the 26 letters.
-spec file() -> file:filename().
file() -> filename:join(filename:dirname(code:which(?MODULE)), "oracle_rest_letters.txt").

-spec bodies() -> [map()].
bodies() ->
    File = file(),
    [get("an empty body", [], #{to_html => <<>>}),
     get("iodata", [], #{to_html => ["h", [<<"tm">>, $l]]}),
     get("a file", [], #{to_html => {sendfile, 0, 26, File}}),
     get("a part of a file", [], #{to_html => {sendfile, 3, 5, File}}),
     get("an empty part of a file", [], #{to_html => {sendfile, 3, 0, File}}),
     scenario("HEAD", request(<<"HEAD">>, [], <<>>), #{to_html => <<"html">>}, head),
     scenario("HEAD of a file", request(<<"HEAD">>, [], <<>>), #{to_html => {sendfile, 0, 26, File}}, head),
     get("multiple_choices", [], #{multiple_choices => true}),
     get("multiple_choices with a location", [], #{multiple_choices => with_location(true)}),
     get("a reply of the handler's own", [], #{to_html => fun(Req, S) -> {stop, cowboy_req:reply(418, #{}, <<"tea">>, Req), S} end}),
     (get("two requests on a connection", [], #{}))
     #{steps => [{send, request(<<"GET">>, [], <<>>)}, response, {await, terminate}, {send, request(<<"GET">>, [], <<>>)}, response, {await, terminate, 2}]},
     get("a header set by the provide callback", [], #{to_html => fun(Req, S) -> {<<"x">>, cowboy_req:set_resp_header(<<"content-type">>, <<"a/b">>, Req), S} end}),
     (get("a cookie", [], #{to_html => fun(Req, S) -> {<<"x">>, cowboy_req:set_resp_cookie(<<"a">>, <<"b">>, Req), S} end}))
     #{deviates => [{wire, <<"a=b; Version=1">>, <<"a=b">>, "2.10 has no Version in cookies"}]}].

-spec missing() -> [map()].
missing() ->
    Gone = #{resource_exists => false, previously_existed => true},
    [get("missing", [], #{resource_exists => false}),
     get("previously_existed", [], Gone),
     get("moved_permanently", [], Gone#{moved_permanently => {true, <<"/there">>}}),
     get("moved_temporarily", [], Gone#{moved_temporarily => {true, ["/", <<"there">>]}}),
     get("moved nowhere", [], Gone#{moved_permanently => false, moved_temporarily => false}),
     get("moved_permanently in vain", [], #{resource_exists => false, moved_permanently => {true, <<"/there">>}}),
     get("a body for a missing resource", [], #{resource_exists => with_body(false)}),
     get("stop in previously_existed", [], #{resource_exists => false, previously_existed => stop}),
     get("stop in moved_permanently", [], Gone#{moved_permanently => stop}),
     get("stop in moved_temporarily", [], Gone#{moved_temporarily => stop}),
     scenario("HEAD of a missing resource", request(<<"HEAD">>, [], <<>>), #{resource_exists => false}, head),
     sent("DELETE of a missing resource", <<"DELETE">>, #{resource_exists => false}),
     sent("PATCH of a missing resource", <<"PATCH">>, #{resource_exists => false})].

-spec put() -> [map()].
put() ->
    Put = fun(Name, Script) -> sent(Name, <<"PUT">>, Script) end,
    Created = #{resource_exists => false},
    [Put("PUT", #{}),
     Put("PUT with a body in return", #{from_json => with_body(true)}),
     Put("PUT with choices in return", #{from_json => with_body(true), multiple_choices => true}),
     Put("PUT fails", #{from_json => false}),
     Put("PUT fails with a body", #{from_json => with_body(false)}),
     Put("PUT creates", Created),
     Put("PUT creates with a body in return", Created#{from_json => with_body(true)}),
     Put("PUT creates with a location", Created#{from_json => with_location(true)}),
     Put("PUT to what moved", Created#{moved_permanently => {true, <<"/there">>}}),
     Put("PUT to what has not moved", Created#{moved_permanently => false}),
     Put("PUT in conflict", #{is_conflict => true}),
     Put("PUT creates in conflict", Created#{is_conflict => true}),
     Put("PUT not in conflict", #{is_conflict => false}),
     oracle_rest:unwatched(Put("PUT returns a URI", #{from_json => {true, <<"/there">>}})),
     Put("PUT stops", #{from_json => stop}),
     Put("PUT stops in is_conflict", #{is_conflict => stop}),
     Put("PUT crashes", #{from_json => fun(_, _) -> error(crashed) end}),
     Put("PUT switches", #{from_json => {switch_handler, rest_protocol}}),
     Put("PUT reads its body", #{from_json => fun(Req0, S) ->
         {ok, Body, Req} = cowboy_req:read_body(Req0),
         {true, cowboy_req:set_resp_body(Body, Req), S} end})].

-spec post() -> [map()].
post() ->
    Post = fun(Name, Script) -> sent(Name, <<"POST">>, Script) end,
    Created = #{resource_exists => false},
    [Post("POST", #{}),
     Post("POST with a body in return", #{from_json => with_body(true)}),
     Post("POST fails", #{from_json => false}),
     Post("POST redirects", #{from_json => {true, <<"/there">>}}),
     Post("POST redirects with a body", #{from_json => with_body({true, <<"/there">>})}),
     Post("POST creates", Created#{from_json => {true, <<"/there">>}}),
     Post("POST creates with a body", Created#{from_json => with_body({true, ["/", "there"]})}),
     Post("POST creates with a location", Created#{from_json => with_location(true)}),
     Post("POST to a missing resource creates nothing", Created),
     Post("POST to a missing resource with a body in return", Created#{from_json => with_body(true)}),
     Post("POST to a missing resource fails", Created#{from_json => false}),
     Post("POST to a missing resource not allowed", Created#{allow_missing_post => false}),
     Post("POST to a missing resource allowed", Created#{allow_missing_post => true}),
     Post("POST to what is gone", Created#{previously_existed => true}),
     Post("POST to what is gone not allowed", Created#{previously_existed => true, allow_missing_post => false}),
     Post("POST to what moved", Created#{previously_existed => true, moved_temporarily => {true, <<"/there">>}}),
     Post("POST stops", #{from_json => stop}),
     Post("POST stops in allow_missing_post", Created#{allow_missing_post => stop}),
     Post("POST is not asked for a conflict", #{is_conflict => true})].

-spec patch() -> [map()].
patch() ->
    [sent("PATCH", <<"PATCH">>, #{}),
     sent("PATCH with a body in return", <<"PATCH">>, #{from_json => with_body(true)}),
     sent("PATCH fails", <<"PATCH">>, #{from_json => false}),
     sent("PATCH with a location", <<"PATCH">>, #{from_json => with_location(true)})].

-spec delete() -> [map()].
delete() ->
    Delete = fun(Name, Script) -> scenario(Name, request(<<"DELETE">>, [], <<>>), Script#{allowed_methods => [<<"DELETE">>]}) end,
    [Delete("DELETE without delete_resource", #{}),
     Delete("DELETE", #{delete_resource => true}),
     Delete("DELETE fails", #{delete_resource => false}),
     Delete("DELETE with a body in return", #{delete_resource => with_body(true)}),
     Delete("DELETE not completed", #{delete_resource => true, delete_completed => false}),
     Delete("DELETE not completed, with a body", #{delete_resource => with_body(true), delete_completed => false}),
     Delete("DELETE completed", #{delete_resource => true, delete_completed => true}),
     Delete("DELETE stops", #{delete_resource => stop}),
     Delete("DELETE stops in delete_completed", #{delete_resource => true, delete_completed => stop}),
     Delete("DELETE crashes", #{delete_resource => fun(_, _) -> error(crashed) end})].

-spec accepted() -> [map()].
accepted() ->
    Multipart = {<<"multipart">>, <<"form-data">>, []},
    Form = {<<"application">>, <<"x-www-form-urlencoded">>, '*'},
    Of = fun(Type, Accepted) ->
        scenario(lists:flatten(io_lib:format("content-type ~s for ~p", [Type, Accepted])),
                 request(<<"POST">>, [{<<"content-type">>, Type} || Type =/= none], <<"{}">>),
                 #{allowed_methods => [<<"POST">>], content_types_accepted => [{A, from_json} || A <- Accepted], from_json => true}) end,
    [Of(Type, Accepted) || {Type, Accepted} <- [
        {<<"application/json">>, [json()]}, {<<"application/json">>, [<<"application/json">>]}, {<<"Application/JSON">>, [json()]},
        {<<"application/json;charset=utf-8">>, [json()]}, {<<"application/json;charset=UTF-8">>, [<<"application/json;charset=utf-8">>]},
        {<<"application/json;a=1">>, [{<<"application">>, <<"json">>, '*'}]}, {<<"application/json">>, [{<<"application">>, <<"json">>, '*'}]},
        {<<"application/xml">>, [json()]}, {<<"application/xml">>, [json(), '*']}, {<<"application/xml">>, ['*']}, {none, ['*']}, {none, [json()]},
        {<<"nonsense">>, ['*']}, {<<"nonsense">>, [json()]}, {<<"application/json">>, []},
        {<<"multipart/form-data; boundary=x">>, [Multipart]}, {<<"multipart/form-data; boundary=x; a=b">>, [Multipart]},
        {<<"multipart/form-data; boundary=x">>, [<<"multipart/form-data">>]},
        {<<"application/x-www-form-urlencoded">>, [Form]}, {<<"application/x-www-form-urlencoded">>, [json(), Form]},
        {<<"application/json;b=2;a=1">>, [<<"application/json;a=1;b=2">>]}]]
    ++ [sent("stop in content_types_accepted", <<"POST">>, #{content_types_accepted => stop}),
        sent("switch in content_types_accepted", <<"POST">>, #{content_types_accepted => {switch_handler, rest_protocol}}),
        sent("an accept callback that is not exported", <<"POST">>, #{content_types_accepted => [{json(), from_nowhere}]}),
        scenario("a content type of the first that fits", request(<<"POST">>, [{<<"content-type">>, <<"application/json">>}], <<"{}">>),
                 #{allowed_methods => [<<"POST">>], content_types_accepted => [{'*', from_form}, {json(), from_json}], from_form => with_body(true)})].

%%% Ranges

-spec ranges() -> [map()].
ranges() ->
    Auto = #{ranges_provided => [{<<"bytes">>, auto}], to_html => <<"Hello world!">>},
    Sendfile = Auto#{to_html => {sendfile, 0, 26, file()}},
    Own = #{ranges_provided => [{<<"bytes">>, to_range}, {<<"lines">>, to_range}], to_range => [{{0, 4, 12}, <<"Hello">>}]},
    Range = fun(Value) -> [{<<"range">>, Value}] end,
    Values = [<<"bytes=0-4">>, <<"bytes=0-">>, <<"bytes=6-">>, <<"bytes=11-11">>, <<"bytes=-1">>, <<"bytes=-11">>, <<"bytes=-13">>, <<"bytes=-0">>,
              <<"bytes=12-">>, <<"bytes=5-2">>, <<"bytes=0-100">>, <<"bytes=">>, <<"bytes">>, <<"nonsense">>, <<"bytes=a-b">>, <<"lines=1-2">>,
              <<"bytes=0-1,100-">>, <<"bytes=0-99999999999999999999">>],
    Beyond = fun(Name, Value, Wrong, Right) ->
        (get(Name, Range(Value), Auto))#{deviates => [{wire, Wrong, Right, "a last byte is below the length (RFC 9110 14.4)"}]} end,
    [get("ranges of nothing", Range(<<"bytes=0-1">>), #{}),
     get("ranges_provided of none", Range(<<"bytes=0-1">>), #{ranges_provided => []}),
     get("ranges_provided without a range", [], Own),
     scenario("HEAD with a range", request(<<"HEAD">>, Range(<<"bytes=0-4">>), <<>>), Auto, head)]
    ++ [Beyond("auto, one byte too far", <<"bytes=0-12">>, <<"bytes 0-12/12">>, <<"bytes 0-11/12">>),
        Beyond("auto, one byte too far from within", <<"bytes=3-12">>, <<"bytes 3-12/12">>, <<"bytes 3-11/12">>)]
    ++ [get("auto, " ++ binary_to_list(V), Range(V), Auto) || V <- Values]
    ++ [get("auto of a file, " ++ binary_to_list(V), Range(V), Sendfile) || V <- [<<"bytes=0-4">>, <<"bytes=20-">>, <<"bytes=-3">>, <<"bytes=26-">>]]
    ++ [get("auto of a part of a file", Range(<<"bytes=1-3">>), Auto#{to_html => {sendfile, 5, 10, file()}}),
        get("auto of iodata", Range(<<"bytes=3-7">>), Auto#{to_html => ["Hel", [<<"lo ">>], "world", $!]}),
        get("auto stops", Range(<<"bytes=1-3">>), Auto#{to_html => stop}),
        get("auto without its callback", Range(<<"bytes=1-3">>), Auto#{content_types_provided => [{<<"text/html">>, to_nowhere}]}),
        get("the handler's own", Range(<<"bytes=0-4">>), Own),
        get("the handler's own, of unknown size", Range(<<"bytes=0-4">>), Own#{to_range => [{{0, 4, '*'}, <<"Hello">>}]}),
        get("the handler's own, of another unit", Range(<<"lines=1-2">>), Own#{to_range => [{<<"1-2/9">>, <<"one\ntwo\n">>}]}),
        get("the handler's own, of iodata", Range(<<"lines=1-2">>), Own#{to_range => [{["1-2", <<"/9">>], ["one\n", <<"two\n">>]}]}),
        get("the handler's own, of a file", Range(<<"bytes=0-4">>), Own#{to_range => [{{0, 4, 26}, {sendfile, 0, 5, file()}}]}),
        get("the handler's own, not exported", Range(<<"bytes=0-4">>), Own#{ranges_provided => [{<<"bytes">>, to_nowhere}]}),
        get("the handler's own stops", Range(<<"bytes=0-4">>), Own#{to_range => stop}),
        get("the handler's own crashes", Range(<<"bytes=0-4">>), Own#{to_range => fun(_, _) -> error(crashed) end}),
        get("a unit that is not provided", Range(<<"pages=1-2">>), Own),
        get("range_satisfiable", Range(<<"bytes=0-4">>), Own#{range_satisfiable => true}),
        get("range_satisfiable false", Range(<<"bytes=0-4">>), Own#{range_satisfiable => false}),
        get("range_satisfiable with a size", Range(<<"bytes=0-4">>), Own#{range_satisfiable => {false, 123}}),
        get("range_satisfiable with text", Range(<<"bytes=0-4">>), Own#{range_satisfiable => {false, ["*/", <<"456">>]}}),
        get("range_satisfiable stops", Range(<<"bytes=0-4">>), Own#{range_satisfiable => stop}),
        get("the range is told", Range(<<"bytes=0-4, -2">>), Own#{to_range => fun(#{range := R} = Req, S) -> {[{<<"x">>, io_lib:format("~p", [R])}], Req, S} end})]
    ++ [get(lists:flatten(io_lib:format("if-range: ~s of ~p", [V, Tag])), [{<<"if-range">>, V}, {<<"range">>, <<"bytes=0-4">>}],
            Auto#{generate_etag => Tag, last_modified => {{1994, 11, 6}, {8, 49, 37}}})
        || {V, Tag} <- [{<<"\"x\"">>, {strong, <<"x">>}}, {<<"\"y\"">>, {strong, <<"x">>}}, {<<"W/\"x\"">>, {weak, <<"x">>}}, {<<"\"x\"">>, {weak, <<"x">>}},
                        {<<"Sun, 06 Nov 1994 08:49:37 GMT">>, {strong, <<"x">>}}, {<<"nonsense">>, {strong, <<"x">>}}]]
    ++ [get("if-range without a range", [{<<"if-range">>, <<"\"y\"">>}], Auto#{generate_etag => {strong, <<"x">>}})].

-spec multipart_ranges() -> [map()].
multipart_ranges() ->
    Auto = #{ranges_provided => [{<<"bytes">>, auto}], to_html => <<"Hello world!">>},
    Range = fun(Value) -> [{<<"range">>, Value}] end,
    [exchange(S) || S <- [get("two ranges", Range(<<"bytes=0-4, 6-">>), Auto),
     get("three ranges", Range(<<"bytes=0-2, 4-4, -2">>), Auto),
     get("two ranges of a file", Range(<<"bytes=0-4, -2">>), Auto#{to_html => {sendfile, 0, 26, file()}}),
     get("two ranges of the handler's own", Range(<<"bytes=0-4, -2">>),
         #{ranges_provided => [{<<"bytes">>, to_range}], to_range => [{{0, 4, 12}, <<"Hello">>}, {{10, 11, 12}, ["d", <<"!">>]}]}),
     get("two ranges of the handler's own, one of them a file", Range(<<"bytes=0-4, -2">>),
         #{ranges_provided => [{<<"bytes">>, to_range}], to_range => [{{0, 4, 12}, <<"Hello">>}, {{10, 11, 12}, {sendfile, 2, 3, file()}}]}),
     get("two ranges of another unit", Range(<<"lines=1,3">>),
         #{ranges_provided => [{<<"lines">>, to_range}], to_range => [{<<"1">>, <<"one">>}, {<<"3">>, <<"three">>}]}),
     get("two ranges, of which one is too far", Range(<<"bytes=0-4, 12-">>), Auto)]].

%% Seen line by line, without the boundary, which is random.
-spec exchange(map()) -> map().
exchange(#{steps := [{send, Request}, response, Terminated]} = Scenario) ->
    Closing = binary:replace(iolist_to_binary(Request), <<"host: localhost">>, <<"host: localhost\r\nconnection: close">>),
    Scenario#{steps := [{node, fun(#{ref := Ref}) -> lines(Closing, ranch:get_port(Ref)) end}, Terminated]}.

-spec lines(binary(), inet:port_number()) -> [binary()].
lines(Request, Port) ->
    [Head, Body] = binary:split(raw_client:exchange(Port, Request), <<"\r\n\r\n">>),
    {head, Status, Fields} = oracle_http:head(Head),
    [Status, Fields | binary:split(Body, <<"\r\n">>, [global])].

%%% Files

%% `cowboy_static' by itself, and wrapped.
-spec static() -> [map()].
static() ->
    Requests = [{<<"GET">>, []}, {<<"HEAD">>, []}, {<<"OPTIONS">>, []}, {<<"POST">>, []}, {<<"GET">>, [{<<"range">>, <<"bytes=2-5">>}]},
                {<<"GET">>, [{<<"accept">>, <<"text/plain">>}]}, {<<"GET">>, [{<<"if-none-match">>, <<"*">>}]},
                {<<"GET">>, [{<<"if-modified-since">>, <<"Wed, 06 Nov 2069 08:49:37 GMT">>}]}],
    Options = [{"a file", {file, file()}}, {"a charset", {file, file(), [{charset, <<"utf-8">>}, {mimetypes, <<"text/plain">>}]}},
               {"a directory", {file, filename:dirname(file())}}, {"nothing", {file, file() ++ ".none"}}],
    [served(Handler, What, Method, Fields, Static)
     || {What, Static} <- Options, {Method, Fields} <- Requests, Handler <- [cowboy_static, rest_wrapped_static]].

-spec served(module(), string(), binary(), [{binary(), binary()}], tuple()) -> map().
served(Handler, What, Method, Fields, Static) ->
    Routes = fun(Script) ->
        Opts = case Handler of cowboy_static -> Static; _ -> Script#{static => Static} end,
        [{'_', [{"/ws", Handler, Opts}]}] end,
    #{name => lists:flatten(io_lib:format("~s of ~s by ~s ~p", [Method, What, Handler, Fields])), routes => Routes,
      steps => [{send, request(Method, Fields, <<>>)}, case Method of <<"HEAD">> -> head; _ -> response end]}.
