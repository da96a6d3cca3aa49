%% @doc Scenarios: REST handlers, from the checks of the request to its preconditions.
-module(oracle_rest).

-export([tables/0]).
-export([scenario/3, scenario/4, unwatched/1, request/3, json/0]).



-spec tables() -> [{atom(), [map()]}].
tables() ->
    [{checks, checks()},
     {stops, stops()},
     {switches, switches()},
     {crashes, crashes()},
     {bare, bare()},
     {media_types, media_types()},
     {languages, languages()},
     {charsets, charsets()},
     {variances, variances()},
     {preconditions, preconditions()}].

%%% Building blocks

%% A request that the scripted handler answers. The client stays until the handler is done, for its leaving ends a request.
-spec scenario(string(), iodata(), map()) -> map().
scenario(Name, Bytes, Script) -> scenario(Name, Bytes, Script, response).

-spec scenario(string(), iodata(), map(), oracle_run:step()) -> map().
scenario(Name, Bytes, Script, Seen) ->
    #{name => Name, handler => rest_scripted, script => Script#{watch_init => true}, steps => [{send, Bytes}, Seen, {await, terminate}]}.

-spec request(binary()) -> iodata().
request(Method) -> request(Method, [], <<>>).

%% A request of the resource, with a body if there is one.
-spec request(binary(), [{iodata(), iodata()}], binary()) -> iodata().
request(Method, Fields, <<>>) ->
    oracle_run:request([Method, <<" /ws HTTP/1.1">>], Fields);
request(Method, Fields, Body) ->
    Length = {<<"content-length">>, integer_to_binary(byte_size(Body))},
    [oracle_run:request([Method, <<" /ws HTTP/1.1">>], [Length | Fields]), Body].

-spec get(string(), [{iodata(), iodata()}], map()) -> map().
get(Name, Fields, Script) -> scenario(Name, request(<<"GET">>, Fields, <<>>), maps:merge(#{to_html => <<"html">>}, Script)).

-spec all_methods() -> [binary()].
all_methods() -> [<<"GET">>, <<"HEAD">>, <<"POST">>, <<"PUT">>, <<"PATCH">>, <<"DELETE">>, <<"OPTIONS">>].

-spec json() -> {binary(), binary(), list()}.
json() -> {<<"application">>, <<"json">>, []}.

%% Three media types of different kinds.
-spec types() -> [{term(), atom()}].
types() -> [{json(), to_json}, {<<"text/plain">>, to_text}, {{<<"text">>, <<"html">>, '*'}, to_html}].

%%% Checks

-spec checks() -> [map()].
checks() ->
    [get("every callback in its place", [], #{}),
     get("service_available", [], #{service_available => false}),
     get("known_methods", [], #{known_methods => [<<"POST">>]}),
     get("uri_too_long", [], #{uri_too_long => true}),
     get("allowed_methods", [], #{allowed_methods => [<<"POST">>, <<"PUT">>]}),
     get("allowed_methods of none", [], #{allowed_methods => []}),
     get("malformed_request", [], #{malformed_request => true}),
     get("is_authorized", [], #{is_authorized => {false, <<"Basic realm=\"x\"">>}}),
     get("is_authorized with iodata", [], #{is_authorized => {false, [<<"Basic">>, " realm=x"]}}),
     get("is_authorized true", [], #{is_authorized => true}),
     get("forbidden", [], #{forbidden => true}),
     get("rate_limited for seconds", [], #{rate_limited => {true, 120}}),
     get("rate_limited until a date", [], #{rate_limited => {true, {{2030, 1, 2}, {3, 4, 5}}}}),
     get("rate_limited false", [], #{rate_limited => false}),
     get("valid_content_headers", [], #{valid_content_headers => false}),
     get("valid_entity_length", [], #{valid_entity_length => false}),
     get("a value that is neither true nor false counts as unexpected", [], #{service_available => maybe_not}),
     get("a body set before an error is sent", [], #{forbidden => fun(Req, S) -> {true, cowboy_req:set_resp_body(<<"no">>, Req), S} end}),
     get("headers set before an error are sent", [], #{forbidden => fun(Req, S) -> {true, cowboy_req:set_resp_header(<<"x-why">>, <<"no">>, Req), S} end}),
     get("a content-type without a body is not sent", [],
         #{malformed_request => fun(Req, S) -> {true, cowboy_req:set_resp_header(<<"content-type">>, <<"a/b">>, Req), S} end}),
     scenario("OPTIONS", request(<<"OPTIONS">>), #{}),
     scenario("OPTIONS of other methods", request(<<"OPTIONS">>), #{allowed_methods => [<<"PUT">>, <<"OPTIONS">>]}),
     scenario("OPTIONS not allowed", request(<<"OPTIONS">>), #{allowed_methods => [<<"GET">>]}),
     scenario("OPTIONS of the handler's own", request(<<"OPTIONS">>),
              #{options => fun(Req, S) -> {ok, cowboy_req:set_resp_header(<<"x-own">>, <<"1">>, Req), S} end}),
     scenario("an unknown method", request(<<"BREW">>), #{}),
     scenario("an unknown method that the handler knows", request(<<"BREW">>), #{known_methods => [<<"BREW">>], allowed_methods => [<<"BREW">>]}),
     scenario("an unknown method that the handler answers", request(<<"BREW">>),
              #{known_methods => [<<"BREW">>], allowed_methods => [<<"BREW">>],
                multiple_choices => fun(Req, S) -> {false, cowboy_req:set_resp_body(<<"tea">>, Req), S} end})]
    ++ [scenario("the default for " ++ binary_to_list(Method), request(Method), #{to_html => <<"html">>}, head) || Method <- all_methods()].

%%% Ways out

-spec callbacks() -> [atom()].
callbacks() ->
    [service_available, known_methods, uri_too_long, allowed_methods, malformed_request, is_authorized, forbidden, rate_limited,
     valid_content_headers, valid_entity_length, content_types_provided, languages_provided, charsets_provided, ranges_provided,
     resource_exists, multiple_choices, to_html].

-spec stops() -> [map()].
stops() ->
    [get(lists:concat(["stop in ", Callback]), [], #{Callback => stop}) || Callback <- callbacks()]
    ++ [get("stop after a reply", [], #{forbidden => fun(Req, S) -> {stop, cowboy_req:reply(203, #{}, <<"mine">>, Req), S} end}),
        get("stop after a streamed reply", [], #{to_html => fun(Req0, S) ->
            Req = cowboy_req:stream_reply(200, Req0),
            ok = cowboy_req:stream_body(<<"a">>, nofin, Req),
            ok = cowboy_req:stream_body(<<"b">>, fin, Req),
            {stop, Req, S} end}),
        get("state goes from callback to callback", [], #{forbidden => fun(Req, S) -> {false, Req, S#{to_html => <<"changed">>}} end}),
        get("Req goes from callback to callback", [], #{
            forbidden => fun(Req, S) -> {false, Req#{mine => <<"kept">>}, S} end,
            to_html => fun(#{mine := Kept} = Req, S) -> {Kept, Req, S} end})].

-spec switches() -> [map()].
switches() ->
    Loop = fun(Name, Switched) ->
        get(Name, [], #{
            to_html => fun(Req, S) ->
                self() ! more,
                {Switched, cowboy_req:stream_reply(200, Req), S} end,
            info => fun
                (more, Req, S) ->
                    ok = cowboy_req:stream_body(<<"a">>, nofin, Req),
                    self() ! last,
                    {ok, Req, S};
                (last, Req, S) ->
                    ok = cowboy_req:stream_body(<<"b">>, fin, Req),
                    {stop, Req, S}
            end}) end,
    Switch = fun(Name, Value) -> get(Name, [], #{forbidden => Value}) end,
    [Switch("switch_handler to another protocol", fun(Req, S) -> {{switch_handler, rest_protocol}, Req, S} end),
     Switch("switch_handler with options", fun(Req, S) -> {{switch_handler, rest_protocol, #{opt => 1}}, Req, S} end),
     Switch("switch_handler to cowboy_rest", fun(Req, S) -> {{switch_handler, cowboy_rest}, Req, S#{forbidden => false}} end),
     get("a protocol that hands its requests on", [], #{init => fun(Req, S) -> {rest_protocol, Req, S, hand_on} end}),
     get("a protocol that hands its requests on with options", [], #{init => fun(Req, S) -> {rest_protocol, Req, S, hand_on_with_options} end}),
     get("options of REST", [], #{init => fun(Req, S) -> {cowboy_rest, Req, S, #{}} end}),
     Loop("switch_handler to cowboy_loop", {switch_handler, cowboy_loop}),
     Loop("switch_handler to cowboy_loop, asleep", {switch_handler, cowboy_loop, hibernate}),
     get("switch_handler in a provide callback", [], #{to_html => {switch_handler, rest_protocol}})].

-spec crashes() -> [map()].
crashes() ->
    Crash = fun(Name, Callback, Fun) -> get(Name, [], #{Callback => Fun}) end,
    [Crash(lists:concat(["a crash in ", Callback]), Callback, fun(_, _) -> error(crashed) end)
     || Callback <- callbacks() ++ [variances, generate_etag, last_modified, expires]]
    ++ [Crash("an exit", forbidden, fun(_, _) -> exit(crashed) end),
        Crash("a throw", forbidden, fun(_, _) -> throw(crashed) end),
        Crash("a request_error", malformed_request, fun(Req, S) -> {cowboy_req:match_qs([a], Req), Req, S} end),
        Crash("a crash after a reply", forbidden, fun(Req, _) -> _ = cowboy_req:reply(200, Req), error(crashed) end),
        unwatched(Crash("a bad return", forbidden, fun(_, _) -> true end)),
        unwatched(get("a bad value of is_authorized", [], #{is_authorized => false})),
        get("a provide callback that is not exported", [], #{content_types_provided => [{<<"text/html">>, to_nowhere}]}),
        unwatched(get("a media type that cannot be parsed", [], #{content_types_provided => [{<<"html">>, to_html}]})),
        get("terminate crashes", [], #{terminate => fun(_, _, _) -> error(crashed) end})].

%% The same where no `terminate/3' follows, and where how the process ends says more of its insides than a handler can know.
-spec unwatched(map()) -> map().
unwatched(#{script := Script, steps := Steps} = Scenario) ->
    Scenario#{script := maps:remove(watch_init, Script), steps := lists:droplast(Steps)}.

-spec bare() -> [map()].
bare() ->
    [(scenario("without callbacks: " ++ binary_to_list(Method), request(Method, [], Body), #{}, head))#{handler => rest_bare, steps => [{send, request(Method, [], Body)}, head]}
     || {Method, Body} <- [{M, <<>>} || M <- all_methods()] ++ [{<<"BREW">>, <<>>}]].

%%% Content negotiation

-spec media_types() -> [map()].
media_types() ->
    Provided = #{content_types_provided => types(), to_json => <<"{}">>, to_text => <<"text">>},
    Accept = fun(Value) -> get("accept: " ++ binary_to_list(Value), [{<<"accept">>, Value}], Provided) end,
    One = fun(Value, Type) ->
        get(lists:flatten(io_lib:format("accept: ~s of ~p", [Value, Type])), [{<<"accept">>, Value}], #{content_types_provided => [{Type, to_html}]}) end,
    Text = fun(Parameters) -> {<<"text">>, <<"html">>, Parameters} end,
    [get("no accept", [], Provided),
     get("no types", [], #{content_types_provided => []}),
     get("no accept, any parameters", [], #{content_types_provided => [{Text('*'), to_html}]}),
     get("no accept, parameters", [], #{content_types_provided => [{Text([{<<"a">>, <<"1">>}, {<<"b">>, <<"2">>}]), to_html}]}),
     get("no accept, a charset parameter", [], #{content_types_provided => [{Text([{<<"charset">>, <<"utf-8">>}]), to_html}]}),
     get("no accept, text", [], #{content_types_provided => [{<<"TEXT/Html; Charset=UTF-8">>, to_html}]})]
    ++ [Accept(V) || V <- [<<"*/*">>, <<"text/*">>, <<"text/html">>, <<"text/plain">>, <<"application/json">>, <<"application/xml">>,
                           <<"text/html, application/json">>, <<"application/json, text/html">>, <<"text/html, text/plain, application/json">>,
                           <<"text/html;q=0.5, application/json;q=0.4">>, <<"text/html;q=0.5, */*;q=0.5">>, <<"*/*, text/plain">>,
                           <<"text/*, text/plain;q=0.9">>, <<"text/plain;q=0.2, text/*;q=0.2, */*;q=0.2">>, <<"application/json;q=0">>,
                           <<"application/json;q=0, */*">>, <<"text/html;level=1">>, <<"text/html;level=1;q=0.3, text/plain;q=0.1">>,
                           <<"text/plain;level=1">>, <<"text/html;charset=utf-8">>, <<"text/plain;charset=utf-8">>, <<"TEXT/PLAIN">>,
                           <<"nonsense">>, <<"">>, <<",">>, <<"text/html;q=2">>, <<"image/png, */*;q=0.1">>, <<"*/*;level=1">>]]
    ++ [One(<<"text/html">>, Text([])), One(<<"text/html;a=1">>, Text([])), One(<<"text/html;a=1">>, Text([{<<"a">>, <<"1">>}])),
        One(<<"text/html;b=2;a=1">>, Text([{<<"a">>, <<"1">>}, {<<"b">>, <<"2">>}])), One(<<"text/html">>, Text([{<<"a">>, <<"1">>}])),
        One(<<"text/html;charset=utf-8">>, Text([{<<"charset">>, <<"utf-8">>}])), One(<<"text/html;charset=UTF-8">>, Text([{<<"charset">>, <<"utf-8">>}])),
        One(<<"text/html;charset=latin1">>, Text([{<<"charset">>, <<"utf-8">>}])), One(<<"text/html;charset=x">>, Text('*')),
        One(<<"application/json;charset=utf-8">>, {<<"application">>, <<"json">>, [{<<"charset">>, <<"utf-8">>}]}),
        One(<<"application/json;a=b">>, {<<"application">>, <<"json">>, '*'}), One(<<"*/*;charset=utf-8">>, Text('*'))]
    ++ [get(lists:concat(["a charset in accept: ", binary_to_list(Charset)]), [{<<"accept">>, <<"text/html;charset=", Charset/binary>>}],
            #{charsets_provided => [<<"utf-8">>, <<"utf-16">>], content_types_provided => [{Text('*'), to_html}]})
        || Charset <- [<<"utf-8">>, <<"utf-16">>, <<"latin1">>]].

-spec languages() -> [map()].
languages() ->
    Provided = #{languages_provided => [<<"en">>, <<"de-at">>, <<"da">>]},
    Accept = fun(Value) -> get("accept-language: " ++ binary_to_list(Value), [{<<"accept-language">>, Value}], Provided) end,
    [get("no accept-language", [], Provided),
     get("no languages", [], #{languages_provided => []}),
     get("one language", [], #{languages_provided => [<<"en">>]})]
    ++ [Accept(V) || V <- [<<"en">>, <<"de">>, <<"de-at">>, <<"de-de">>, <<"da, en">>, <<"en, da">>, <<"da;q=0.8, en;q=0.9">>, <<"*">>, <<"fr">>, <<"fr, *;q=0.1">>,
                           <<"en;q=0">>, <<"EN">>, <<"e">>]]
    ++ [unwatched(Accept(<<"nonsense nonsense">>))].

-spec charsets() -> [map()].
charsets() ->
    Provided = #{charsets_provided => [<<"utf-8">>, <<"iso-8859-1">>, <<"utf-16">>]},
    Accept = fun(Value) -> get("accept-charset: " ++ binary_to_list(Value), [{<<"accept-charset">>, Value}], Provided) end,
    [get("no accept-charset", [], Provided),
     get("no charsets", [], #{charsets_provided => []}),
     get("one charset", [], #{charsets_provided => [<<"utf-8">>]}),
     get("a charset of a type that is no text", [], Provided#{content_types_provided => [{<<"application/json">>, to_html}]}),
     get("a charset with parameters", [], Provided#{content_types_provided => [{<<"text/html;a=1">>, to_html}]})]
    ++ [Accept(V) || V <- [<<"utf-8">>, <<"UTF-8">>, <<"utf-16, utf-8">>, <<"utf-8;q=0.3, utf-16;q=0.4">>, <<"*">>, <<"*;q=0">>, <<"utf-8;q=0">>,
                           <<"koi8-r">>, <<"koi8-r, *;q=0.1">>]]
    ++ [unwatched(Accept(<<"utf-8;q=nonsense">>))].

-spec variances() -> [map()].
variances() ->
    Several = #{content_types_provided => types(), to_json => <<"{}">>, languages_provided => [<<"en">>, <<"de">>],
                charsets_provided => [<<"utf-8">>, <<"utf-16">>]},
    [get("vary by everything", [], Several),
     get("vary by everything and more", [], Several#{variances => [<<"cookie">>, <<"x-a">>]}),
     get("vary by the handler's own", [], #{variances => [<<"cookie">>]}),
     get("vary by nothing", [], #{variances => []}),
     get("vary by languages", [], #{languages_provided => [<<"en">>, <<"de">>]}),
     get("what was negotiated is told", [{<<"accept">>, <<"text/plain">>}, {<<"accept-language">>, <<"de">>}, {<<"accept-charset">>, <<"utf-16">>}],
         Several#{to_text => fun(#{media_type := M, language := L, charset := C} = Req, S) ->
             {io_lib:format("~p ~p ~p", [M, L, C]), Req, S} end})].

%%% Preconditions

-spec preconditions() -> [map()].
preconditions() ->
    Old = <<"Sun, 06 Nov 1994 08:49:37 GMT">>,
    New = <<"Wed, 06 Nov 2019 08:49:37 GMT">>,
    Future = <<"Wed, 06 Nov 2069 08:49:37 GMT">>,
    Date = {{2010, 1, 1}, {0, 0, 0}},
    Strong = #{generate_etag => {strong, <<"x">>}, last_modified => Date, expires => {{2031, 1, 1}, {0, 0, 0}}},
    Weak = Strong#{generate_etag => {weak, <<"x">>}},
    Fields = [[{<<"if-match">>, <<"\"x\"">>}], [{<<"if-match">>, <<"\"y\"">>}], [{<<"if-match">>, <<"\"y\", \"x\"">>}], [{<<"if-match">>, <<"W/\"x\"">>}],
              [{<<"if-match">>, <<"*">>}],
              [{<<"if-none-match">>, <<"\"x\"">>}], [{<<"if-none-match">>, <<"\"y\"">>}], [{<<"if-none-match">>, <<"W/\"x\"">>}],
              [{<<"if-none-match">>, <<"*">>}],
              [{<<"if-modified-since">>, Old}], [{<<"if-modified-since">>, New}], [{<<"if-modified-since">>, Future}], [{<<"if-modified-since">>, <<"nonsense">>}],
              [{<<"if-unmodified-since">>, Old}], [{<<"if-unmodified-since">>, New}], [{<<"if-unmodified-since">>, <<"nonsense">>}],
              [{<<"if-match">>, <<"\"x\"">>}, {<<"if-unmodified-since">>, Old}], [{<<"if-none-match">>, <<"\"y\"">>}, {<<"if-modified-since">>, New}],
              [{<<"if-match">>, <<"\"x\"">>}, {<<"if-none-match">>, <<"\"x\"">>}]],
    Some = [[{<<"if-match">>, <<"\"x\"">>}], [{<<"if-none-match">>, <<"\"x\"">>}], [{<<"if-none-match">>, <<"*">>}],
            [{<<"if-modified-since">>, New}], [{<<"if-unmodified-since">>, Old}]],
    [get(title("strong", F), F, Strong) || F <- [[] | Fields]]
    ++ [get(title("weak", F), F, Weak) || F <- [[] | Some] ++ [[{<<"if-match">>, <<"W/\"x\"">>}], [{<<"if-none-match">>, <<"W/\"x\"">>}]]]
    ++ [get(title("without validators", F), F, #{}) || F <- Some]
    ++ [get(title("missing", F), F, Strong#{resource_exists => false}) || F <- Some]
    ++ [scenario(title("HEAD", F), request(<<"HEAD">>, F, <<>>), Strong#{to_html => <<"html">>}, head) || F <- Some]
    ++ [scenario(title("PUT", F), request(<<"PUT">>, [{<<"content-type">>, <<"application/json">>} | F], <<"{}">>),
                 Strong#{allowed_methods => [<<"PUT">>], content_types_accepted => [{json(), from_json}], from_json => true}) || F <- Some]
    ++ [unwatched(get(title("malformed", F), F, Strong)) || F <- [[{<<"if-match">>, <<"nonsense">>}], [{<<"if-none-match">>, <<"nonsense">>}]]]
    ++ [get("an entity tag as text", [], #{generate_etag => <<"\"x\"">>}),
        get("a weak entity tag as text", [], #{generate_etag => <<"W/\"x\"">>}),
        get("an entity tag as text that is none", [], #{generate_etag => <<"x">>}),
        get("no entity tag this time", [], #{generate_etag => undefined}),
        get("no date this time", [], #{last_modified => undefined}),
        get("no date this time, and one asked about", [{<<"if-modified-since">>, New}], #{last_modified => undefined}),
        get("no date this time, and another asked about", [{<<"if-unmodified-since">>, New}], #{last_modified => undefined}),
        get("no entity tag this time, and one asked about", [{<<"if-none-match">>, <<"\"x\"">>}], #{generate_etag => undefined}),
        get("no entity tag this time, and one demanded", [{<<"if-match">>, <<"\"x\"">>}], #{generate_etag => undefined}),
        get("expires as text", [], #{expires => <<"0">>}),
        get("no expiry", [], #{expires => undefined})].

-spec title(string(), [{binary(), binary()}]) -> string().
title(What, []) -> What;
title(What, Fields) -> lists:flatten([What, [io_lib:format(", ~s: ~s", [N, V]) || {N, V} <- Fields]]).
