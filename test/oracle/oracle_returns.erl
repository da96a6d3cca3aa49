%% @doc Scenarios: what a handler returns, and what becomes of it.
-module(oracle_returns).

-export([tables/0]).

-import(oracle_frame, [text/1, close/0, close/2]).

-spec tables() -> [{atom(), [map()]}].
tables() ->
    [{in_each_callback, in_each_callback()},
     {frames_out, frames_out()},
     {close_frames_out, close_frames_out()},
     {commands, commands()},
     {shutdown_reasons, shutdown_reasons()},
     {options, options()},
     {passive, passive()},
     {bad_frames, bad_frames()},
     {crashes, crashes()},
     {terminating, terminating()}].

%% A handler that answers any text with `Return(State)', and a client that says one and then ends the session.
-spec returning(string(), fun((map()) -> term()), [oracle_run:step()]) -> map().
returning(Name, Return, Steps) ->
    #{name => Name, script => #{handle => fun(_, S) -> Return(S) end}, steps => [upgrade, {send, text(<<"go">>)} | Steps]}.

%% The session goes on.
-spec lives(string(), fun((map()) -> term()), non_neg_integer()) -> map().
lives(Name, Return, Frames) ->
    Read = [{frames, Frames} || Frames > 0],
    returning(Name, Return, Read ++ [{await, handle}, {send, close()}, eof]).

%% The return ends the session.
-spec ends(string(), fun((map()) -> term())) -> map().
ends(Name, Return) -> returning(Name, Return, [eof]).

%% Every form of return, in each of the three callbacks that have one.
-spec in_each_callback() -> [map()].
in_each_callback() ->
    [in_callback(Callback, Name, Return) || Callback <- [websocket_init, handle, info], {Name, Return} <- returns()].

-spec in_callback(atom(), string(), fun((map()) -> term())) -> map().
in_callback(Callback, Name, Return) ->
    #{name => lists:concat([Callback, ": ", Name]), script => #{Callback => once(Callback, Return)},
      steps => [upgrade] ++ provoke(Callback) ++ [{await, Callback}, {send, close()}, eof]}.

%% Only the first call returns it; what comes later must not disturb.
-spec once(atom(), fun((map()) -> term())) -> function().
once(websocket_init, Return) -> Return;
once(_, Return) ->
    fun(_, #{s := 0} = S) -> Return(S#{s := 1});
       (_, S) -> {[], S}
    end.

-spec provoke(atom()) -> [oracle_run:step()].
provoke(websocket_init) -> [];
provoke(handle) -> [{send, text(<<"go">>)}];
provoke(info) -> [{message, go}].

-spec returns() -> [{string(), fun((map()) -> term())}].
returns() ->
    A = {text, <<"a">>},
    [{"{ok, S}", fun(S) -> {ok, S#{s := new}} end},
     {"{ok, S, hibernate}", fun(S) -> {ok, S#{s := new}, hibernate} end},
     {"{reply, Frame, S}", fun(S) -> {reply, A, S#{s := new}} end},
     {"{reply, [Frame, Frame], S}", fun(S) -> {reply, [A, {binary, [1, <<2>>]}], S#{s := new}} end},
     {"{reply, [], S}", fun(S) -> {reply, [], S#{s := new}} end},
     {"{reply, Frame, S, hibernate}", fun(S) -> {reply, A, S#{s := new}, hibernate} end},
     {"{reply, close, S}", fun(S) -> {reply, close, S#{s := new}} end},
     {"{reply, [Frame, Close, Frame], S, hibernate}", fun(S) -> {reply, [A, {close, 4000, <<"x">>}, A], S#{s := new}, hibernate} end},
     {"{stop, S}", fun(S) -> {stop, S#{s := new}} end},
     {"{[], S}", fun(S) -> {[], S#{s := new}} end},
     {"{[], S, hibernate}", fun(S) -> {[], S#{s := new}, hibernate} end},
     {"{[Frame], S}", fun(S) -> {[A], S#{s := new}} end},
     {"{[Frame, Frame], S, hibernate}", fun(S) -> {[A, A], S#{s := new}, hibernate} end},
     {"{[Frame, close, Frame], S}", fun(S) -> {[A, close, A], S#{s := new}} end},
     {"a bad atom", fun(_) -> bad end},
     {"ok", fun(_) -> ok end},
     {"{ok, S, Timeout}", fun(S) -> {ok, S, 5000} end},
     {"{shutdown, S}", fun(S) -> {shutdown, S} end},
     {"{stop, S, hibernate}", fun(S) -> {stop, S, hibernate} end},
     {"{Frame, S}", fun(S) -> {A, S} end},
     {"{[Frame], S, Timeout}", fun(S) -> {[A], S, 5000} end},
     {"{reply, Bad, S}", fun(S) -> {reply, bad, S} end},
     {"{[bad], S}", fun(S) -> {[bad], S} end},
     {"{[Frame, bad], S}", fun(S) -> {[A, bad], S} end},
     {"{[Frame | improper], S}", fun(S) -> {[A | bad], S} end},
     {"error", fun(_) -> error(boom) end},
     {"exit", fun(_) -> exit(boom) end},
     {"exit(normal)", fun(_) -> exit(normal) end},
     {"exit({shutdown, x})", fun(_) -> exit({shutdown, x}) end},
     {"throw", fun(_) -> throw(boom) end},
     {"throw of a return", fun(S) -> throw({ok, S#{s := new}}) end}].

-spec frames_out() -> [map()].
frames_out() ->
    Sizes = [0, 1, 125, 126, 65535, 65536],
    One = fun(Name, Frame) -> lives("sends " ++ Name, fun(S) -> {[Frame], S} end, 1) end,
    [One(lists:concat([Type, " of ", Size, " bytes"]), {Type, binary:copy(<<"x">>, Size)}) || Type <- [text, binary], Size <- Sizes]
    ++ [One("an iolist", {text, ["a", [<<"b">>, $c], []]}),
        One("text that is not UTF-8", {text, <<255, 254>>}),
        One("ping", ping), One("pong", pong), One("{ping, empty}", {ping, <<>>}), One("{pong, iolist}", {pong, ["a", <<"b">>]}),
        One("a ping of 125 bytes", {ping, binary:copy(<<"p">>, 125)}),
        lives("sends a hundred frames", fun(S) -> {[{text, integer_to_binary(N)} || N <- lists:seq(1, 100)], S} end, 100),
        lives("sends frames of all kinds", fun(S) -> {[ping, {text, <<"t">>}, {pong, <<"p">>}, {binary, <<0>>}, pong, {ping, "q"}], S} end, 6),
        lives("sends nothing", fun(S) -> {[], S} end, 0)].

-spec close_frames_out() -> [map()].
close_frames_out() ->
    [ends(lists:concat(["sends ", Name, Form]), Wrap(Frame))
     || {Form, Wrap} <- [{"", fun(F) -> fun(S) -> {[F], S} end end}, {" as a reply", fun(F) -> fun(S) -> {reply, F, S} end end}],
        {Name, Frame} <- [{"close", close}, {"{close, Text}", {close, <<"bye">>}}, {"{close, iolist}", {close, ["b", <<"ye">>]}},
                          {"{close, Empty}", {close, <<>>}}, {"{close, 1000, Empty}", {close, 1000, <<>>}}, {"{close, 4999, Text}", {close, 4999, <<"x">>}},
                          {"{close, 1005, Text}", {close, 1005, <<"x">>}}, {"{close, 0, Empty}", {close, 0, <<>>}},
                          {"{close, 99999, Empty}", {close, 99999, <<>>}}, {"a close reason of 123 bytes", {close, 1000, binary:copy(<<"r">>, 123)}},
                          {"a close reason that is not UTF-8", {close, 1000, <<255>>}}]]
    ++ [returning("after its close frame a server reads no more", fun(S) -> {[close], S} end, [{send, [close(1000, <<>>), text(<<"x">>)]}, eof])].

-spec commands() -> [map()].
commands() ->
    A = {text, <<"a">>},
    [lives("{deflate, true} without compression", fun(S) -> {[{deflate, true}, A], S} end, 1),
     lives("{deflate, false} without compression", fun(S) -> {[{deflate, false}, A], S} end, 1),
     lives("{active, true} of an active connection", fun(S) -> {[{active, true}, A], S} end, 1),
     lives("{set_options, Empty}", fun(S) -> {[{set_options, #{}}, A], S} end, 1),
     lives("{set_options, Unknown}", fun(S) -> {[{set_options, #{foo => bar, compress => true}}, A], S} end, 1),
     lives("{shutdown_reason, T} between frames", fun(S) -> {[A, {shutdown_reason, x}, A], S} end, 2),
     ends("{active, bad}", fun(S) -> {[{active, bad}], S} end),
     ends("{deflate, bad}", fun(S) -> {[{deflate, bad}], S} end),
     ends("stop is no command", fun(S) -> {[A, stop], S} end),
     ends("{stop, Reason} is no command", fun(S) -> {[{stop, x}], S} end),
     ends("{reply, Frame} is no command", fun(S) -> {[{reply, A}], S} end),
     ends("ok is no command", fun(S) -> {[ok], S} end),
     ends("commands in a reply", fun(S) -> {reply, [A, {active, true}], S} end),
     ends("commands after a close frame are not looked at", fun(S) -> {[close, bad, {active, bad}], S} end)].

-spec shutdown_reasons() -> [map()].
shutdown_reasons() ->
    Set = fun(T) -> fun(S) -> {[{shutdown_reason, T}], S} end end,
    Init = fun(Name, T, Script, Steps) -> #{name => Name, script => Script#{websocket_init => Set(T)}, steps => [upgrade | Steps]} end,
    [Init("shutdown_reason and the peer's close frame", mine, #{}, [{send, close()}, eof]),
     Init("shutdown_reason and the peer's disconnect", mine, #{}, [{await, websocket_init}, close]),
     Init("shutdown_reason and a stop", {any, "term"}, #{handle => fun(_, S) -> {stop, S} end}, [{send, text(<<"x">>)}, eof]),
     Init("shutdown_reason and a violation", mine, #{}, [{send, oracle_frame:frame(3, <<>>)}, eof]),
     Init("shutdown_reason and a timeout", mine, #{opts => #{idle_timeout => 100}}, [eof]),
     Init("shutdown_reason and a crash", mine, #{handle => fun(_, _) -> error(boom) end}, [{send, text(<<"x">>)}, eof]),
     Init("shutdown_reason and a bad return", mine, #{handle => fun(_, _) -> bad end}, [{send, text(<<"x">>)}, eof]),
     Init("shutdown_reason normal", normal, #{}, [{send, close()}, eof]),
     ends("shutdown_reason before a close frame", fun(S) -> {[{shutdown_reason, x}, close], S} end),
     ends("shutdown_reason after a close frame", fun(S) -> {[close, {shutdown_reason, x}], S} end),
     returning("the last shutdown_reason counts", fun(S) -> {[{shutdown_reason, x}, {shutdown_reason, y}], S} end, [{send, close()}, eof])].

-spec options() -> [map()].
options() ->
    [ends("set_options with a time that is none", fun(S) -> {[{set_options, #{idle_timeout => bad}}, {text, <<"unsent">>}], S} end),
     ends("set_options shortens the idle timeout", fun(S) -> {[{set_options, #{idle_timeout => 50}}], S} end),
     #{name => "set_options takes the idle timeout away",
       script => #{opts => #{idle_timeout => 400},
                   handle => fun({text, <<"go">>}, S) -> erlang:send_after(700, self(), later), {[{set_options, #{idle_timeout => infinity}}], S};
                                (_, S) -> {[], S} end,
                   info => fun(later, S) -> {[{text, <<"later">>}], S} end},
       steps => [upgrade, {send, text(<<"go">>)}, {frames, 1}, {send, close()}, eof]},
     (returning("set_options sets the frame limit", fun(S) -> {[{set_options, #{max_frame_size => 5}}, {text, <<"set">>}], S} end,
                [{frames, 1}, {send, text(<<"123456">>)}, eof]))
     #{script => #{handle => fun({text, <<"go">>}, S) -> {[{set_options, #{max_frame_size => 5}}, {text, <<"set">>}], S};
                                (_, S) -> {stop, S} end},
       deviates => [{callbacks, {handle, {text, <<"123456">>}, {state, 0}}, none, "since 2.13 max_frame_size can be set"},
                    {callbacks, [{init, <<"GET">>, <<"/ws">>}, {websocket_init, {state, 0}}, {handle, {text, <<"go">>}, {state, 0}}, none, {terminate, stop, {state, 0}}],
                     [{init, <<"GET">>, <<"/ws">>}, {websocket_init, {state, 0}}, {handle, {text, <<"go">>}, {state, 0}}, {terminate, {error, badsize}, {state, 0}}],
                     "since 2.13 max_frame_size can be set"},
                    {wire, {eof, <<16#88, 2, 1000:16>>}, {eof, <<16#88, 2, 1009:16>>}, "since 2.13 max_frame_size can be set"}]}].

-spec passive() -> [map()].
passive() ->
    Handle = fun({text, <<"off">>}, S) -> {[{active, false}, {text, <<"off">>}], S};
                (Frame, S) -> {[Frame], S} end,
    Info = fun(on, S) -> {[{active, true}], S};
              (Message, S) -> {[{text, atom_to_binary(Message)}], S} end,
    Passive = fun(Name, Opts, Steps) -> #{name => Name, script => #{handle => Handle, info => Info, opts => Opts}, steps => [upgrade | Steps]} end,
    Off = text(<<"off">>),
    [Passive("frames already read are delivered though reading has stopped", #{idle_timeout => 150}, [{send, [Off, text(<<"b">>)]}, eof]),
     Passive("pings are not answered while reading has stopped", #{idle_timeout => 200}, [{send, Off}, {frames, 1}, {send, oracle_frame:ping(<<"x">>)}, eof]),
     Passive("frames are read once reading goes on", #{}, [{send, Off}, {frames, 1}, {send, text(<<"b">>)}, {message, still}, {frames, 1},
                                                           {message, on}, {frames, 1}, {send, close()}, eof]),
     (Passive("a disconnect while reading has stopped", #{idle_timeout => 300}, [{send, Off}, {frames, 1}, close]))
     #{deviates => [{callbacks, {terminate, timeout, {state, 0}}, {terminate, {error, closed}, {state, 0}},
                     "a disconnect is noticed although reading has stopped"}]},
     #{name => "reading stopped in websocket_init", script => #{websocket_init => fun(S) -> {[{active, false}, {text, <<"init">>}], S} end, info => Info},
       steps => [upgrade, {frames, 1}, {send, text(<<"a">>)}, {message, still}, {frames, 1}, {message, on}, {frames, 1}, {send, close()}, eof]}].

-spec bad_frames() -> [map()].
bad_frames() ->
    [ends(lists:concat([Name, Form]), Wrap(Frame))
     || {Form, Wrap} <- [{" in commands", fun(F) -> fun(S) -> {[{text, <<"a">>}, F], S} end end},
                         {" in a reply", fun(F) -> fun(S) -> {reply, [{text, <<"a">>}, F], S} end end}],
        {Name, Frame} <- [{"a ping of 126 bytes", {ping, binary:copy(<<"p">>, 126)}}, {"a pong of 126 bytes", {pong, binary:copy(<<"p">>, 126)}},
                          {"a close reason of 124 bytes", {close, 1000, binary:copy(<<"r">>, 124)}}, {"{close, Text} of 124 bytes", {close, binary:copy(<<"r">>, 124)}},
                          {"{text, 123}", {text, 123}}, {"{text, atom}", {text, atom}}, {"{text, [atom]}", {text, [atom]}}, {"{text, [300]}", {text, [300]}},
                          {"text", text}, {"{foo, <<>>}", {foo, <<>>}}, {"{close, Code}", {close, 1000}}, {"{close, atom, Text}", {close, normal, <<"x">>}},
                          {"{ping, atom}", {ping, atom}}, {"a binary", <<"a">>}, {"a four-tuple", {close, 1000, <<>>, x}}]].

-spec crashes() -> [map()].
crashes() ->
    Crash = fun(Name, Script, Steps) -> #{name => Name, script => Script, steps => [upgrade | Steps]} end,
    Boom = fun(_, _) -> error(boom) end,
    [Crash("a crash in websocket_init, early frames unread", #{websocket_init => fun(_) -> error(boom) end}, [eof]),
     Crash("a crash in handle after replies", #{handle => fun({text, <<"x">>}, _) -> error({tuple, "list"}); (F, S) -> {[F], S#{s := 1}} end},
           [{send, [text(<<"a">>), text(<<"x">>)]}, eof]),
     Crash("a crash on a pong", #{handle => Boom}, [{send, oracle_frame:pong(<<>>)}, eof]),
     Crash("a clause that does not match", #{handle => fun({binary, _}, S) -> {[], S} end}, [{send, text(<<"a">>)}, eof]),
     Crash("a bad match", #{handle => fun(F, S) -> {binary, _} = F, {[], S} end}, [{send, text(<<"a">>)}, eof]),
     Crash("an undefined function", #{handle => fun(_, _) -> no_such_module:f() end}, [{send, text(<<"a">>)}, eof]),
     Crash("an exit by a call that times out", #{handle => fun(_, _) -> gen_server:call(self_less, x) end}, [{send, text(<<"a">>)}, eof]),
     #{name => "a crash without terminate", handler => oracle_handler_bare, script => #{handle => Boom}, steps => [upgrade, {send, text(<<"a">>)}, eof]},
     #{name => "a stop without terminate", handler => oracle_handler_bare, script => #{handle => fun(_, S) -> {stop, S} end}, steps => [upgrade, {send, text(<<"a">>)}, eof]}].

-spec terminating() -> [map()].
terminating() ->
    With = fun(Name, Fun, Steps) -> #{name => "terminate: " ++ Name, script => #{terminate => Fun}, steps => [upgrade | Steps]} end,
    Filtered = fun(Name, Opts, Show) ->
        #{name => "terminate's Req: " ++ Name, script => #{opts => Opts, terminate => fun(_, Req, S) -> oracle_trace:note(S, Show(Req)) end},
          steps => [upgrade, {send, close()}, eof]} end,
    [With("error", fun(_, _, _) -> error(boom) end, [{send, close()}, eof]),
     With("exit", fun(_, _, _) -> exit(boom) end, [{send, close()}, eof]),
     With("throw", fun(_, _, _) -> throw(boom) end, [{send, close()}, eof]),
     With("any value", fun(_, _, _) -> {bad, value} end, [{send, close()}, eof]),
     (Filtered("the default", #{}, fun(Req) -> lists:sort(maps:keys(Req)) end))
     #{deviates => [{callbacks, {note, [host, method, path, peer, port, qs, scheme, version]},
                     {note, [host, method, path, peer, port, qs, scheme, streamid, version]}, "2.14 adds streamid"}]},
     Filtered("values", #{}, fun(#{peer := {Ip, Port}} = Req) -> {maps:without([peer, streamid], Req), Ip, is_integer(Port)} end),
     Filtered("req_filter to a map", #{req_filter => fun(Req) -> maps:with([headers, ref], Req) end}, fun(#{headers := H}) -> H end),
     Filtered("req_filter to an atom", #{req_filter => fun(_) -> filtered end}, fun(Req) -> Req end),
     #{name => "terminate's Req: after a crash in init",
       script => #{init => fun(_, _) -> error(boom) end,
                   terminate => fun(_, Req, S) -> oracle_trace:note(S, lists:sort(maps:keys(Req))) end},
       steps => [{send, oracle_run:handshake()}, response]}].
