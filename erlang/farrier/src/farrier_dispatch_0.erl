%% @doc Chooses the handler of a request by the dispatch list of a generation-0 listener, as a middleware and as a
%% function.
%%
%% `[{Host, [{Path, Handler, Opts}]}]': the first host that matches decides, then the first of its paths. Host and
%% path are `'_'' (anything) or a list of segments: a binary matches itself, `'_'' any one segment, any other atom one
%% segment that it is bound to, `'...'' all that is left. Hosts are matched from the right, so there `'...'' comes
%% first. The path `'*'' is the request target of that name. What `cowboy_router:compile/1' returns is taken as well:
%% projects mixed the two when they moved to Cowboy 1.
-module(farrier_dispatch_0).
-export([execute/2, match/3, check/1]).

-export_type([rules/0, rule/0, tokens/0, bindings/0]).

-type tokens() :: [binary()].
-type bindings() :: [{atom(), binary()}].
-type rule() :: '_' | '*' | [binary() | atom()].
-type rules() :: [{Host :: rule(), [{Path :: rule(), Handler :: module(), Opts :: term()}]}].

-type result() ::
    {ok, module(), Opts :: term(), bindings(), HostInfo :: tokens() | undefined, PathInfo :: tokens() | undefined}
    | {error, notfound, host | path}.

%% @doc Routes a request: 400 for an unknown host, 404 for an unknown path.
-spec execute(farrier_req_0:req(), list()) -> farrier_handler:outcome().
execute(Req, Env) ->
    case proplists:get_value(dispatch, Env, []) of
        Rules when is_list(Rules) -> execute(Rules, Req, Env);
        _Compiled -> as_0(farrier_router:execute(farrier_req_0:to_1(Req), Env), Req)
    end.

-spec execute(rules(), farrier_req_0:req(), list()) -> farrier_handler:outcome().
execute(Rules, Req, Env) ->
    {Host, _} = farrier_req_0:host(Req),
    {Path, _} = farrier_req_0:path(Req),
    case match(Host, Path, Rules) of
        {ok, Handler, Opts, Bindings, HostInfo, PathInfo} ->
            Routed = farrier_req_0:set_bindings(HostInfo, PathInfo, Bindings, Req),
            {ok, Routed, [{handler, Handler}, {handler_opts, Opts} | Env]};
        {error, notfound, host} ->
            refused(400, Req);
        {error, notfound, path} ->
            refused(404, Req)
    end.

-spec refused(400 | 404, farrier_req_0:req()) -> farrier_handler:outcome().
refused(Status, Req) ->
    Own = farrier_req_0:anew(Req),
    ok = farrier_req_0_resp:ensure(Status, Own),
    {error, Status, Own}.

-spec as_0(farrier_handler:outcome(), farrier_req_0:req()) -> farrier_handler:outcome().
as_0({ok, Req1, Env}, Req) ->
    [HostInfo, PathInfo, Bindings] = farrier_req_1:get([host_info, path_info, bindings], Req1),
    {ok, farrier_req_0:set_bindings(HostInfo, PathInfo, Bindings, Req), Env};
as_0({error, Status, _}, Req) ->
    refused(Status, Req).

%% @doc Finds the rule for the labels of a host and the segments of a path.
-spec match(tokens(), tokens() | '*', rules()) -> result().
match(_, _, []) ->
    {error, notfound, host};
match(Host, Path, [{HostRule, Paths} | Rules]) ->
    case host(HostRule, Host) of
        {true, Bindings, Info} -> match_path(Path, Paths, Bindings, Info);
        false -> match(Host, Path, Rules)
    end.

-spec host(rule(), tokens()) -> {true, bindings(), tokens() | undefined} | false.
host('_', _) ->
    {true, [], undefined};
host(Rule, Host) when is_list(Rule) ->
    case segments(lists:reverse(Rule), lists:reverse(Host), []) of
        {true, Bindings, Info} when is_list(Info) -> {true, Bindings, lists:reverse(Info)};
        Result -> Result
    end;
host(_, _) ->
    false.

-spec match_path(tokens() | '*', list(), bindings(), tokens() | undefined) -> result().
match_path(_, [], _, _) ->
    {error, notfound, path};
match_path(Path, [{Rule, Handler, Opts} | Rules], HostBindings, HostInfo) ->
    case path(Rule, Path) of
        {true, Bindings, PathInfo} -> {ok, Handler, Opts, HostBindings ++ Bindings, HostInfo, PathInfo};
        false -> match_path(Path, Rules, HostBindings, HostInfo)
    end.

-spec path(rule(), tokens() | '*') -> {true, bindings(), tokens() | undefined} | false.
path('_', _) -> {true, [], undefined};
path('*', '*') -> {true, [], undefined};
path(Rule, Path) when is_list(Rule), is_list(Path) -> segments(Rule, Path, []);
path(_, _) -> false.

%% Bindings come out in reverse order of appearance, and a name that appears twice is there twice, as in Cowboy 0.
-spec segments([binary() | atom()], tokens(), bindings()) -> {true, bindings(), tokens() | undefined} | false.
segments(['...'], Rest, Bindings) -> {true, Bindings, Rest};
segments(['_' | Rule], [_ | Tokens], Bindings) -> segments(Rule, Tokens, Bindings);
segments([Token | Rule], [Token | Tokens], Bindings) -> segments(Rule, Tokens, Bindings);
segments([Name | Rule], [Token | Tokens], Bindings) when is_atom(Name) ->
    segments(Rule, Tokens, [{Name, Token} | Bindings]);
segments([], [], Bindings) -> {true, Bindings, undefined};
segments(_, _, _) -> false.

%% @doc Whether a term is a dispatch list.
-spec check(term()) -> boolean().
check({farrier_routes, _}) ->
    true;
check(Rules) ->
    is_list(Rules) andalso lists:all(fun is_host/1, Rules).

-spec is_host(term()) -> boolean().
is_host({Rule, Paths}) when is_list(Paths) -> is_rule(Rule) andalso lists:all(fun is_path/1, Paths);
is_host(_) -> false.

-spec is_path(term()) -> boolean().
is_path({Rule, Handler, _}) when is_atom(Handler) -> is_rule(Rule);
is_path(_) -> false.

-spec is_rule(term()) -> boolean().
is_rule(Rule) when Rule =:= '_'; Rule =:= '*' -> true;
is_rule(Rule) -> is_list(Rule) andalso lists:all(fun(T) -> is_binary(T) orelse is_atom(T) end, Rule).
