%% The dispatch lists of Cowboy 0.
-module(farrier_dispatch_0_tests).

-include_lib("eunit/include/eunit.hrl").

the_first_rule_that_matches_decides_test_() ->
    Rules = [
        {[<<"www">>, '_', <<"forge">>, <<"eu">>], [{[<<"a">>], any_label, []}]},
        {[<<"forge">>, tld], [{[<<"horses">>, id, <<"shoes">>], shoes, []}, {'_', forge, opts}]},
        {['...', <<"smith">>, <<"eu">>], [{[<<"in">>, '...'], inside, []}, {[], root, []}]},
        {'_', [{'*', asterisk, []}, {[<<"x">>, n, n], twice, []}, {[<<"exact">>], exact, []}]}
    ],
    [?_assertEqual({Host, Path, Expected}, {Host, Path, farrier_dispatch_0:match(Host, Path, Rules)}) || {Host, Path, Expected} <- [
        {[<<"www">>, <<"my">>, <<"forge">>, <<"eu">>], [<<"a">>], {ok, any_label, [], [], undefined, undefined}},
        %% A host that matches without a path that does is the end.
        {[<<"www">>, <<"my">>, <<"forge">>, <<"eu">>], [<<"exact">>], {error, notfound, path}},
        {[<<"forge">>, <<"org">>], [], {ok, forge, opts, [{tld, <<"org">>}], undefined, undefined}},
        {[<<"forge">>, <<"org">>], [<<"horses">>, <<"7">>, <<"shoes">>],
            {ok, shoes, [], [{tld, <<"org">>}, {id, <<"7">>}], undefined, undefined}},
        {[<<"forge">>, <<"org">>], [<<"horses">>, <<"7">>], {ok, forge, opts, [{tld, <<"org">>}], undefined, undefined}},
        {[<<"smith">>, <<"eu">>], [], {ok, root, [], [], [], undefined}},
        {[<<"a">>, <<"b">>, <<"smith">>, <<"eu">>], [<<"in">>], {ok, inside, [], [], [<<"a">>, <<"b">>], []}},
        {[<<"a">>, <<"smith">>, <<"eu">>], [<<"in">>, <<"x">>, <<"y">>], {ok, inside, [], [], [<<"a">>], [<<"x">>, <<"y">>]}},
        {[], '*', {ok, asterisk, [], [], undefined, undefined}},
        %% Bindings are in reverse order, and a name may be bound twice.
        {[], [<<"x">>, <<"1">>, <<"2">>], {ok, twice, [], [{n, <<"2">>}, {n, <<"1">>}], undefined, undefined}},
        {[], [<<"exact">>, <<"more">>], {error, notfound, path}}]] ++
    [?_assertEqual({error, notfound, host}, farrier_dispatch_0:match([<<"a">>], [], [])),
     ?_assertEqual({error, notfound, host}, farrier_dispatch_0:match([<<"a">>], [], [{[<<"b">>], [{'_', h, []}]}]))].

only_dispatch_lists_are_dispatch_lists_test_() ->
    [?_assert(farrier_dispatch_0:check(Rules)) || Rules <- [[], [{'_', []}], [{[<<"a">>, '...', x], [{'*', h, []}, {[], h, o}]}],
        cowboy_router:compile([{'_', [{"/", h, []}]}])]] ++
    [?_assertNot(farrier_dispatch_0:check(Rules)) || Rules <- [x, [x], [{"host", []}], [{'_', [{"/path", h, []}]}], [{'_', [{'_', h}]}],
        [{'_', x}]]].
