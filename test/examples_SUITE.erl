%% @doc The projects of examples/: each is built by its own rebar.config without a warning, started as an application in
%% a VM of its own, and does what its README says.
%%
%% They are copied, and linked to the working tree as their _checkouts/ are. All share one build directory, so that
%% farrier is compiled once.
-module(examples_SUITE).

-export([all/0, suite/0, init_per_suite/1, end_per_suite/1, init_per_testcase/2, end_per_testcase/2]).
-export([echo_0x/1, chat_1x/1, timer_2pre/1, echo_2x/1, chat/1, the_page_of_the_chat/1]).
-export([every_example_is_tested/1]).
%% In the example's VM.
-export([start/1]).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-import(plain_websocket, [connect/2, send/2, send/3, recv/1, get/2]).

-spec suite() -> [term()].
suite() -> [{timetrap, {minutes, 5}}].

-spec all() -> [atom()].
all() ->
    [every_example_is_tested, echo_0x, chat_1x, timer_2pre, echo_2x, chat, the_page_of_the_chat].

-spec init_per_suite([term()]) -> [term()].
init_per_suite(Config) ->
    Root = rebar3_project:root(),
    Target = os:getenv("CARGO_TARGET_DIR", filename:join(Root, "target")),
    Build = filename:join(?config(priv_dir, Config), "_build"),
    [{root, Root}, {build, Build}, {env, [{"REBAR_BASE_DIR", Build}, {"CARGO_TARGET_DIR", Target}]} | Config].

-spec end_per_suite([term()]) -> ok.
end_per_suite(Config) ->
    ok = file:del_dir_r(?config(build, Config)).

-spec init_per_testcase(atom(), [term()]) -> [term()].
init_per_testcase(every_example_is_tested, Config) ->
    Config;
init_per_testcase(Case, Config) ->
    Example = example(Case),
    ok = build(atom_to_list(Example), Config),
    Built = filename:join(?config(build, Config), "default"),
    Checkouts = filelib:wildcard(filename:join(Built, "checkouts/*/ebin")),
    Path = [filename:join([Built, "lib", Example, "ebin"]) | Checkouts],
    Own = filename:dirname(code:which(?MODULE)),
    Args = lists:append([["-pa", Dir] || Dir <- [Own | Path]]),
    {ok, Peer, _} = peer:start(#{connection => standard_io, args => Args, env => [{"ERL_LIBS", ""}]}),
    Port = peer:call(Peer, ?MODULE, start, [Example], 30000),
    [{peer, Peer}, {port, Port} | Config].

-spec end_per_testcase(atom(), [term()]) -> ok.
end_per_testcase(every_example_is_tested, _) -> ok;
end_per_testcase(_, Config) -> peer:stop(?config(peer, Config)).

-spec example(atom()) -> atom().
example(the_page_of_the_chat) -> chat;
example(Case) -> Case.

-spec build(string(), [term()]) -> ok.
build(Example, Config) ->
    Project = filename:join(?config(priv_dir, Config), Example),
    case filelib:is_dir(Project) of
        true ->
            ok;
        false ->
            Root = ?config(root, Config),
            _ = rebar3_project:copy_example(Example, Root, Project),
            ok = rebar3_project:link_checkouts([cowboy, farrier, ranch, cowlib], Root, Project),
            {0, Output} = rebar3_project:rebar3("compile", Project, ?config(env, Config)),
            ?assertNotEqual(nomatch, string:find(Output, "Compiling " ++ Example)),
            ?assertEqual(nomatch, re:run(Output, "(^|[^/])src/.*Warning", [multiline])),
            ok
    end.

%% Starts the application on a free port. Its listener has its name.
-spec start(atom()) -> inet:port_number().
start(Example) ->
    ok = application:load(Example),
    ok = application:set_env(Example, port, 0),
    {ok, _} = application:ensure_all_started(Example),
    farrier:get_port(Example).

-spec every_example_is_tested([term()]) -> ok.
every_example_is_tested(Config) ->
    Examples = filelib:wildcard("*/rebar.config", filename:join(?config(root, Config), "examples")),
    ?assertEqual(lists:sort([filename:dirname(Example) || Example <- Examples]),
                 lists:usort([atom_to_list(example(Case)) || Case <- all(), Case =/= every_example_is_tested])),
    [?assertEqual([cowboy], deps(filename:join([?config(root, Config), "examples", Example]))) || Example <- Examples],
    ok.

%% Their rebar.config names cowboy alone.
-spec deps(file:filename()) -> term().
deps(File) ->
    {ok, Terms} = file:consult(File),
    proplists:get_value(deps, Terms).

%%% Generation 0

-spec echo_0x([term()]) -> ok.
echo_0x(Config) ->
    Port = ?config(port, Config),
    ?assertMatch({200, <<"<!DOCTYPE html>", _/binary>>}, get(Port, "/")),
    ?assertEqual({404, <<"Nothing is at /iron/hot.\n">>}, get(Port, "/iron/hot")),
    ?assertEqual({426, <<"Only WebSocket is spoken here.\n">>}, get(Port, "/echo/Ada")),
    Socket = connect(Port, "/echo/Ada"),
    ?assertEqual({text, <<"Hello Ada, you speak version 13 of the protocol.">>}, recv(Socket)),
    ok = send(Socket, <<"Hufeisen ✓"/utf8>>),
    ?assertEqual({text, <<"1: Hufeisen ✓"/utf8>>}, recv(Socket)),
    ok = send(Socket, binary, <<0, 255>>),
    ?assertEqual({binary, <<0, 255>>}, recv(Socket)),
    ok = send(Socket, ping, <<"still there?">>),
    ?assertEqual({pong, <<"still there?">>}, recv(Socket)),
    ok = send(Socket, <<"again">>),
    ?assertEqual({text, <<"2: again">>}, recv(Socket)),
    ok = send(Socket, <<"quit">>),
    ?assertEqual([close, eof], [recv(Socket), recv(Socket)]),
    draft_76(Port).

%% The keys and the answer are the example of draft-hixie-thewebsocketprotocol-76, section 1.2.
-spec draft_76(inet:port_number()) -> ok.
draft_76(Port) ->
    {ok, Socket} = gen_tcp:connect("127.0.0.1", Port, [binary, {active, false}]),
    ok = gen_tcp:send(Socket,
        "GET /echo/Safari HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n"
        "Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\nSec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n"
        "Origin: http://example.com\r\n\r\n^n:ds[4U"),
    Head = read_to(Socket, <<"8jKS'y:G*Co,Wxa-">>),
    ?assertMatch(<<"HTTP/1.1 101 WebSocket Protocol Handshake\r\n", _/binary>>, Head),
    ?assertMatch(<<0, "Hello Safari, you speak version 0 of the protocol.", 255>>, read_to(Socket, <<255>>)),
    ok = gen_tcp:send(Socket, [0, "iron", 255]),
    ?assertEqual(<<0, "1: iron", 255>>, read_to(Socket, <<255>>)),
    ok = gen_tcp:send(Socket, [255, 0]),
    ?assertEqual(<<255, 0>>, read_to(Socket, <<255, 0>>)),
    gen_tcp:close(Socket).

-spec read_to(gen_tcp:socket(), binary()) -> binary().
read_to(Socket, End) ->
    read_to(Socket, End, <<>>).

-spec read_to(gen_tcp:socket(), binary(), binary()) -> binary().
read_to(Socket, End, Read) ->
    case binary:longest_common_suffix([Read, End]) =:= byte_size(End) of
        true -> Read;
        false -> {ok, Byte} = gen_tcp:recv(Socket, 1, 20000), read_to(Socket, End, <<Read/binary, Byte/binary>>)
    end.

%%% Generation 1

-spec chat_1x([term()]) -> ok.
chat_1x(Config) ->
    Port = ?config(port, Config),
    ?assertMatch({200, <<"<!DOCTYPE html>", _/binary>>}, get(Port, "/")),
    One = connect(Port, "/rooms/forge?name=One"),
    ?assertEqual({text, <<"One came in">>}, recv(One)),
    Elsewhere = connect(Port, "/rooms/stable"),
    ?assertEqual({text, <<"somebody came in">>}, recv(Elsewhere)),
    Other = connect(Port, "/rooms/forge?name=Other"),
    ?assertEqual([{text, <<"Other came in">>}, {text, <<"Other came in">>}], [recv(One), recv(Other)]),
    ok = send(Other, <<"Is the iron hot?">>),
    ?assertEqual({text, <<"Other: Is the iron hot?">>}, recv(One)),
    ok = plain_websocket:close(Other),
    ?assertEqual({text, <<"Other left">>}, recv(One)),
    ok = send(Elsewhere, <<"hay">>),
    ?assertEqual({text, <<"somebody: hay">>}, recv(Elsewhere)),
    ok.

%%% The pre-releases of 2.0

-spec timer_2pre([term()]) -> ok.
timer_2pre(Config) ->
    Port = ?config(port, Config),
    ?assertMatch({200, <<"<!DOCTYPE html>", _/binary>>}, get(Port, "/")),
    Socket = connect(Port, "/timer?first=1"),
    ?assertEqual([{text, <<"1 ms are over, 0 left to wait for">>}, {ping, <<>>}], [recv(Socket), recv(Socket)]),
    ok = send(Socket, <<"3600000">>),
    ?assertEqual({text, <<"3600000 ms are set">>}, recv(Socket)),
    ok = send(Socket, <<"0">>),
    ?assertEqual({text, <<"0 ms are set">>}, recv(Socket)),
    ?assertEqual([{text, <<"0 ms are over, 1 left to wait for">>}, {ping, <<>>}], [recv(Socket), recv(Socket)]),
    ok = send(Socket, pong, <<>>),
    ok = send(Socket, <<"3600001">>),
    ?assertEqual({text, <<"That is too long">>}, recv(Socket)),
    ok = send(Socket, <<"soon">>),
    ?assertEqual({text, <<"Send a number of milliseconds, or stop">>}, recv(Socket)),
    ok = send(Socket, <<"stop">>),
    ?assertEqual([{close, 1000, <<>>}, eof], [recv(Socket), recv(Socket)]),
    ok.

%%% Generation 2

-spec echo_2x([term()]) -> ok.
echo_2x(Config) ->
    Port = ?config(port, Config),
    ?assertEqual({200, <<"Hello! Talk to /websocket.\n">>}, get(Port, "/")),
    ?assertEqual({refused, 404}, connect(Port, "/nowhere")),
    Socket = connect(Port, "/websocket"),
    ?assertEqual({text, <<"Hello!">>}, recv(Socket)),
    ok = send(Socket, <<"Hufeisen ✓"/utf8>>),
    ?assertEqual({text, <<"Hufeisen ✓"/utf8>>}, recv(Socket)),
    ok = send(Socket, binary, <<0, 255>>),
    ?assertEqual({binary, <<0, 255>>}, recv(Socket)),
    ok = send(Socket, close, <<1000:16, "bye">>),
    ?assertEqual([{close, 1000, <<>>}, eof], [recv(Socket), recv(Socket)]),
    ok.

-spec chat([term()]) -> ok.
chat(Config) ->
    Port = ?config(port, Config),
    ?assertMatch({200, <<"<!DOCTYPE html>", _/binary>>}, get(Port, "/")),
    ?assertMatch({200, _}, get(Port, "/assets/chat.js")),
    Ada = connect(Port, "/rooms/forge?name=Ada"),
    ?assertEqual([#{type => <<"you">>, name => <<"Ada">>, room => <<"forge">>},
                  #{type => <<"present">>, names => [<<"Ada">>]},
                  #{type => <<"rooms">>, rooms => [#{name => <<"forge">>, people => 1}]}], news(3, Ada)),
    Hot = <<"\"Heiß?\""/utf8>>,
    ok = send(Ada, Hot),
    ?assertMatch([#{type := <<"said">>, from := <<"Ada">>, text := Hot, at := _}], news(1, Ada)),
    Other = connect(Port, "/rooms/forge?name=Ada"),
    ?assertMatch([#{type := <<"you">>, name := <<"Ada 2">>}, #{type := <<"said">>, text := Hot},
                  #{type := <<"present">>, names := [<<"Ada">>, <<"Ada 2">>]}, #{type := <<"rooms">>}], news(4, Other)),
    ?assertMatch([#{type := <<"came">>, name := <<"Ada 2">>}, #{type := <<"present">>}, #{type := <<"rooms">>}],
                 news(3, Ada)),
    ok = send(Other, <<"/typing">>),
    ?assertEqual([#{type => <<"typing">>, name => <<"Ada 2">>}], news(1, Ada)),
    ok = send(Other, <<"/quit">>),
    ?assertEqual([{close, 1000, <<"See you!">>}, eof], [recv(Other), recv(Other)]),
    ?assertMatch([#{type := <<"left">>, name := <<"Ada 2">>}, #{names := [<<"Ada">>]}, #{type := <<"rooms">>}],
                 news(3, Ada)),
    ok.

-spec news(pos_integer(), gen_tcp:socket()) -> [map()].
news(Count, Socket) ->
    [begin {text, Json} = recv(Socket), json(Json) end || _ <- lists:seq(1, Count)].

%% The chat writes no quotation mark within a string, so every second part between them is one; before a colon it is a
%% key.
-spec json(binary()) -> map().
json(Json) ->
    {ok, Tokens, _} = erl_scan:string(unicode:characters_to_list(term(binary:split(Json, <<"\"">>, [global])))),
    {ok, Term} = erl_parse:parse_term(Tokens ++ [{dot, 1}]),
    Term.

-spec term([binary()]) -> iolist().
term([Syntax, Key, <<$:, More/binary>> | Rest]) -> [syntax(Syntax), Key, "=>", term([More | Rest])];
term([Syntax, String | Rest]) -> [syntax(Syntax), io_lib:format("~w", [unescape(String)]), term(Rest)];
term([Syntax]) -> syntax(Syntax).

-spec syntax(binary()) -> iodata().
syntax(Syntax) -> string:replace(Syntax, "{", "#{", all).

-spec unescape(binary()) -> binary().
unescape(<<"\\u", Hex:4/binary, Rest/binary>>) -> <<(binary_to_integer(Hex, 16))/utf8, (unescape(Rest))/binary>>;
unescape(<<Byte, Rest/binary>>) -> <<Byte, (unescape(Rest))/binary>>;
unescape(<<>>) -> <<>>.

%% Two people in headless Chromium.
-spec the_page_of_the_chat([term()]) -> ok.
the_page_of_the_chat(Config) ->
    Url = lists:concat(["http://127.0.0.1:", ?config(port, Config), "/"]),
    {Status, Output} = rebar3_project:run("node", ["test/browser/chat.mjs", Url], ?config(root, Config), []),
    ct:pal("~ts", [Output]),
    ?assertEqual(0, Status).
