%% Routes are found as Cowboy finds them.
-module(farrier_router_tests).

-include_lib("eunit/include/eunit.hrl").

%%% The same answers as a real Cowboy

%% What Cowboy 2.8.0 answered, see router_expectations.escript.
random_routes_are_matched_as_by_cowboy_test_() ->
    {ok, Tables} = file:consult("test/router_expectations.terms"),
    [{lists:flatten(io_lib:format("~0p", [Routes])), fun() -> check_table(Routes, Expected) end}
        || {Routes, Expected} <- Tables].

check_table(Routes, badarg) ->
    ?assertError({badarg, _}, farrier_router:compile(Routes));
check_table(Routes, Expected) ->
    Dispatch = farrier_router:compile(Routes),
    [?assertEqual({Host, Path, Answer}, {Host, Path, answer(farrier_router:match(Dispatch, Host, Path))})
        || {Host, Path, Answer} <- Expected].

answer({ok, Handler, _, Bindings, HostInfo, PathInfo}) -> {Handler, Bindings, HostInfo, PathInfo};
answer({error, notfound, path}) -> 404;
answer({error, _, _}) -> 400.

%% What a real Cowboy 2 compiles to is understood as well, so that it may live beside farrier.
dispatch_of_a_real_cowboy_is_understood_test() ->
    Dispatch = [
        {[<<"b">>, <<"a">>], [], [{[<<"x">>, y], [{y, int}], h, o}]},
        {'_', [], [{<<"*">>, [], star, o}, {[<<"r">>, '...'], [], rest, o}, {'_', [], any, o}]}
    ],
    ?assertEqual({ok, h, o, #{y => 1}, undefined, undefined}, farrier_router:match(Dispatch, <<"a.b">>, <<"/x/1">>)),
    ?assertEqual({error, notfound, path}, farrier_router:match(Dispatch, <<"a.b">>, <<"/x/z">>)),
    ?assertEqual({ok, star, o, #{}, undefined, undefined}, farrier_router:match(Dispatch, <<"c">>, <<"*">>)),
    ?assertEqual({ok, rest, o, #{}, undefined, [<<"1">>]}, farrier_router:match(Dispatch, <<"c">>, <<"/r/1">>)),
    ?assertEqual({ok, any, o, #{}, undefined, undefined}, farrier_router:match(Dispatch, <<"c">>, <<"/other">>)).

%%% The first rule that matches wins

first_rule_wins_over_a_literal_behind_it_test() ->
    Routes = [{"/:x", binding, o}, {"/a", literal, o}, {"/b/c", deep, o}],
    ?assertMatch({ok, binding, _, #{x := <<"a">>}, _, _}, match(Routes, <<"/a">>)),
    ?assertMatch({ok, deep, _, _, _, _}, match(Routes, <<"/b/c">>)).

literal_wins_over_a_pattern_behind_it_test() ->
    Routes = [{"/a", literal, o}, {"/:x", binding, o}],
    ?assertMatch({ok, literal, _, _, _, _}, match(Routes, <<"/a">>)),
    ?assertMatch({ok, literal, _, _, _, _}, match(Routes, <<"/a/">>)),
    ?assertMatch({ok, literal, _, _, _, _}, match(Routes, <<"/%61">>)),
    ?assertMatch({ok, binding, _, _, _, _}, match(Routes, <<"/b">>)).

first_of_two_equal_literals_wins_test() ->
    ?assertMatch({ok, first, _, _, _, _}, match([{"/a", first, o}, {"/a", second, o}], <<"/a">>)).

rule_whose_constraint_fails_is_passed_over_test() ->
    Routes = [{"/:x", [{x, int}], number, o}, {"/:x", [{x, [nonempty]}], text, o}],
    ?assertMatch({ok, number, _, #{x := 7}, _, _}, match(Routes, <<"/7">>)),
    ?assertMatch({ok, text, _, #{x := <<"seven">>}, _, _}, match(Routes, <<"/seven">>)).

second_host_is_not_asked_once_the_first_has_matched_test() ->
    Dispatch = farrier_router:compile([{"a", [{"/x", h, o}]}, {'_', [{"/y", h, o}]}]),
    ?assertEqual({error, notfound, path}, farrier_router:match(Dispatch, <<"a">>, <<"/y">>)),
    ?assertMatch({ok, h, _, _, _, _}, farrier_router:match(Dispatch, <<"b">>, <<"/y">>)).

%%% Syntax

optional_parts_in_a_row_may_each_be_left_out_test() ->
    Routes = [{"/a[/b][/c]", h, o}],
    [?assertMatch({ok, h, _, _, _, _}, match(Routes, Path))
        || Path <- [<<"/a">>, <<"/a/b">>, <<"/a/c">>, <<"/a/b/c">>]],
    ?assertEqual({error, notfound, path}, match(Routes, <<"/a/c/b">>)).

strings_and_binaries_are_alike_test() ->
    ?assertMatch({ok, h, _, #{id := <<"1">>}, _, _}, match([{<<"/room/:id">>, h, o}], <<"/room/1">>)),
    ?assertMatch({ok, h, _, #{id := <<"1">>}, _, _}, match([{["/room", <<"/:id">>], h, o}], <<"/room/1">>)).

malformed_routes_say_what_is_wrong_test_() ->
    [{Path, ?_assertMatch({badarg, _, true}, complaint(Path, About))} || {Path, About} <- [
        {"room", "slash"},
        {"", "slash"},
        {"[/a]", "slash"},
        {"/a[b]", "segment"},
        {"/[a", "not closed"},
        {"/a]", "not opened"},
        {"/:", "no name"},
        {"/:" ++ lists:duplicate(300, $a), "no valid atom"}
    ]].

complaint(Path, About) ->
    try
        farrier_router:compile([{'_', [{Path, h, o}]}])
    catch
        error:{badarg, Text} -> {badarg, Text, string:find(Text, About) =/= nomatch andalso string:find(Text, Path) =/= nomatch}
    end.

terms_that_are_no_routes_are_badarg_test_() ->
    [?_assertError({badarg, _}, farrier_router:compile(Routes))
        || Routes <- [foo, [foo], [{'_', foo}], [{'_', [{"/"}]}], [{'_', [{"/", h}]}], [{'_', [{"/", "h", o}]}], [{a, []}]]].

%%% Generation 1

generation_1_binds_in_a_property_list_test() ->
    Dispatch = farrier_router:compile([{":a.b", [{"/:c/[...]", h, o}]}]),
    {ok, h, o, Bindings, undefined, Rest} = farrier_router:match(Dispatch, <<"x.b">>, <<"/y/z">>, 1),
    ?assertEqual([{a, <<"x">>}, {c, <<"y">>}], lists:sort(Bindings)),
    ?assertEqual([<<"z">>], Rest).

generation_1_constraint_functions_accept_replace_and_reject_test() ->
    Fun = fun(<<"yes">>) -> true; (<<"one">>) -> {true, 1}; (_) -> false end,
    Dispatch = farrier_router:compile([{'_', [{"/:x", [{x, function, Fun}], h, o}]}]),
    Match = fun(Path) -> farrier_router:match(Dispatch, <<"h">>, Path, 1) end,
    ?assertMatch({ok, _, _, [{x, <<"yes">>}], _, _}, Match(<<"/yes">>)),
    ?assertMatch({ok, _, _, [{x, 1}], _, _}, Match(<<"/one">>)),
    ?assertEqual({error, notfound, path}, Match(<<"/no">>)).

generation_1_keeps_dot_segments_and_any_byte_test() ->
    Dispatch = farrier_router:compile([{'_', [{"/[...]", h, o}]}]),
    ?assertMatch({ok, _, _, _, _, [<<"a">>, <<"..">>, <<"|é"/utf8>>, <<"+">>]},
        farrier_router:match(Dispatch, <<"h">>, <<"/a/../|é/+"/utf8>>, 1)),
    ?assertEqual({error, badrequest, path}, farrier_router:match(Dispatch, <<"h">>, <<"/%a">>, 1)).

only_generation_2_limits_the_digits_of_an_integer_test() ->
    Dispatch = farrier_router:compile([{'_', [{"/:x", [{x, int}], h, o}]}]),
    Path = <<"/123456789012345678">>,
    ?assertEqual({error, notfound, path}, farrier_router:match(Dispatch, <<"h">>, Path, 2)),
    ?assertMatch({ok, _, _, [{x, 123456789012345678}], _, _}, farrier_router:match(Dispatch, <<"h">>, Path, 1)).

%%% Middleware

request_and_environment_are_extended_test() ->
    Dispatch = farrier_router:compile([{'_', [{"/:x", h, opts}]}]),
    Req = #{host => <<"h">>, path => <<"/1">>, own => key},
    {ok, Req2, Env} = farrier_router:execute(Req, #{dispatch => Dispatch, other => 1}),
    ?assertEqual(Req#{bindings => #{x => <<"1">>}, host_info => undefined, path_info => undefined}, Req2),
    ?assertEqual(#{dispatch => Dispatch, other => 1, handler => h, handler_opts => opts}, Env).

dispatch_may_be_a_persistent_term_test() ->
    Key = {?MODULE, dispatch},
    ok = persistent_term:put(Key, farrier_router:compile([{'_', [{'_', h, o}]}])),
    ?assertMatch({ok, _, #{handler := h}},
        farrier_router:execute(#{host => <<"h">>, path => <<"/">>}, #{dispatch => {persistent_term, Key}})),
    persistent_term:erase(Key).

missing_dispatch_is_named_test() ->
    ?assertError({missing_env, dispatch}, farrier_router:execute(#{host => <<"h">>, path => <<"/">>}, #{})).

match(Paths, Path) ->
    farrier_router:match(farrier_router:compile([{'_', Paths}]), <<"h">>, Path).
