%% Chooses the handler of a request by its host and path.
%%
%% A dispatch list is compiled once, when a listener is configured, into patterns of segments
%% plus an index of those paths that are plain text and that no earlier rule can
%% take: most requests are then routed by one map lookup. The first rule that matches
%% wins, in the order in which the project wrote them.
%%
%% The syntax is that of Cowboy 1.x and 2.x alike: `'_'', `":name"', `":_"', optional
%% `[parts]', `"[...]"' for the rest, the path `"*"', and constraints of both generations
%% (`{Name, int}', `{Name, function, Fun}', and the fields of `farrier_constraints').
-module(farrier_router).

-export([compile/1, is_compiled/1, match/3, match/4, execute/2]).

-export_type([routes/0, dispatch/0, match/0]).

-type field() ::
    atom()
    | {atom(), farrier_constraints:constraint() | [farrier_constraints:constraint()]}
    | {atom(), farrier_constraints:constraint() | [farrier_constraints:constraint()], any()}
    | {atom(), function, fun((binary()) -> boolean() | {true, any()})}.
-type fields() :: [field()].
-type route_path() ::
    {Path :: '_' | iodata(), Handler :: module(), Opts :: any()}
    | {Path :: '_' | iodata(), fields(), Handler :: module(), Opts :: any()}.
-type route() ::
    {Host :: '_' | iodata(), [route_path()]} | {Host :: '_' | iodata(), fields(), [route_path()]}.
%% What a project writes.
-type routes() :: [route()].

-type segment() :: binary() | atom().
-type pattern() :: '_' | <<_:8>> | [segment()].
-type rule() :: {pattern(), fields(), module(), any()}.
-type literals() :: #{binary() => rule()}.
-type host() :: {pattern(), fields(), [rule()]} | {pattern(), fields(), [rule()], literals()}.
%% What `compile/1' returns. The bare list is what a real Cowboy 2 compiles to;
%% it is understood too, so that both can live in one node.
-opaque dispatch() :: {farrier_routes, [host()]} | [host()].

-type generation() :: 1 | 2.
-type bindings() :: #{atom() => any()} | [{atom(), any()}].
-type tokens() :: undefined | [binary()].
-type match() ::
    {ok, Handler :: module(), Opts :: any(), bindings(), HostInfo :: tokens(),
        PathInfo :: tokens()}
    | {error, notfound, host | path}
    | {error, badrequest, path}.

%%% Compiling

%% @doc Compiles routes. Raises `{badarg, Sentence}' for a route that cannot be read.
-spec compile(routes()) -> dispatch().
compile(Routes) when is_list(Routes) ->
    {farrier_routes, lists:append([compile_host(Route) || Route <- Routes])};
compile(Routes) ->
    bad_route("Routes must be a list of {Host, Paths} or {Host, Fields, Paths}, not", Routes).

%% @doc Whether `compile/1' has made this, and not a real Cowboy. It may be in a persistent term.
-spec is_compiled(any()) -> boolean().
is_compiled({persistent_term, _} = Dispatch) -> is_compiled(dispatch(Dispatch));
is_compiled({farrier_routes, _}) -> true;
is_compiled(_) -> false.

-spec compile_host(route()) -> [host()].
compile_host({Host, Paths}) ->
    compile_host({Host, [], Paths});
compile_host({Host, Fields, Paths}) when is_list(Fields), is_list(Paths) ->
    Rules = lists:append([compile_path(Path) || Path <- Paths]),
    Literals = literals(Rules),
    [{Pattern, Fields, Rules, Literals} || Pattern <- host_patterns(Host)];
compile_host(Route) ->
    bad_route("A host's routes must be {Host, Paths} or {Host, Fields, Paths}, not", Route).

%% Hosts are matched from the top-level domain downwards, so patterns are kept reversed.
-spec host_patterns('_' | iodata()) -> [pattern()].
host_patterns('_') -> ['_'];
host_patterns(Host) -> expand(text(Host), $., [], <<>>, Host).

-spec compile_path(route_path()) -> [rule()].
compile_path({Path, Handler, Opts}) ->
    compile_path({Path, [], Handler, Opts});
compile_path({Path, Fields, Handler, Opts}) when is_list(Fields), is_atom(Handler) ->
    [{Pattern, Fields, Handler, Opts} || Pattern <- path_patterns(Path)];
compile_path(Route) ->
    bad_route("A path's route must be {Path, Handler, Opts} or {Path, Fields, Handler, Opts}, not",
        Route).

-spec path_patterns('_' | iodata()) -> [pattern()].
path_patterns('_') ->
    ['_'];
path_patterns(Path) ->
    case text(Path) of
        <<"*">> ->
            [<<"*">>];
        <<"/", Rest/binary>> ->
            [lists:reverse(Segments) || Segments <- expand(Rest, $/, [], <<>>, Path)];
        _ ->
            bad_route("The path of a route MUST begin with a slash, unlike", Path)
    end.

-spec text(iodata()) -> binary().
text(Text) when is_binary(Text) ->
    Text;
text(Text) ->
    try
        iolist_to_binary(Text)
    catch
        error:badarg -> bad_route("A host or path must be '_', a string or a binary, not", Text)
    end.

%% Reads a host or path from left to right into segments, the last one first.
%% Each optional part doubles the outcome: without it, then with it.
-spec expand(binary(), char(), [segment()], binary(), iodata()) -> [[segment()]].
expand(<<>>, _, Segments, Text, Route) ->
    [push(Text, Segments, Route)];
expand(<<"[...]", Rest/binary>>, Separator, Segments, Text, Route) ->
    expand(Rest, Separator, ['...' | push(Text, Segments, Route)], <<>>, Route);
expand(<<$[, Rest/binary>>, Separator, Segments0, Text, Route) ->
    ends_segment(Text, Rest, Separator, Route),
    {Inside, After} = optional(Rest, 0, 0, Route),
    Segments = push(Text, Segments0, Route),
    expand(After, Separator, Segments, <<>>, Route) ++
        expand(<<Inside/binary, After/binary>>, Separator, Segments, <<>>, Route);
expand(<<$], _/binary>>, _, _, _, Route) ->
    bad_route("An optional part is closed but was not opened in", Route);
expand(<<Separator, Rest/binary>>, Separator, Segments, Text, Route) ->
    expand(Rest, Separator, push(Text, Segments, Route), <<>>, Route);
expand(<<Char, Rest/binary>>, Separator, Segments, Text, Route) ->
    expand(Rest, Separator, Segments, <<Text/binary, Char>>, Route).

%% "/a[b]" would be half a segment; "/a[/b]" and "/[a]b" are whole ones.
-spec ends_segment(binary(), binary(), char(), iodata()) -> ok.
ends_segment(<<>>, _, _, _) ->
    ok;
ends_segment(_, <<Separator, _/binary>>, Separator, _) ->
    ok;
ends_segment(_, _, _, Route) ->
    bad_route("An optional part must begin where a segment begins or ends in", Route).

%% Splits at the bracket that closes the optional part.
-spec optional(binary(), non_neg_integer(), non_neg_integer(), iodata()) -> {binary(), binary()}.
optional(Text, Size, Depth, Route) ->
    case Text of
        <<Inside:Size/binary, $], After/binary>> when Depth =:= 0 -> {Inside, After};
        <<_:Size/binary, $], _/binary>> -> optional(Text, Size + 1, Depth - 1, Route);
        <<_:Size/binary, $[, _/binary>> -> optional(Text, Size + 1, Depth + 1, Route);
        <<_:Size/binary, _, _/binary>> -> optional(Text, Size + 1, Depth, Route);
        _ -> bad_route("An optional part is opened but not closed in", Route)
    end.

-spec push(binary(), [segment()], iodata()) -> [segment()].
push(<<>>, Segments, _) -> Segments;
push(<<$:, Name/binary>>, Segments, Route) -> [binding(Name, Route) | Segments];
push(Text, Segments, _) -> [Text | Segments].

-spec binding(binary(), iodata()) -> atom().
binding(<<>>, Route) ->
    bad_route("A binding has no name in", Route);
binding(Name, Route) ->
    try
        binary_to_atom(Name, utf8)
    catch
        error:_ -> bad_route("The name of a binding is no valid atom in", Route)
    end.

-spec bad_route(string(), any()) -> no_return().
bad_route(Sentence, Route) ->
    error({badarg, lists:flatten([Sentence, $:, $\s, printable(Route)])}).

-spec printable(any()) -> iolist().
printable(Route) ->
    case is_binary(Route) orelse io_lib:printable_unicode_list(Route) of
        true -> io_lib:format("~ts", [Route]);
        false -> io_lib:format("~tp", [Route])
    end.

%% The plain-text paths that the first rule able to match them belongs to.
-spec literals([rule()]) -> literals().
literals(Rules) ->
    literals(Rules, [], #{}).

-spec literals([rule()], [pattern()], literals()) -> literals().
literals([{'_', [], _, _} | _], _, Literals) ->
    Literals;
literals([{Pattern, Fields, _, _} = Rule | Tail], Earlier, Literals) ->
    Path = literal_path(Pattern),
    Indexed = is_binary(Path) andalso Fields =:= [] andalso
        split_path(Path, 2) =:= Pattern andalso
        not lists:any(fun(E) -> may_match(E, Pattern) end, Earlier),
    case Indexed of
        true -> literals(Tail, [Pattern | Earlier], Literals#{Path => Rule});
        false -> literals(Tail, [Pattern | Earlier], Literals)
    end;
literals([], _, Literals) ->
    Literals.

-spec literal_path(pattern()) -> binary() | none.
literal_path([]) ->
    <<"/">>;
literal_path(Segments) when is_list(Segments) ->
    case lists:all(fun is_binary/1, Segments) of
        true -> iolist_to_binary([[$/, Segment] || Segment <- Segments]);
        false -> none
    end;
literal_path(_) ->
    none.

-spec may_match(pattern(), [segment()]) -> boolean().
may_match(['...'], _) -> true;
may_match([Name | P], [_ | S]) when is_atom(Name) -> may_match(P, S);
may_match([Same | P], [Same | S]) -> may_match(P, S);
may_match([], []) -> true;
may_match(_, _) -> false.

%%% Matching

%% @doc Finds the handler as Cowboy 2 does; bindings are a map.
-spec match(dispatch(), Host :: binary(), Path :: binary()) -> match().
match(Dispatch, Host, Path) ->
    match(Dispatch, Host, Path, 2).

%% @doc Finds the handler as the given generation does. For generation 1 bindings are a
%% property list, dot segments are kept, any byte may stand in a path, and `int' knows no limit.
-spec match(dispatch(), Host :: binary(), Path :: binary(), generation()) -> match().
match({farrier_routes, Hosts}, Host, Path, Generation) ->
    match_host(Hosts, Host, Path, Generation);
match(Hosts, Host, Path, Generation) when is_list(Hosts) ->
    match_host(Hosts, Host, Path, Generation);
match(Dispatch, _, _, _) ->
    error({bad_dispatch, Dispatch}).

-spec match_host([host()], binary() | [binary()], binary(), generation()) -> match().
match_host([], _, _, _) ->
    {error, notfound, host};
match_host([{'_', [], Rules, Literals} | _], _, Path, Generation) ->
    match_path(Rules, Literals, Path, undefined, bindings(Generation), Generation);
match_host([{Pattern, Fields, Rules} | Tail], Host, Path, Generation) ->
    match_host([{Pattern, Fields, Rules, #{}} | Tail], Host, Path, Generation);
match_host(Hosts, Host, Path, Generation) when is_binary(Host) ->
    match_host(Hosts, split_host(Host), Path, Generation);
match_host([{Pattern, Fields, Rules, Literals} | Tail], Labels, Path, Generation) ->
    case match_fields(Pattern, Labels, bindings(Generation), Fields, Generation) of
        {true, Bindings, undefined} ->
            match_path(Rules, Literals, Path, undefined, Bindings, Generation);
        {true, Bindings, Rest} ->
            match_path(Rules, Literals, Path, lists:reverse(Rest), Bindings, Generation);
        false ->
            match_host(Tail, Labels, Path, Generation)
    end.

-spec bindings(generation()) -> bindings().
bindings(1) -> [];
bindings(2) -> #{}.

%% Labels, the top-level domain first. A single trailing dot belongs to the root (RFC 1034 3.1).
-spec split_host(binary()) -> [binary()].
split_host(Host) ->
    case lists:reverse(binary:split(Host, <<".">>, [global])) of
        [<<>> | Labels] -> Labels;
        Labels -> Labels
    end.

-spec match_path([rule()], literals(), binary(), tokens(), bindings(), generation()) -> match().
match_path(Rules, Literals, Path, HostInfo, Bindings, Generation) ->
    case Literals of
        #{Path := {_, _, Handler, Opts}} ->
            {ok, Handler, Opts, Bindings, HostInfo, undefined};
        _ ->
            match_rule(Rules, Path, HostInfo, Bindings, Generation)
    end.

%% The path stays whole until the first rule that may need its segments. As in Cowboy, `'_'' knows no
%% constraints (with some it never matches), and `"*"' does not look at them.
-spec match_rule([rule()], binary() | [binary()], tokens(), bindings(), generation()) -> match().
match_rule([], _, _, _, _) ->
    {error, notfound, path};
match_rule([{'_', [], Handler, Opts} | _], _, HostInfo, Bindings, _) ->
    {ok, Handler, Opts, Bindings, HostInfo, undefined};
match_rule([{<<"*">>, _, Handler, Opts} | _], <<"*">>, HostInfo, Bindings, _) ->
    {ok, Handler, Opts, Bindings, HostInfo, undefined};
match_rule([_ | Tail], <<"*">>, HostInfo, Bindings, Generation) ->
    match_rule(Tail, <<"*">>, HostInfo, Bindings, Generation);
match_rule(Rules, Path, HostInfo, Bindings, Generation) when is_binary(Path) ->
    case split_path(Path, Generation) of
        badrequest -> {error, badrequest, path};
        Segments -> match_rule(Rules, Segments, HostInfo, Bindings, Generation)
    end;
match_rule([{Pattern, Fields, Handler, Opts} | Tail], Segments, HostInfo, Bindings, Generation) ->
    case match_fields(Pattern, Segments, Bindings, Fields, Generation) of
        {true, NewBindings, PathInfo} -> {ok, Handler, Opts, NewBindings, HostInfo, PathInfo};
        false -> match_rule(Tail, Segments, HostInfo, Bindings, Generation)
    end.

-spec match_fields(pattern(), [binary()], bindings(), fields(), generation()) ->
    {true, bindings(), tokens()} | false.
match_fields(Pattern, Segments, Bindings0, Fields, Generation) ->
    case match_segments(Pattern, Segments, Bindings0) of
        {true, Bindings1, Rest} ->
            case constrain(Fields, Bindings1, Generation) of
                {true, Bindings} -> {true, Bindings, Rest};
                false -> false
            end;
        false ->
            false
    end.

-spec match_segments(pattern(), [binary()], bindings()) -> {true, bindings(), tokens()} | false.
match_segments([Same | P], [Same | S], Bindings) ->
    match_segments(P, S, Bindings);
match_segments([], [], Bindings) ->
    {true, Bindings, undefined};
match_segments(['...'], Rest, Bindings) ->
    {true, Bindings, Rest};
match_segments(['_' | P], [_ | S], Bindings) ->
    match_segments(P, S, Bindings);
match_segments([Name | P], [Value | S], Bindings) when is_atom(Name) ->
    case bind(Name, Value, Bindings) of
        false -> false;
        NewBindings -> match_segments(P, S, NewBindings)
    end;
match_segments(_, _, _) ->
    false.

%% A name that stands twice in a route must be given the same value twice.
-spec bind(atom(), binary(), bindings()) -> bindings() | false.
bind(Name, Value, Bindings) ->
    case bound(Name, Bindings) of
        {_, Value} -> Bindings;
        {_, _} -> false;
        false when is_map(Bindings) -> Bindings#{Name => Value};
        false -> [{Name, Value} | Bindings]
    end.

-spec bound(atom(), bindings()) -> {atom(), any()} | false.
bound(Name, Bindings) when is_list(Bindings) ->
    lists:keyfind(Name, 1, Bindings);
bound(Name, Bindings) ->
    case Bindings of
        #{Name := Value} -> {Name, Value};
        _ -> false
    end.

-spec constrain(fields(), bindings(), generation()) -> {true, bindings()} | false.
constrain([], Bindings, _) ->
    {true, Bindings};
constrain([Name | Tail], Bindings, Generation) when is_atom(Name) ->
    constrain(Tail, Bindings, Generation);
constrain([Field | Tail], Bindings, Generation) ->
    Name = element(1, Field),
    case bound(Name, Bindings) of
        false ->
            constrain(Tail, Bindings, Generation);
        {_, Value} ->
            case check(Field, Value, Generation) of
                {ok, Value} -> constrain(Tail, Bindings, Generation);
                {ok, New} -> constrain(Tail, rebind(Name, New, Bindings), Generation);
                false -> false
            end
    end.

-spec rebind(atom(), any(), bindings()) -> bindings().
rebind(Name, Value, Bindings) when is_map(Bindings) -> Bindings#{Name := Value};
rebind(Name, Value, Bindings) -> lists:keyreplace(Name, 1, Bindings, {Name, Value}).

-spec check(tuple(), any(), generation()) -> {ok, any()} | false.
check({_, function, Fun}, Value, _) when is_function(Fun, 1) ->
    case Fun(Value) of
        true -> {ok, Value};
        {true, New} -> {ok, New};
        false -> false
    end;
check({_, int}, Value, 1) ->
    try
        {ok, binary_to_integer(Value)}
    catch
        error:badarg -> false
    end;
check(Field, Value, _) ->
    case farrier_constraints:validate(Value, element(2, Field)) of
        {ok, New} -> {ok, New};
        {error, _} -> false
    end.

%%% Paths

%% Splits a path into its decoded segments in one pass. The last slash is ignored,
%% empty segments elsewhere are not.
-spec split_path(binary(), generation()) -> [binary()] | badrequest.
split_path(<<$/, Rest/binary>>, Generation) ->
    split(Rest, Rest, 0, 0, plain, [], Generation);
split_path(_, _) ->
    badrequest.

-spec split(binary(), binary(), non_neg_integer(), non_neg_integer(), plain | escaped,
    [binary()], generation()) -> [binary()] | badrequest.
split(<<>>, _, Start, Start, _, Segments, _) ->
    lists:reverse(Segments);
split(<<>>, Path, Start, End, Kind, Segments, Generation) ->
    lists:reverse(segment(Path, Start, End, Kind, Segments, Generation));
split(<<$/, Rest/binary>>, Path, Start, End, Kind, Segments, Generation) ->
    split(Rest, Path, End + 1, End + 1, plain,
        segment(Path, Start, End, Kind, Segments, Generation), Generation);
split(<<$%, High, Low, Rest/binary>>, Path, Start, End, _, Segments, Generation) ->
    case is_hex(High) andalso is_hex(Low) of
        true -> split(Rest, Path, Start, End + 3, escaped, Segments, Generation);
        false -> badrequest
    end;
split(<<$%, _/binary>>, _, _, _, _, _, _) ->
    badrequest;
split(<<Char, Rest/binary>>, Path, Start, End, Kind, Segments, Generation) ->
    case Generation =:= 1 orelse is_path_char(Char) of
        true -> split(Rest, Path, Start, End + 1, Kind, Segments, Generation);
        false -> badrequest
    end.

-spec segment(binary(), non_neg_integer(), non_neg_integer(), plain | escaped, [binary()],
    generation()) -> [binary()].
segment(Path, Start, End, plain, Segments, Generation) ->
    append(binary:part(Path, Start, End - Start), Segments, Generation);
segment(Path, Start, End, escaped, Segments, Generation) ->
    append(unescape(binary:part(Path, Start, End - Start), <<>>), Segments, Generation).

%% Dot segments are removed after decoding, so that %2e%2e cannot slip through (RFC 3986 5.2.4).
-spec append(binary(), [binary()], generation()) -> [binary()].
append(<<".">>, Segments, 2) -> Segments;
append(<<"..">>, [], 2) -> [];
append(<<"..">>, [_ | Segments], 2) -> Segments;
append(Segment, Segments, _) -> [Segment | Segments].

-spec unescape(binary(), binary()) -> binary().
unescape(<<$%, High, Low, Rest/binary>>, Acc) ->
    unescape(Rest, <<Acc/binary, (binary_to_integer(<<High, Low>>, 16))>>);
unescape(<<Char, Rest/binary>>, Acc) ->
    unescape(Rest, <<Acc/binary, Char>>);
unescape(<<>>, Acc) ->
    Acc.

-spec is_hex(byte()) -> boolean().
is_hex(C) ->
    (C >= $0 andalso C =< $9) orelse (C >= $a andalso C =< $f) orelse (C >= $A andalso C =< $F).

%% RFC 3986 3.3, pchar without the escapes.
-spec is_path_char(byte()) -> boolean().
is_path_char(C) when C >= $a, C =< $z; C >= $A, C =< $Z; C >= $0, C =< $9 -> true;
is_path_char(C) -> lists:member(C, "-._~!$&'()*+,;=:@").

%%% Middleware

%% @doc The router as a middleware of both generations: adds bindings, `host_info' and `path_info' to the
%% request, and `handler' and `handler_opts' to the environment. Answers 400 for an unknown host or
%% an unreadable path, 404 for an unknown path.
-spec execute(Req, Env) -> {ok, Req, Env} | {stop, Req} | {error, 400 | 404, Req} when
    Req :: map() | tuple(), Env :: map() | [{atom(), any()}].
execute(#{host := Host, path := Path} = Req, Env) ->
    case match(dispatch(env(dispatch, Env)), Host, Path, 2) of
        {ok, Handler, Opts, Bindings, HostInfo, PathInfo} ->
            {ok,
                Req#{bindings => Bindings, host_info => HostInfo, path_info => PathInfo},
                routed(Handler, Opts, Env)};
        Error ->
            {stop, farrier_req_2:reply(status(Error), Req)}
    end;
execute(Req, Env) ->
    Record = farrier_req:convert(1, Req),
    {Host, _} = farrier_req_1:host(Record),
    {Path, _} = farrier_req_1:path(Record),
    case match(dispatch(env(dispatch, Env)), Host, Path, 1) of
        {ok, Handler, Opts, Bindings, HostInfo, PathInfo} ->
            Bound = farrier_req_1:set_bindings(HostInfo, PathInfo, Bindings, Record),
            {ok, farrier_req:convert(farrier_req:generation(Req), Bound), routed(Handler, Opts, Env)};
        Error ->
            {error, status(Error), Req}
    end.

-spec routed(module(), any(), Env) -> Env when Env :: map() | [{atom(), any()}].
routed(Handler, Opts, Env) when is_map(Env) ->
    Env#{handler => Handler, handler_opts => Opts};
routed(Handler, Opts, Env) ->
    [{handler, Handler}, {handler_opts, Opts} | Env].

-spec status(match()) -> 400 | 404.
status({error, notfound, path}) -> 404;
status({error, _, _}) -> 400.

-spec env(atom(), map() | [{atom(), any()}]) -> any().
env(Key, Env) when is_map(Env) ->
    case Env of
        #{Key := Value} -> Value;
        _ -> error({missing_env, Key})
    end;
env(Key, Env) ->
    case lists:keyfind(Key, 1, Env) of
        {_, Value} -> Value;
        false -> error({missing_env, Key})
    end.

%% Since Cowboy 2.7 the dispatch list may be kept in a persistent term.
-spec dispatch(any()) -> dispatch().
dispatch({persistent_term, Key}) -> persistent_term:get(Key);
dispatch(Dispatch) -> Dispatch.
