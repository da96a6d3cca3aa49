#!/usr/bin/env escript
%%! -noshell
%% Asks a real Cowboy 2 which handler it finds for random requests over random routes, and prints the answers as terms
%% for farrier_router_tests:
%%
%%     ERL_LIBS=<where cowboy, cowlib and ranch are> test/router_expectations.escript >test/router_expectations.terms
%%
%% The seed is fixed, so the same Cowboy gives the same file.

main([]) ->
    rand:seed(exsss, {2, 8, 0}),
    lists:foreach(fun(_) -> table() end, lists:seq(1, 120)).

table() ->
    Routes = routes(),
    Requests = [{request_host(), request_path()} || _ <- lists:seq(1, 8)],
    try cowboy_router:compile(Routes) of
        Dispatch ->
            io:format("~p.~n", [{Routes, [{H, P, answer(Dispatch, H, P)} || {H, P} <- Requests]}])
    catch
        error:_ -> io:format("~p.~n", [{Routes, badarg}])
    end.

answer(Dispatch, Host, Path) ->
    Req = #{host => Host, path => Path, method => <<"GET">>, version => 'HTTP/1.1', headers => #{},
        pid => self(), streamid => 1},
    case cowboy_router:execute(Req, #{dispatch => Dispatch}) of
        {ok, #{bindings := Bindings, host_info := HostInfo, path_info := PathInfo}, #{handler := Handler}} ->
            {Handler, Bindings, HostInfo, PathInfo};
        {stop, _} ->
            receive
                {_, {response, Status, _, _}} -> Status
            end
    end.

routes() ->
    [{host(), pick([[], [], [], fields()]), paths(N)} || N <- lists:seq(1, rand:uniform(2))].

paths(N) ->
    [{path(), fields(), list_to_atom(lists:concat(["handler_", N, "_", M])), []} || M <- lists:seq(1, 1 + rand:uniform(3))].

host() ->
    pick(['_', '_', '_', '_', '_', "a.b", ":x.b", "[:x.]b", "[...].b", "[...]b", "[...]", "a.[b.]c", ":_.b", "[:x.][:y.]a"]).

path() ->
    pick(["/", '_', "*", noise() | [pick([literal(), pattern()]) || _ <- lists:seq(1, 16)]]).

literal() ->
    lists:append([[$/ | segment()] || _ <- lists:seq(1, rand:uniform(4))]).

pattern() ->
    [A, B, C] = [segment() || _ <- [1, 2, 3]],
    pick([
        "/" ++ A ++ "/[" ++ B ++ "]",
        "/[" ++ A ++ "/]" ++ B,
        "/" ++ A ++ "[/" ++ B ++ "]",
        "/" ++ A ++ "/[...]",
        "/[" ++ A ++ "/[" ++ B ++ "/[...]]]",
        "/" ++ A ++ "/[" ++ B ++ "/[" ++ C ++ "]]/d",
        "/[" ++ A ++ "]/[" ++ B ++ "]"
    ]).

%% Mostly not well-formed.
noise() ->
    "/" ++ [pick("/[]ab.") || _ <- lists:seq(1, 6)].

segment() ->
    pick(["a", "b", "c", ":x", ":y", ":_", "_", "...", "a:b", "d.e", "%61"]).

%% Constraints of different kinds for one name are left out: some make Cowboy crash.
fields() ->
    pick([[], [], [], [x], [{x, int}], [{y, int}, x], [{x, [int]}, {y, int, 3}]]).

request_host() ->
    pick([<<"a.b">>, <<"b">>, <<"1.b">>, <<"x.y.b">>, <<"a.c">>, <<"a.b.c">>, <<"a">>, <<"1.1.a">>, <<"2.1.a">>, <<"a.b.">>]).

request_path() ->
    pick([<<"*">>, <<"/">> | [iolist_to_binary([[$/, request_segment()] || _ <- lists:seq(1, rand:uniform(4))]) || _ <- lists:seq(1, 8)]]).

request_segment() ->
    pick(["a", "b", "c", "a", "b", "c", "d", "1", "2", "_", "", "..", ".", "a%62", "%2e", "%2E%2e", "a:b", "d.e", "%zz", "a%", "+", "%2F",
        "%00", "%7F", "%61", "|", "~", "...", "a,b;c=d"]).

pick(List) ->
    lists:nth(rand:uniform(length(List)), List).
