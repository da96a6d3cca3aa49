%% docs/compatibility.md is true: its tables list the functions of every public module, none is missing and none made
%% up, and each function of a Req, called in a request over a socket, returns or fails as its row says.
%%
%% This module is the handler of those requests, in the generation of the listener.
-module(compatibility_tests).

-include_lib("eunit/include/eunit.hrl").

%% The handler.
-export([init/2, init/3, handle/2, terminate/2, terminate/3]).

-define(DOCUMENT, "docs/compatibility.md").
-define(APPLICATIONS, [cowboy, ranch, cowlib]).
-define(CALL, {?MODULE, call}).
-define(PATIENCE, 5000).
-define(BOUNDARY, "AB").

%% A row of a table: the function, its arguments as the table names them, its return as an Erlang type, the status.
-record(row, {
    module :: module(),
    generation :: undefined | farrier_handler:generation(),
    kind :: function | callback,
    name :: atom(),
    arguments :: [string()],
    returns :: string(),
    status :: string()
}).

%%% The tables and the modules

every_function_of_every_module_has_a_row_test_() ->
    Rows = rows(),
    [{atom_to_list(Module), ?_assertEqual({[], []}, differences(exports(Module), listed(Module, function, Rows)))}
        || Module <- modules()].

every_callback_of_every_behaviour_has_a_row_test_() ->
    Rows = rows(),
    [{atom_to_list(Module), ?_assertEqual({[], []}, differences(callbacks(Module), listed(Module, callback, Rows)))}
        || Module <- modules()].

no_table_is_of_a_module_that_is_not_there_test() ->
    ?assertEqual([], lists:usort([Module || #row{module = Module} <- rows()]) -- modules()).

every_row_names_a_type_and_a_known_status_test_() ->
    [{label(Row), fun() ->
        _ = type(Row#row.returns),
        _ = status(Row)
    end} || Row <- rows()].

%% A spec that only fails says so.
what_never_works_is_refused_test() ->
    ?assertEqual([], [label(Row) || #row{kind = function, returns = Returns} = Row <- rows(),
        Returns =:= "none()" orelse string:find(Returns, "not_supported") =/= nomatch,
        not is_tuple(status(Row)), Row#row.name =/= takeover]).

what_is_refused_names_its_error_test_() ->
    [{label(Row), ?_assertMatch({true, _}, refusal(Pattern, Row))}
        || #row{generation = undefined} = Row <- rows(), {refused, Pattern} <- [status(Row)]].

refusal(Pattern, #row{module = Module, name = Name, arguments = Arguments}) ->
    Outcome = try apply(Module, Name, Arguments)
        catch error:Reason -> Reason
        end,
    {matches(Pattern, Outcome), Outcome}.

%% What is not documented and what is documented but missing.
differences(There, Listed) -> {There -- Listed, Listed -- There}.

listed(Module, Kind, Rows) ->
    lists:usort([{Name, length(Arguments)} || #row{module = M, kind = K, name = Name, arguments = Arguments} <- Rows,
        M =:= Module, K =:= Kind]).

modules() ->
    lists:append([begin
        Beams = filelib:wildcard(filename:join(ebin(Application), "*.beam")),
        [list_to_atom(filename:basename(Beam, ".beam")) || Beam <- Beams] -- internal()
    end || Application <- ?APPLICATIONS]).

%% What OTP calls.
internal() -> [cowboy_app, cowboy_sup, ranch_app, ranch_sup].

ebin(Application) ->
    case code:lib_dir(Application) of
        Dir when is_list(Dir) -> filename:join(Dir, "ebin")
    end.

exports(Module) ->
    lists:usort([Export || {Name, _} = Export <- Module:module_info(exports),
        Name =/= module_info, Name =/= behaviour_info]).

callbacks(Module) ->
    {module, Module} = code:ensure_loaded(Module),
    case erlang:function_exported(Module, behaviour_info, 1) of
        true -> lists:usort(Module:behaviour_info(callbacks));
        false -> []
    end.

%%% Calls

-define(GENERATIONS, [{0, cowboy_http_req}, {0, cowboy_req}, {1, cowboy_req}, {'2pre', cowboy_req}, {2, cowboy_req}]).

calls_return_what_their_rows_say_test_() ->
    {setup, fun start/0, fun stop/1, fun({_, Ports}) ->
        [verdict_test(Generation, Row, Ports) || {Generation, Module} <- ?GENERATIONS, Row <- rows(Module, Generation)]
    end}.

what_a_cowboy_had_not_is_undef_on_its_req_test_() ->
    {setup, fun start/0, fun stop/1, fun({_, Ports}) ->
        [verdict_test(Generation, Row, Ports) || Generation <- [1, '2pre', 2], Row <- foreign(Generation)]
    end}.

verdict_test(Generation, Row, Ports) ->
    {title(Generation, Row), ?_assertEqual(ok, verdict(Generation, Row, maps:get(Generation, Ports)))}.

%% A row for each function that other kinds of Req alone have.
foreign(Generation) ->
    Own = [key(Row) || Row <- rows(cowboy_req, Generation)],
    Others = maps:from_list([{key(Row), Row} || Other <- [1, '2pre', 2], Row <- rows(cowboy_req, Other),
        not lists:member(key(Row), Own), Row#row.name =/= new]),
    [Row#row{status = "refused: `undef`"} || Row <- maps:values(Others)].

key(#row{name = Name, arguments = Arguments}) -> {Name, length(Arguments)}.

%% Some handlers of Cowboy 0 call cowboy_req, which answers them as it answers those of Cowboy 1.
rows(Module, Generation) ->
    Of = case {Module, Generation} of
        {cowboy_req, 0} -> 1;
        _ -> Generation
    end,
    [Row || #row{module = M, generation = G, name = Name} = Row <- rows(), M =:= Module, G =:= Of,
        Generation =/= 0 orelse Module =/= cowboy_req orelse not lists:member(Name, not_of_0())].

%% A Req that is made up is of Cowboy 1, and the record of Cowboy 0 has no place for what is left of a multipart body.
not_of_0() -> [new, part, part_body, multipart_data, multipart_skip].

title(Generation, Row) -> lists:flatten(io_lib:format("~p: ~s", [Generation, label(Row)])).

label(#row{module = Module, name = Name, arguments = Arguments}) ->
    lists:flatten(io_lib:format("~s:~s(~s)", [Module, Name, lists:join(", ", Arguments)])).

start() ->
    {ok, Started} = application:ensure_all_started(cowboy),
    Listen = [{ip, {127, 0, 0, 1}}, {port, 0}],
    Dispatch = cowboy_router:compile([{'_', [{"/:id/[...]", ?MODULE, []}]}]),
    Dispatch0 = [{'_', [{[id, '...'], ?MODULE, []}]}],
    {ok, _} = cowboy:start_listener(c0, 1, cowboy_tcp_transport, Listen, cowboy_http_protocol, [{dispatch, Dispatch0}]),
    {ok, _} = cowboy:start_http(c1, 1, Listen, [{env, [{dispatch, Dispatch}]}]),
    {ok, _} = farrier:start_listener(cpre,
        #{ip => {127, 0, 0, 1}, port => 0, generation => '2pre', env => [{dispatch, Dispatch}]}),
    {ok, _} = cowboy:start_clear(c2, Listen, #{env => #{dispatch => Dispatch}}),
    {Started, maps:from_list([{G, ranch:get_port(Ref)} || {G, Ref} <- [{0, c0}, {1, c1}, {'2pre', cpre}, {2, c2}]])}.

stop({Started, _}) ->
    [ok = cowboy:stop_listener(Ref) || Ref <- [c0, c1, cpre, c2]],
    _ = persistent_term:erase(?CALL),
    [ok = application:stop(Application) || Application <- lists:reverse(Started)].

verdict(Generation, Row, Port) ->
    Test = self(),
    persistent_term:put(?CALL, fun(Req) -> Test ! {outcome, outcome(Generation, Row, Req)} end),
    Socket = raw_client:open(Port),
    raw_client:send(Socket, request(Row)),
    Verdict =
        receive
            {outcome, Outcome} -> judged(status(Row), Outcome, Row, Generation)
        after ?PATIENCE ->
            no_outcome
        end,
    ok = gen_tcp:close(Socket),
    Verdict.

judged({refused, Pattern}, {error, Reason}, _, _) ->
    case matches(Pattern, Reason) of
        true -> ok;
        false -> {another_error, Reason}
    end;
judged({refused, _}, Outcome, _, _) ->
    {not_refused, Outcome};
judged(_, {returned, Value}, #row{returns = Returns}, Generation) ->
    case is_of(type(Returns), Value, Generation) of
        true -> ok;
        false -> {another_return, Value, Returns}
    end;
judged(_, Failure, _, _) ->
    Failure.

outcome(Generation, #row{module = Module, name = Name, arguments = Names}, Req0) ->
    try
        Req = prepared(Name, length(Names), Module, Generation, Req0),
        {returned, apply(Module, Name, [argument(Name, Argument, Generation, Req) || Argument <- Names])}
    catch
        error:Reason -> {error, Reason};
        Class:Reason -> {Class, Reason}
    end.

%% Some calls need another one before them.
prepared(stream_body, 3, M, 2, Req) -> M:stream_reply(200, Req);
prepared(stream_events, 3, M, 2, Req) -> M:stream_reply(200, Req);
prepared(stream_trailers, 2, M, 2, Req) -> M:stream_reply(200, Req);
prepared(chunk, 2, M, '2pre', Req) -> M:chunked_reply(200, Req);
prepared(chunk, 2, M, G, Req0) when G =/= 2 -> {ok, Req} = M:chunked_reply(200, Req0), Req;
prepared(resp_header, _, M, 2, Req) -> M:set_resp_header(<<"x-r">>, <<"1">>, Req);
prepared(read_part_body, _, M, 2, Req0) -> {ok, _, Req} = M:read_part(Req0), Req;
prepared(part_body, _, M, G, Req0) when G =/= 2 -> {ok, _, Req} = M:part(Req0), Req;
prepared(_, _, _, _, Req) -> Req.

%%% Arguments, by the names that the tables give them

argument(_, "Req", _, Req) -> Req;
argument(_, "101", _, _) -> 101;
argument(header, "Name", _, _) -> <<"x-a">>;
argument(parse_header, "Name", 0, _) -> 'Content-Length';
argument(parse_header, "Name", _, _) -> <<"content-length">>;
argument(binding, "Name", _, _) -> id;
argument(cookie, "Name", _, _) -> <<"c">>;
argument(qs_val, "Name", _, _) -> <<"q">>;
argument(meta, "Name", _, _) -> key;
argument(set_meta, "Name", _, _) -> key;
argument(_, "Name", _, _) -> <<"x-r">>;
argument(_, "Default", _, _) -> default;
argument(_, "Value", _, _) -> <<"v">>;
argument(match_qs, "Fields", _, _) -> [q, {r, [], none}];
argument(match_cookies, "Fields", _, _) -> [c];
argument(read_and_match_urlencoded_body, "Fields", _, _) -> [{a, int}, b];
argument(filter_cookies, "Names", _, _) -> [c];
argument(get, "Names", _, _) -> [method, path];
argument(set_resp_cookie, "Opts", 2, _) -> #{path => <<"/">>};
argument(set_resp_cookie, "Opts", _, _) -> [{path, <<"/">>}];
argument(push, "Opts", _, _) -> #{method => <<"HEAD">>};
argument(uri, "Opts", _, _) -> #{fragment => <<"f">>};
argument(Name, "Opts", 2, _) when
    Name =:= read_body; Name =:= read_urlencoded_body; Name =:= read_and_match_urlencoded_body;
    Name =:= read_part; Name =:= read_part_body
->
    #{length => 4096, period => 1000};
argument(_, "Opts", 2, _) -> #{max_keys => 5};
argument(_, "Opts", _, _) -> [{length, 4096}, {read_length, 4096}, {read_timeout, 1000}];
argument(_, "MaxLength", _, _) -> 4096;
argument(_, "TransferDecode", _, _) -> fun(_, _) -> more end;
argument(_, "TransferState", _, _) -> state;
argument(_, "ContentDecode", _, _) -> fun(Data) -> {ok, Data} end;
argument(Name, "Status", _, _) when Name =:= inform -> 103;
argument(upgrade_reply, "Status", _, _) -> 426;
argument(_, "Status", _, _) -> 200;
argument(_, "Headers", 2, _) -> #{<<"x-b">> => <<"1">>};
argument(_, "Headers", _, _) -> [{<<"x-b">>, <<"1">>}];
argument(_, "Body", _, _) -> ["bo", <<"dy">>];
argument(_, "Data", _, _) -> <<"data">>;
argument(_, "Fin", _, _) -> fin;
argument(_, "Events", _, _) -> #{data => "x"};
argument(_, "Trailers", _, _) -> #{<<"x-t">> => <<"1">>};
argument(push, "Path", _, _) -> <<"/pushed">>;
argument(_, "Message", _, _) -> {set_options, #{idle_timeout => 1000}};
argument(_, "Fun", _, _) -> fun(_, _) -> ok end;
argument(_, "Length", _, _) -> 4;
argument(_, "Values", _, _) -> [{meta, [{a, 1}]}];
argument(_, "Bindings", _, _) -> [{id, <<"1">>}];
argument(_, "HostInfo", _, _) -> undefined;
argument(_, "PathInfo", _, _) -> [<<"a">>];
argument(new, Name, _, _) -> made_up(Name).

made_up("Socket") -> socket;
made_up("Transport") -> transport;
made_up("Peer") -> {{127, 0, 0, 1}, 4000};
made_up("Method") -> <<"GET">>;
made_up("Path") -> <<"/">>;
made_up("Version") -> 'HTTP/1.1';
made_up("Headers") -> [];
made_up("Host") -> <<"localhost">>;
made_up("Port") -> 80;
made_up("OnResponse") -> undefined;
made_up("KeepAlive") -> true;
made_up("Compress") -> false;
made_up(_) -> <<>>.

request(#row{name = Name}) ->
    Multipart = [read_part, read_part_body, part, part_body, multipart_data, multipart_skip],
    {Type, Body} = body(lists:member(Name, Multipart)),
    ["POST /1/a/b?q=1&s HTTP/1.1\r\nhost: localhost:8080\r\nx-a: 1\r\ncookie: c=2; d=3\r\ncontent-type: ", Type,
        "\r\ncontent-length: ", integer_to_list(length(Body)), "\r\n\r\n", Body].

body(true) ->
    {"multipart/form-data; boundary=" ?BOUNDARY,
        "--" ?BOUNDARY "\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\nvalue\r\n--" ?BOUNDARY "--\r\n"};
body(false) ->
    {"application/x-www-form-urlencoded", "a=1&b=2"}.

%%% The handler

init(Req, Opts) ->
    (persistent_term:get(?CALL))(Req),
    {ok, Req, Opts}.

init(_, Req, Opts) -> {ok, Req, Opts}.

handle(Req, State) ->
    (persistent_term:get(?CALL))(Req),
    {ok, Req, State}.

%% Cowboy 0.
terminate(_, _) -> ok.

terminate(_, _, _) -> ok.

%%% Types

type(Text) ->
    {ok, Tokens, _} = erl_scan:string("-type t() :: " ++ Text ++ "."),
    {ok, {attribute, _, type, {t, Type, []}}} = erl_parse:parse_form(Tokens),
    Type.

is_of({var, _, 'Req'}, Term, Generation) -> is_req(Term) andalso farrier_req:generation(Term) =:= Generation;
is_of({var, _, 'Value'}, Term, _) -> not is_req(Term);
is_of({atom, _, Atom}, Term, _) -> Term =:= Atom;
is_of({type, _, union, Types}, Term, G) -> lists:any(fun(Type) -> is_of(Type, Term, G) end, Types);
is_of({type, _, tuple, any}, Term, _) -> is_tuple(Term);
is_of({type, _, tuple, Types}, Term, G) ->
    is_tuple(Term) andalso tuple_size(Term) =:= length(Types) andalso
        lists:all(fun({Type, Element}) -> is_of(Type, Element, G) end, lists:zip(Types, tuple_to_list(Term)));
is_of({type, _, list, [Type]}, Term, G) -> is_list(Term) andalso lists:all(fun(E) -> is_of(Type, E, G) end, Term);
is_of({type, _, map, any}, Term, _) -> is_map(Term) andalso not is_req(Term);
is_of({type, _, binary, []}, Term, _) -> is_binary(Term);
is_of({type, _, integer, []}, Term, _) -> is_integer(Term);
is_of({type, _, boolean, []}, Term, _) -> is_boolean(Term);
is_of({type, _, atom, []}, Term, _) -> is_atom(Term);
is_of({type, _, iodata, []}, Term, _) -> (is_binary(Term) orelse is_list(Term)) andalso iolist_size(Term) >= 0.

is_req(#{pid := _, method := _, headers := _}) -> true;
is_req(Term) when is_tuple(Term), tuple_size(Term) > 0 -> lists:member(element(1, Term), [http_req, farrier_req_2pre]);
is_req(_) -> false.

%% A term with `_' for what does not matter.
matches('_', _) -> true;
matches(Pattern, Term) when is_tuple(Pattern), is_tuple(Term), tuple_size(Pattern) =:= tuple_size(Term) ->
    lists:all(fun({P, T}) -> matches(P, T) end, lists:zip(tuple_to_list(Pattern), tuple_to_list(Term)));
matches(Pattern, Term) -> Pattern =:= Term.

status(#row{status = "works" ++ _}) -> works;
status(#row{status = "no effect: " ++ _}) -> no_effect;
status(#row{status = "refused: `" ++ Rest}) ->
    [Pattern | _] = string:split(Rest, "`"),
    {ok, Tokens, _} = erl_scan:string(re:replace(Pattern, "\\b_\\b", "'_'", [global, {return, list}]) ++ "."),
    {ok, Term} = erl_parse:parse_term(Tokens),
    {refused, Term}.

%%% The document
%%
%% A heading names a module in backquotes, and where its functions take a Req the generation of that: "### `cowboy_req`
%% (generation 2)". The rows until the next heading are "| call | since | returns | status |", with `\|' for a bar.

rows() ->
    {ok, Text} = file:read_file(document()),
    {_, Rows} = lists:foldl(fun line/2, {none, []}, string:split(Text, "\n", all)),
    lists:reverse(Rows).

document() ->
    Source = filename:dirname(proplists:get_value(source, ?MODULE:module_info(compile))),
    Directories = ["." | [filename:join(Source, Up) || Up <- ["..", "../..", "../../..", "../../../.."]]],
    hd([Path || Directory <- Directories, Path <- [filename:join(Directory, ?DOCUMENT)], filelib:is_regular(Path)]).

line(<<"### `", Rest/binary>>, {_, Rows}) ->
    [Module, After] = string:split(Rest, "`"),
    {{binary_to_atom(Module), generation(After)}, Rows};
line(<<"#", _/binary>>, {_, Rows}) ->
    {none, Rows};
line(<<"| `", _/binary>> = Line, {{Module, Generation}, Rows}) ->
    [_, Call, _, Returns, Status, _] = [string:trim(Cell) || Cell <- re:split(Line, "(?<!\\\\)\\|", [{return, list}])],
    {{Module, Generation}, [row(string:trim(Call, both, "`"), Returns, Status, Module, Generation) | Rows]};
line(_, State) ->
    State.

generation(After) ->
    case re:run(After, "generation (\\w+)", [{capture, all_but_first, list}]) of
        {match, ["2pre"]} -> '2pre';
        {match, [Number]} -> list_to_integer(Number);
        nomatch -> undefined
    end.

row("callback " ++ Call, Returns, Status, Module, Generation) ->
    (row(Call, Returns, Status, Module, Generation))#row{kind = callback};
row(Call, Returns, Status, Module, Generation) ->
    {match, [Name, Arguments]} = re:run(Call, "^(\\w+)\\((.*)\\)$", [{capture, all_but_first, list}]),
    #row{
        module = Module, generation = Generation, kind = function, name = list_to_atom(Name),
        arguments = [string:trim(A) || A <- string:split(Arguments, ",", all), A =/= ""],
        returns = lists:flatten(string:replace(string:trim(Returns, both, "`"), "\\|", "|", all)), status = Status
    }.
