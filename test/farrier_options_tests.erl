%% Cowboy's options become farrier's, and nonsense is named.
-module(farrier_options_tests).

-include_lib("eunit/include/eunit.hrl").

-export([log/2]).

%%% Transport options

list_and_map_of_transport_options_mean_the_same_test() ->
    Socket = [{port, 8080}, {ip, {127, 0, 0, 1}}, {nodelay, false}],
    {ok, FromList} = farrier_options:clear(Socket ++ [{max_connections, 7}, {shutdown, brutal_kill}], #{}),
    {ok, FromMap} = farrier_options:clear(
        #{socket_opts => Socket, max_connections => 7, shutdown => brutal_kill, num_acceptors => 3}, #{}),
    ?assertMatch(
        #{socket := #{port := 8080, ip := {127, 0, 0, 1}, nodelay := false}, max_connections := 7, shutdown := brutal_kill},
        FromList),
    ?assertEqual(maps:remove(transport_options, FromList), maps:remove(transport_options, FromMap)).

empty_options_start_a_listener_too_test_() ->
    [?_assertMatch({ok, #{generation := 2, env := #{}}}, farrier_options:clear(Empty, #{})) || Empty <- [[], #{}]].

addresses_may_be_named_test_() ->
    [{lists:flatten(io_lib:format("~p", [Options])), ?_assertEqual(IP, address(Options))} || {Options, IP} <- [
        {[], default},
        {[inet], default},
        {[{ip, any}], default},
        {[{ip, loopback}], {127, 0, 0, 1}},
        {[{ifaddr, {10, 0, 0, 1}}], {10, 0, 0, 1}},
        {[inet6], {0, 0, 0, 0, 0, 0, 0, 0}},
        {[inet6, {ip, loopback}], {0, 0, 0, 0, 0, 0, 0, 1}},
        {[{ip, loopback}, inet6], {0, 0, 0, 0, 0, 0, 0, 1}},
        {[{ip, {0, 0, 0, 0, 0, 0, 0, 1}}, inet6], {0, 0, 0, 0, 0, 0, 0, 1}}]].

address(Options) ->
    {ok, #{socket := Socket}} = farrier_options:clear(Options, #{}),
    maps:get(ip, Socket, default).

send_timeout_belongs_to_the_listener_test() ->
    {ok, Options} = farrier_options:clear([{port, 0}, {send_timeout, 100}], #{}),
    ?assertMatch(#{send_timeout := 100, socket := #{port := 0}}, Options),
    ?assertNot(is_map_key(send_timeout, maps:get(socket, Options))).

socket_options_without_meaning_are_dropped_with_a_warning_test_() ->
    Senseless = [{active, true}, {header, 4}, {mode, list}, {packet, 4}, binary, list, {reuseaddr, true}, {cipher, x}],
    {setup, fun listen_to_log/0, fun forget_log/1, fun() ->
        {ok, #{socket := Socket}} = farrier_options:clear(Senseless ++ [{port, 1}], #{}),
        ?assertEqual(#{port => 1}, Socket),
        [?assertMatch({match, _}, re:run(logged(), lists:flatten(io_lib:format("option ~0p ", [Option])), []))
            || Option <- Senseless]
    end}.

options_that_say_what_is_done_anyway_are_dropped_in_silence_test_() ->
    {setup, fun listen_to_log/0, fun forget_log/1, fun() ->
        {ok, #{socket := Socket}} = farrier_options:clear([{send_timeout_close, true}, {buffer, 512}, inet], #{}),
        ?assertEqual(#{}, Socket),
        receive {logged, _} = Logged -> error(Logged) after 0 -> ok end
    end}.

listen_to_log() ->
    ok = logger:add_handler(?MODULE, ?MODULE, #{}),
    Level = maps:get(level, logger:get_primary_config()),
    ok = logger:set_primary_config(level, warning),
    Level.

forget_log(Level) ->
    ok = logger:set_primary_config(level, Level),
    ok = logger:remove_handler(?MODULE).

%% Called by `logger', in the process that logs.
log(#{msg := {Format, Arguments}}, _Config) ->
    self() ! {logged, lists:flatten(io_lib:format(Format, Arguments))};
log(_, _) ->
    ok.

logged() ->
    receive
        {logged, Text} -> Text
    after 0 -> error(nothing_logged)
    end.

%%% Nonsense

nonsense_is_named_with_what_is_allowed_test_() ->
    [{lists:flatten(io_lib:format("~0p", [{TransOpts, ProtoOpts}])),
        fun() ->
            {error, {bad_option, Got, Value, Allowed}} = farrier_options:clear(TransOpts, ProtoOpts),
            ?assertEqual(Name, Got),
            ?assert(is_binary(Allowed) andalso byte_size(Allowed) > 0),
            ?assert(Value =:= maps:get(Name, ProtoOpts, Value))
        end} || {Name, TransOpts, ProtoOpts} <- [
        {port, [{port, foo}], #{}},
        {port, [{port, 65536}], #{}},
        {port, [{port, -1}], #{}},
        {ip, [{ip, "127.0.0.1"}], #{}},
        {ip, [{ip, {local, <<>>}}], #{}},
        {backlog, [{backlog, 0}], #{}},
        {nodelay, [{nodelay, maybe_so}], #{}},
        {max_connections, [{max_connections, foo}], #{}},
        {num_acceptors, #{num_acceptors => 0}, #{}},
        {shutdown, #{shutdown => soon}, #{}},
        {socket, #{socket => port}, #{}},
        {socket_opts, #{socket_opts => foo}, #{}},
        {foo, #{foo => 1}, #{}},
        {transport_options, foo, #{}},
        {env, [], #{env => [{dispatch, x}]}},
        {middlewares, [], #{middlewares => cowboy_router}},
        {request_timeout, [], #{request_timeout => soon}},
        {idle_timeout, [], #{idle_timeout => -1}},
        {max_headers, [], #{max_headers => many}},
        {stream_handlers, [], #{stream_handlers => [cowboy_tracer_h, cowboy_stream_h]}},
        {stream_handlers, [], #{stream_handlers => [lists, cowboy_stream_h]}},
        {stream_handlers, [], #{stream_handlers => [cowboy_compress_h]}},
        {proxy_header, [], #{proxy_header => on}},
        {fd, [{fd, 3}], #{}},
        {port, [{ip, {local, "a"}}, {port, 1}], #{}},
        {linger, [{linger, true}], #{}},
        {bridge, [], #{bridge => "nif"}}]].

protocol_options_of_the_wrong_kind_are_named_test() ->
    ?assertMatch({error, {bad_option, protocol_options, [], _}}, farrier_options:clear([], [])),
    ?assertMatch({error, {bad_option, protocol_options, #{}, _}}, farrier_options:http(1, [], #{})).

%%% Protocol options

own_settings_among_the_protocol_options_are_kept_test() ->
    {ok, Options} = farrier_options:clear([], #{my_setting => 1, idle_timeout => 7, stream_handlers => [cowboy_stream_h]}),
    ?assertMatch(#{protocol := #{my_setting := 1, idle_timeout := 7}}, Options).

limits_of_generation_2_reach_the_listener_test() ->
    Limits = #{request_timeout => 1, max_keepalive => 2, max_request_line_length => 3, max_method_length => 4,
        max_header_name_length => 5, max_header_value_length => 6, max_headers => 7, linger_timeout => infinity},
    {ok, Options} = farrier_options:clear([], Limits),
    ?assertEqual(Limits, maps:with(maps:keys(Limits), Options)).

options_of_generation_1_are_property_lists_with_their_own_defaults_test() ->
    OnRequest = fun(Req) -> Req end,
    ProtoOpts = [{env, [{dispatch, d}]}, {timeout, 100}, {onrequest, OnRequest}, {middlewares, [a, b]}, {compress, true}],
    {ok, Options} = farrier_options:http(100, [{port, 1}], ProtoOpts),
    ?assertMatch(
        #{generation := 1, env := [{dispatch, d}], request_timeout := 100, middlewares := [a, b], max_keepalive := 100,
            max_request_line_length := 4096, protocol := #{onrequest := OnRequest, compress := true},
            protocol_options := ProtoOpts, transport_options := [{port, 1}]},
        Options).

first_of_two_equal_properties_counts_test() ->
    {ok, Options} = farrier_options:http(1, [{max_connections, 1}, {max_connections, 2}], [{timeout, 1}, {timeout, 2}]),
    ?assertMatch(#{max_connections := 1, request_timeout := 1}, Options).

bad_option_of_generation_1_has_its_own_name_test() ->
    ?assertMatch({error, {bad_option, timeout, soon, _}}, farrier_options:http(1, [], [{timeout, soon}])),
    ?assertMatch({error, {bad_option, num_acceptors, 0, _}}, farrier_options:http(0, [], [])).

every_option_is_known_to_the_listener_test_() ->
    {ok, Clear} = farrier_options:clear([{port, 0}, {send_timeout, 1}, {max_connections, 1}], #{max_headers => 1}),
    {ok, Http} = farrier_options:http(1, [{port, 0}, {logger, logger}], [{timeout, 1}]),
    [?_assertMatch({ok, _}, farrier_listener:options(ref, Options)) || Options <- [Clear, Http]].
