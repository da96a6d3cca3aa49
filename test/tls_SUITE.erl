%% @doc Listeners that speak TLS: with clients that others wrote, with `openssl', with OTP's `ssl', and beside a real
%% Cowboy.
-module(tls_SUITE).

-export([all/0, groups/0, suite/0, init_per_suite/1, end_per_suite/1, init_per_group/2, end_per_group/2,
    end_per_testcase/2]).
-export([npm_ws/1, python_websockets/1]).
-export([openssl_is_served_in_both_versions/1, messages_of_every_size_come_back/1,
    many_small_messages_come_back_in_order/1,
         what_a_client_sent_before_its_end_is_answered/1, a_close_frame_is_followed_by_close_notify/1,
         a_client_that_reads_late_gets_everything/1, a_hangup_is_noticed_while_nothing_is_read/1,
         a_forged_record_ends_its_connection_alone/1, bodies_of_many_records_come_and_go_whole/1,
         a_session_is_resumed_where_that_is_allowed/1]).
-export([cowboy_1_handlers_are_told_ssl/1, cowboy_0_handlers_are_told_ssl/1, responses_are_as_cowboys/1,
         ranch_starts_listeners_over_ranch_ssl/1]).
-export([a_client_certificate_reaches_the_handler/1, clients_without_a_certificate_are_refused_where_one_is_required/1,
         a_client_certificate_of_a_stranger_is_refused/1, depth_bounds_the_chain_of_a_client/1]).
-export([the_certificate_is_the_one_of_the_name_asked_for/1, the_certificate_suits_the_client/1,
         the_chain_is_completed_from_cacertfile/1, keys_may_have_passwords/1, certificates_may_be_der/1]).
-export([new_options_serve_new_connections_and_old_ones_go_on/1, files_are_read_again/1,
    bad_new_options_change_nothing/1]).
-export([bad_files_are_refused_by_name/1, bad_options_are_refused_by_name/1, ciphers_and_versions_are_honoured/1,
         what_ssl_offers_may_be_passed_back/1, keys_are_not_shown_in_reports/1]).
-export([a_slow_handshake_is_cut_off/1, what_is_no_handshake_is_refused_and_counted/1,
    handshakes_count_as_connections/1]).

-include_lib("common_test/include/ct.hrl").

-import(foreign_client, [run/3, directory/0, source/1]).

-define(REF, {tls_handler, 2}).
-define(PATIENCE, 10000).
-define(LOOPBACK, {ip, {127, 0, 0, 1}}).

-spec suite() -> [term()].
suite() -> [{timetrap, {seconds, 120}}].

-spec all() -> [term()].
all() -> [{group, clients_1}, {group, clients_2}, {group, traffic}, {group, generations}, {group, client_certificates},
          {group, certificates}, {group, reload}, {group, options}, {group, handshakes}].

-spec groups() -> [term()].
groups() ->
    [{clients_1, [npm_ws, python_websockets]},
     {clients_2, [npm_ws, python_websockets]},
     {traffic, [openssl_is_served_in_both_versions, messages_of_every_size_come_back,
         many_small_messages_come_back_in_order,
                what_a_client_sent_before_its_end_is_answered, a_close_frame_is_followed_by_close_notify,
                a_client_that_reads_late_gets_everything, a_hangup_is_noticed_while_nothing_is_read,
                a_forged_record_ends_its_connection_alone,
                bodies_of_many_records_come_and_go_whole, a_session_is_resumed_where_that_is_allowed]},
     {generations, [cowboy_1_handlers_are_told_ssl, cowboy_0_handlers_are_told_ssl, responses_are_as_cowboys,
                    ranch_starts_listeners_over_ranch_ssl]},
     {client_certificates, [a_client_certificate_reaches_the_handler,
                            clients_without_a_certificate_are_refused_where_one_is_required,
                            a_client_certificate_of_a_stranger_is_refused, depth_bounds_the_chain_of_a_client]},
     {certificates, [the_certificate_is_the_one_of_the_name_asked_for, the_certificate_suits_the_client,
                     the_chain_is_completed_from_cacertfile, keys_may_have_passwords, certificates_may_be_der]},
     {reload, [new_options_serve_new_connections_and_old_ones_go_on, files_are_read_again,
         bad_new_options_change_nothing]},
     {options, [bad_files_are_refused_by_name, bad_options_are_refused_by_name, ciphers_and_versions_are_honoured,
                what_ssl_offers_may_be_passed_back, keys_are_not_shown_in_reports]},
     {handshakes, [a_slow_handshake_is_cut_off, what_is_no_handshake_is_refused_and_counted,
         handshakes_count_as_connections]}].

-spec init_per_suite([term()]) -> [term()].
init_per_suite(Config) ->
    {ok, _} = application:ensure_all_started(ssl),
    Dir = filename:join(?config(priv_dir, Config), "certificates"),
    ok = filelib:ensure_path(Dir),
    ok = tls_files:make(Dir),
    cowboy_suite:start([{certificates, Dir} | Config]).

-spec end_per_suite([term()]) -> ok.
end_per_suite(Config) -> cowboy_suite:stop(Config).

-spec init_per_group(atom(), [term()]) -> [term()].
init_per_group(clients_1, Config) -> [{generation, 1} | Config];
init_per_group(_, Config) -> [{generation, 2} | Config].

-spec end_per_group(atom(), [term()]) -> ok.
end_per_group(_, _) -> ok.

-spec end_per_testcase(atom(), [term()]) -> ok.
end_per_testcase(_, _) ->
    _ = [farrier:stop_listener(Ref) || Ref <- farrier_listener:refs()],
    ok.

%%% Clients that others wrote

-spec npm_ws([term()]) -> {comment, string()}.
npm_ws(Config) ->
    run("node", [source("ws.mjs"), url(Config)], [{"NODE_EXTRA_CA_CERTS", file("root.pem", Config)}]).

-spec python_websockets([term()]) -> {comment, string()}.
python_websockets(Config) ->
    Python = filename:join(directory(), "python/bin/python3"),
    run(Python, [source("websockets_client.py"), url(Config)], [{"SSL_CERT_FILE", file("root.pem", Config)}]).

-spec url([term()]) -> string().
url(Config) ->
    Port = tls_handler:listen(?config(generation, Config), chain(Config)),
    lists:concat(["wss://localhost:", Port, "/ws"]).

%%% Traffic

-spec openssl_is_served_in_both_versions([term()]) -> ok.
openssl_is_served_in_both_versions(Config) ->
    Port = tls_handler:listen(2, chain(Config)),
    Expected = <<"https localhost 443 undefined https://localhost/">>,
    [begin
         Verify = " -verify_return_error -verify_hostname localhost -CAfile ",
         Output = unicode:characters_to_binary(s_client(Port, [Version, Verify, file("root.pem", Config)])),
         {match, _} = re:run(Output, "HTTP/1.1 200 OK"),
         {_, _} = binary:match(Output, Expected),
         {match, _} = re:run(Output, "Verify return code: 0")
     end || Version <- ["-tls1_2", "-tls1_3"]],
    ok.

-spec messages_of_every_size_come_back([term()]) -> ok.
messages_of_every_size_come_back(Config) ->
    Port = tls_handler:listen(2, chain(Config)),
    [begin
         Socket = tls_client:websocket(Port, [{versions, [Version]}]),
         [ok = tls_client:echoed(Socket, crypto:strong_rand_bytes(Size))
             || Size <- [0, 1, 125, 126, 16383, 16384, 16385, 65535, 65536, 65537, 200000, 1 bsl 20, 5 bsl 20]],
         ok = ssl:close(Socket)
     end || Version <- ['tlsv1.2', 'tlsv1.3']],
    ok.

-spec many_small_messages_come_back_in_order([term()]) -> ok.
many_small_messages_come_back_in_order(Config) ->
    Socket = tls_client:websocket(tls_handler:listen(2, chain(Config)), []),
    Numbers = lists:seq(1, 20000),
    Sender = spawn_link(fun() -> [raw_client:send(Socket, oracle_frame:text(integer_to_binary(N)))
        || N <- Numbers] end),
    [{1, N} = {1, binary_to_integer(element(2, {1, _} = raw_client:frame(Socket)))} || N <- Numbers],
    false = is_process_alive(Sender),
    ssl:close(Socket).

%% The client shuts its side at once: what it sent is handled, and the answers still go out.
-spec what_a_client_sent_before_its_end_is_answered([term()]) -> ok.
what_a_client_sent_before_its_end_is_answered(Config) ->
    Socket = tls_client:websocket(tls_handler:listen(2, chain(Config)), []),
    Payload = crypto:strong_rand_bytes(300000),
    raw_client:send(Socket, [oracle_frame:text(<<"one">>), oracle_frame:binary(Payload)]),
    ok = ssl:shutdown(Socket, write),
    {1, <<"one">>} = raw_client:frame(Socket),
    {2, Payload} = raw_client:frame(Socket),
    <<>> = raw_client:until_eof(Socket),
    await(fun() -> maps:get(connections, farrier:info(?REF)) =:= 0 end).

-spec a_close_frame_is_followed_by_close_notify([term()]) -> ok.
a_close_frame_is_followed_by_close_notify(Config) ->
    Port = tls_handler:listen(2, chain(Config)),
    Command = io_lib:format(
        "(printf 'GET /ws HTTP/1.1\\r\\nhost: localhost\\r\\nconnection: upgrade\\r\\nupgrade: websocket\\r\\n"
        "sec-websocket-version: 13\\r\\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\\r\\n\\r\\n';"
        " printf '\\210\\200\\0\\0\\0\\0') |"
        " openssl s_client -connect 127.0.0.1:~b -ign_eof -msg 2>&1", [Port]),
    Output = os:cmd(lists:flatten(Command)),
    {match, _} = re:run(Output, "<<< TLS 1.3, Alert \\[length 0002\\], warning close_notify").

%% More than all buffers hold is on its way before the client reads.
-spec a_client_that_reads_late_gets_everything([term()]) -> ok.
a_client_that_reads_late_gets_everything(Config) ->
    Socket = tls_client:websocket(tls_handler:listen(2, chain(Config)), []),
    Messages = [binary:copy(<<N:32>>, 1 bsl 18) || N <- lists:seq(1, 40)],
    Self = self(),
    Sender = spawn_link(fun() ->
        [raw_client:send(Socket, oracle_frame:binary(Message)) || Message <- Messages],
        Self ! {self(), sent}
    end),
    receive {Sender, sent} -> ct:fail(nothing_is_bounded) after 1000 -> ok end,
    [{2, Message} = raw_client:frame(Socket) || Message <- Messages],
    receive {Sender, sent} -> ssl:close(Socket) after ?PATIENCE -> ct:fail(not_sent) end.

-spec a_hangup_is_noticed_while_nothing_is_read([term()]) -> ok.
a_hangup_is_noticed_while_nothing_is_read(Config) ->
    Port = tls_handler:listen(2, chain(Config)),
    [begin
         Socket = tls_client:websocket(Port, []),
         raw_client:send(Socket, oracle_frame:text(<<"passive">>)),
         {1, <<"passive">>} = raw_client:frame(Socket),
         ok = HangUp(Socket),
         await(fun() -> maps:get(connections, farrier:info(?REF)) =:= 0 end)
     end || HangUp <- [fun ssl:close/1, fun(Socket) -> ssl:shutdown(Socket, read_write) end]],
    ok.

%% A relay changes one byte of what the client sends.
-spec a_forged_record_ends_its_connection_alone([term()]) -> ok.
a_forged_record_ends_its_connection_alone(Config) ->
    Port = tls_handler:listen(2, chain(Config)),
    Untouched = tls_client:websocket(Port, []),
    Relay = tls_relay:start(Port),
    Socket = tls_client:websocket(tls_relay:port(Relay), []),
    ok = tls_client:echoed(Socket, <<"hello">>),
    ok = tls_relay:forge(Relay),
    _ = ssl:send(Socket, oracle_frame:text(<<"hello">>)),
    {error, _} = ssl:recv(Socket, 0, ?PATIENCE),
    await(fun() -> maps:get(connections, farrier:info(?REF)) =:= 1 end),
    ok = tls_client:echoed(Untouched, <<"hello">>),
    ssl:close(Untouched).

-spec bodies_of_many_records_come_and_go_whole([term()]) -> ok.
bodies_of_many_records_come_and_go_whole(Config) ->
    Port = tls_handler:listen(2, chain(Config)),
    Body = crypto:strong_rand_bytes(3000000),
    {ok, Socket} = tls_client:connect(Port, []),
    Request = ["POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: ", integer_to_binary(byte_size(Body)),
        "\r\n\r\n"],
    [begin
         raw_client:send(Socket, [Request, Body]),
         Response = response(Socket, byte_size(Body), <<>>),
         [_, Body] = binary:split(Response, <<"\r\n\r\n">>)
     end || _ <- [first, again]],
    ssl:close(Socket).

-spec response(ssl:sslsocket(), pos_integer(), binary()) -> binary().
response(Socket, Length, Received) ->
    case binary:match(Received, <<"\r\n\r\n">>) of
        {At, 4} when byte_size(Received) - At - 4 =:= Length -> Received;
        _ ->
            {ok, Bytes} = ssl:recv(Socket, 0, ?PATIENCE),
            response(Socket, Length, <<Received/binary, Bytes/binary>>)
    end.

-spec a_session_is_resumed_where_that_is_allowed([term()]) -> ok.
a_session_is_resumed_where_that_is_allowed(Config) ->
    [begin
         Port = tls_handler:listen(2, [{reuse_sessions, Allowed} | chain(Config)]),
         Session = file("session", Config),
         _ = file:delete(Session),
         _ = s_client(Port, [Version, " -sess_out ", Session]),
         Allowed = filelib:is_regular(Session) andalso is_resumed(Port, [Version, " -sess_in ", Session], attempts())
     end || Allowed <- [true, false], Version <- ["-tls1_2", "-tls1_3"]],
    ok.

%% By ports it is the same process of the operating system that has to be reached again.
-spec attempts() -> pos_integer().
attempts() ->
    case application:get_env(farrier, bridge) of
        {ok, port} -> 30;
        _ -> 1
    end.

-spec is_resumed(inet:port_number(), iodata(), non_neg_integer()) -> boolean().
is_resumed(_, _, 0) -> false;
is_resumed(Port, Options, Left) ->
    re:run(s_client(Port, Options), "Reused, ") =/= nomatch orelse is_resumed(Port, Options, Left - 1).

%% One request by `openssl s_client', and all that it says.
-spec s_client(inet:port_number(), iodata()) -> string().
s_client(Port, Options) ->
    os:cmd(lists:flatten(io_lib:format(
        "printf 'GET / HTTP/1.1\\r\\nhost: localhost\\r\\nconnection: close\\r\\n\\r\\n' |"
        " openssl s_client -connect 127.0.0.1:~b -ign_eof ~s 2>&1", [Port, Options]))).

%%% Generations

-spec cowboy_1_handlers_are_told_ssl([term()]) -> ok.
cowboy_1_handlers_are_told_ssl(Config) ->
    Port = tls_handler:listen(1, chain(Config)),
    {<<"HTTP/1.1 200 OK">>, _, <<"https://localhost">>} = tls_client:get(Port, "/"),
    Socket = tls_client:websocket(Port, []),
    ok = tls_client:echoed(Socket, <<"hello">>),
    ssl:close(Socket).

-spec cowboy_0_handlers_are_told_ssl([term()]) -> ok.
cowboy_0_handlers_are_told_ssl(Config) ->
    TransOpts = [?LOOPBACK, {port, 0} | chain(Config)],
    ProtoOpts = [{dispatch, [{'_', [{'_', tls_handler_0, []}]}]}],
    {ok, _} = cowboy:start_listener(old, 10, cowboy_ssl_transport, TransOpts, cowboy_http_protocol, ProtoOpts),
    Socket = tls_client:websocket(farrier:get_port(old), []),
    raw_client:send(Socket, oracle_frame:text(<<"hello">>)),
    {1, <<"hello">>} = raw_client:frame(Socket),
    ssl:close(Socket).

%% Status line, headers but the date, body, and what was agreed on by ALPN.
-spec responses_are_as_cowboys([term()]) -> ok | {skip, string()}.
responses_are_as_cowboys(Config) ->
    {ok, Path} = oracle_node:oracle_path(),
    Oracle = oracle_node:start(Path),
    Options = chain(Config),
    Requests = ["/", "/echo", "/nothing/here"],
    Seen = fun(Port) ->
        [begin
             {Status, Headers, Body} = tls_client:get(Port, Request, Alpn),
             {Status, without_date(Headers), without_port(Body, Port)}
         end || Request <- Requests, Alpn <- [[], [{alpn_advertised_protocols, [<<"http/1.1">>]}]]]
        ++ [agreed(Port), without_date(binary:split(tls_client:upgraded(Port), <<"\r\n">>, [global]))]
    end,
    Expected = Seen(peer:call(Oracle, tls_handler, listen, [2, Options])),
    oracle_node:stop(Oracle),
    [] = [Pair || {Theirs, Ours} = Pair <- lists:zip(Expected, Seen(tls_handler:listen(2, Options))), Theirs =/= Ours],
    ok.

-spec agreed(inet:port_number()) -> term().
agreed(Port) ->
    {ok, Socket} = tls_client:connect(Port, [{alpn_advertised_protocols, [<<"http/1.1">>]}]),
    Agreed = ssl:negotiated_protocol(Socket),
    ok = ssl:close(Socket),
    Agreed.

-spec without_date([binary()]) -> [binary()].
without_date(Headers) -> lists:sort([Header || Header <- Headers, string:prefix(Header, "date: ") =:= nomatch]).

-spec without_port(binary(), inet:port_number()) -> binary().
without_port(Body, Port) -> binary:replace(Body, integer_to_binary(Port), <<"PORT">>, [global]).

-spec ranch_starts_listeners_over_ranch_ssl([term()]) -> ok.
ranch_starts_listeners_over_ranch_ssl(Config) ->
    ProtoOpts = #{env => #{dispatch => tls_handler:dispatch()}},
    TransOpts = #{socket_opts => [?LOOPBACK, {port, 0} | chain(Config)]},
    {ok, _} = ranch:start_listener(over_ranch, ranch_ssl, TransOpts, cowboy_tls, ProtoOpts),
    {<<"HTTP/1.1 200 OK">>, _, _} = tls_client:get(ranch:get_port(over_ranch), "/"),
    Info = ranch:info(over_ranch),
    {ranch_ssl, cowboy_tls} = {proplists:get_value(transport, Info), proplists:get_value(protocol, Info)},
    #{tls := true} = farrier:info(over_ranch),
    ok.

%%% Certificates of clients

-spec a_client_certificate_reaches_the_handler([term()]) -> ok.
a_client_certificate_reaches_the_handler(Config) ->
    Port = tls_handler:listen(2, verifying(true, Config)),
    Der = tls_files:der(file("client.pem", Config)),
    Shown = base64:encode(crypto:hash(sha256, Der)),
    [begin
         {_, _, Body} = tls_client:get(Port, "/", [{versions, [Version]} | client(Config)]),
         {_, _} = binary:match(Body, Shown)
     end || Version <- ['tlsv1.2', 'tlsv1.3']],
    ok.

-spec clients_without_a_certificate_are_refused_where_one_is_required([term()]) -> ok.
clients_without_a_certificate_are_refused_where_one_is_required(Config) ->
    Required = tls_handler:listen(2, verifying(true, Config)),
    {error, {tls_alert, _}} = tls_client:connect(Required, [{versions, ['tlsv1.2']}]),
    refused(Required, []),
    Asked = tls_handler:listen(2, verifying(false, Config)),
    {<<"HTTP/1.1 200 OK">>, _, Body} = tls_client:get(Asked, "/"),
    {_, _} = binary:match(Body, <<" undefined ">>),
    ok.

-spec a_client_certificate_of_a_stranger_is_refused([term()]) -> ok.
a_client_certificate_of_a_stranger_is_refused(Config) ->
    Stranger = [{certfile, file("stranger.pem", Config)}, {keyfile, file("stranger.key", Config)}],
    [refused(tls_handler:listen(2, verifying(Required, Config)), Stranger) || Required <- [true, false]],
    ok.

-spec depth_bounds_the_chain_of_a_client([term()]) -> ok.
depth_bounds_the_chain_of_a_client(Config) ->
    Options = verifying(true, Config),
    {<<"HTTP/1.1 200 OK">>, _, _} = tls_client:get(tls_handler:listen(2, [{depth, 1} | Options]), "/", client(Config)),
    refused(tls_handler:listen(2, [{depth, 0} | Options]), client(Config)).

%% With TLS 1.3 a client hears of it only after it believes itself connected.
-spec refused(inet:port_number(), list()) -> ok.
refused(Port, Options) ->
    #{failed_handshakes := Before} = farrier:info(?REF),
    case tls_client:connect(Port, Options) of
        {error, {tls_alert, _}} -> ok;
        {ok, Socket} ->
            {error, _} = ssl:recv(Socket, 0, ?PATIENCE),
            ok
    end,
    await(fun() -> maps:get(failed_handshakes, farrier:info(?REF)) > Before end).

-spec verifying(boolean(), [term()]) -> list().
verifying(Required, Config) ->
    [{verify, verify_peer}, {fail_if_no_peer_cert, Required}, {cacertfile, file("root.pem", Config)} | chain(Config)].

-spec client([term()]) -> list().
client(Config) ->
    [{certfile, file("client.pem", Config)}, {keyfile, file("client.key", Config)},
     {cacertfile, file("intermediate.pem", Config)}].

%%% Certificates of the listener

-spec the_certificate_is_the_one_of_the_name_asked_for([term()]) -> ok.
the_certificate_is_the_one_of_the_name_asked_for(Config) ->
    Other = [{certfile, file("other.pem", Config)}, {keyfile, file("other.key", Config)}],
    Port = tls_handler:listen(2, [{sni_hosts, [{"other.test", Other}]} | chain(Config)]),
    [other = shown_by(Name, Port, Config) || Name <- ["other.test", "OTHER.test"]],
    [localhost = shown_by(Name, Port, Config) || Name <- ["localhost", "else.test", disable]],
    ok.

-spec shown_by(string() | disable, inet:port_number(), [term()]) -> atom().
shown_by(Name, Port, Config) ->
    which(tls_client:shown(Port, [{server_name_indication, Name}]), Config).

-spec which(binary(), [term()]) -> atom().
which(Der, Config) ->
    [Shown] = [Name || Name <- [localhost, other, elliptic],
        tls_files:der(file(atom_to_list(Name) ++ ".pem", Config)) =:= Der],
    Shown.

-spec the_certificate_suits_the_client([term()]) -> ok.
the_certificate_suits_the_client(Config) ->
    Pair = fun(Name) -> #{certfile => file(Name ++ ".pem", Config), keyfile => file(Name ++ ".key", Config)} end,
    Port = tls_handler:listen(2, [{certs_keys, [Pair("elliptic"), Pair("localhost")]}]),
    Shown = fun(Algorithms) -> which(tls_client:shown(Port, [{signature_algs, Algorithms}, {versions, ['tlsv1.3']}]),
        Config) end,
    elliptic = Shown([ecdsa_secp256r1_sha256, rsa_pss_rsae_sha256]),
    localhost = Shown([rsa_pss_rsae_sha256]),
    ok.

-spec the_chain_is_completed_from_cacertfile([term()]) -> ok.
the_chain_is_completed_from_cacertfile(Config) ->
    Leaf = [{certfile, file("localhost.pem", Config)}, {keyfile, file("localhost.key", Config)}],
    Trusting = [{verify, verify_peer}, {cacertfile, file("root.pem", Config)}, {server_name_indication, "localhost"}],
    Bare = tls_handler:listen(2, Leaf),
    {error, {tls_alert, {unknown_ca, _}}} = tls_client:connect(Bare, Trusting),
    Completed = tls_handler:listen(2, [{cacertfile, file("intermediate.pem", Config)} | Leaf]),
    {ok, Socket} = tls_client:connect(Completed, Trusting),
    ssl:close(Socket).

-spec keys_may_have_passwords([term()]) -> ok.
keys_may_have_passwords(Config) ->
    [begin
         Options = [?LOOPBACK, {port, 0}, {certfile, file("localhost.pem", Config)}, {keyfile, file(Key, Config)}],
         Port = tls_handler:listen(2, [{password, Password} | Options]),
         localhost = which(tls_client:shown(Port, []), Config),
         Name = unicode:characters_to_binary(file(Key, Config)),
         {error, {bad_option, keyfile, Name, _}} = cowboy:start_tls(locked, Options, #{}),
         {error, {bad_option, keyfile, _, Allowed}} = cowboy:start_tls(locked, [{password, "wrong"} | Options], #{}),
         {_, _} = binary:match(Allowed, <<"password">>)
     end || Key <- ["encrypted.key", "traditional.key"], Password <- ["secret", <<"secret">>, fun() -> "secret" end]],
    ok.

-spec certificates_may_be_der([term()]) -> ok.
certificates_may_be_der(Config) ->
    Der = fun(Name) -> tls_files:der(file(Name, Config)) end,
    [begin
         Options = [{cert, Cert}, {key, tls_files:key(file("localhost.key", Config))},
             {cacerts, [Der("intermediate.pem")]}],
         localhost = which(tls_client:shown(tls_handler:listen(2, Options), []), Config)
     end || Cert <- [Der("localhost.pem"), [Der("localhost.pem"), Der("intermediate.pem")]]],
    ok.

%%% New options for a listener that runs

-spec new_options_serve_new_connections_and_old_ones_go_on([term()]) -> ok.
new_options_serve_new_connections_and_old_ones_go_on(Config) ->
    Port = tls_handler:listen(2, chain(Config)),
    Socket = tls_client:websocket(Port, []),
    ok = farrier:set_tls(?REF, #{certfile => file("other.pem", Config), keyfile => file("other.key", Config)}),
    other = which(tls_client:shown(Port, []), Config),
    ok = tls_client:echoed(Socket, crypto:strong_rand_bytes(100000)),
    %% An option of another kind leaves TLS alone.
    ok = farrier:set_max_connections(?REF, 100),
    other = which(tls_client:shown(Port, []), Config),
    ok = farrier:suspend_listener(?REF),
    ok = farrier:resume_listener(?REF),
    other = which(tls_client:shown(Port, []), Config),
    ok = tls_client:echoed(Socket, <<"still here">>),
    ssl:close(Socket).

-spec files_are_read_again([term()]) -> ok.
files_are_read_again(Config) ->
    Copy = fun(From, To) -> {ok, _} = file:copy(file(From, Config), file(To, Config)) end,
    Copy("localhost.pem", "renewed.pem"),
    Copy("localhost.key", "renewed.key"),
    Port = tls_handler:listen(2, [{certfile, file("renewed.pem", Config)}, {keyfile, file("renewed.key", Config)}]),
    Socket = tls_client:websocket(Port, []),
    Copy("other.pem", "renewed.pem"),
    Copy("other.key", "renewed.key"),
    localhost = which(tls_client:shown(Port, []), Config),
    ok = farrier:reload_tls(?REF),
    other = which(tls_client:shown(Port, []), Config),
    ok = file:delete(file("renewed.pem", Config)),
    {error, {bad_option, certfile, _, _}} = farrier:reload_tls(?REF),
    ok = farrier:set_max_connections(?REF, 100),
    other = which(tls_client:shown(Port, []), Config),
    ok = tls_client:echoed(Socket, <<"still here">>),
    ssl:close(Socket).

-spec bad_new_options_change_nothing([term()]) -> ok.
bad_new_options_change_nothing(Config) ->
    Port = tls_handler:listen(2, chain(Config)),
    Bad = [{certfile, #{certfile => "/nowhere.pem"}}, {certfile, #{}}, {sni_fun, #{sni_fun => fun(_) -> [] end}}],
    [{error, {bad_option, Name, _, _}} = farrier:set_tls(?REF, Options) || {Name, Options} <- Bad],
    localhost = which(tls_client:shown(Port, []), Config),
    {ok, _} = cowboy:start_clear(clear, [?LOOPBACK, {port, 0}], #{}),
    {error, {bad_option, tls, _, _}} = farrier:set_tls(clear, maps:from_list(chain(Config))),
    ok.

%%% Options

-spec bad_files_are_refused_by_name([term()]) -> ok.
bad_files_are_refused_by_name(Config) ->
    Cert = {certfile, file("localhost.pem", Config)},
    Key = {keyfile, file("localhost.key", Config)},
    Cases = [{certfile, "missing.pem", [Key]}, {certfile, "garbage.pem", [Key]}, {certfile, "empty.pem", [Key]},
             {certfile, "localhost.key", [Key]}, {keyfile, "missing.key", [Cert]}, {keyfile, "localhost.pem", [Cert]},
             {keyfile, "other.key", [Cert]}, {keyfile, "p521.key", [Cert]}, {keyfile, "empty.pem", [Cert]},
             {cacertfile, "missing.pem", [Cert, Key]}, {cacertfile, "empty.pem", [Cert, Key]}],
    [begin
         Path = unicode:characters_to_binary(file(Name, Config)),
         {error, {bad_option, Option, Path, Allowed}} = start([{Option, file(Name, Config)} | Rest]),
         true = is_binary(Allowed)
     end || {Option, Name, Rest} <- Cases],
    {error, {bad_option, certfile, _, _}} = start([]),
    {error, {bad_option, cacertfile, _, _}} = start([Cert, Key, {verify, verify_peer}]),
    ok.

-spec bad_options_are_refused_by_name([term()]) -> ok.
bad_options_are_refused_by_name(Config) ->
    Options = [
        {verify, verify_maybe}, {fail_if_no_peer_cert, yes}, {depth, -1}, {versions, ['tlsv1.4']},
        {versions, ['tlsv1.1']},
        {versions, []}, {ciphers, ["NO-SUCH-SUITE"]}, {ciphers, ["HIGH:!aNULL"]}, {ciphers, ["DHE-RSA-AES256-SHA"]},
        {eccs, [sect571r1]},
        {supported_groups, [x448]}, {honor_cipher_order, 1}, {alpn_preferred_protocols, [<<"mqtt">>]},
        {reuse_sessions, maybe},
        {sni_fun, fun(_) -> undefined end}, {verify_fun, {fun(_, _, _) -> ok end, []}}, {sni_hosts, ["host"]},
        {handshake_timeout, soon}, {early_data, enabled}, {crl_check, true}, {psk_identity, "x"},
        {user_lookup_fun, {fun() -> ok end, x}},
        {partial_chain, fun(_) -> ok end}, {signature_algs, []}, {key, {'DSAPrivateKey', <<>>}}, {password, 1},
        {handshake, hello}
    ],
    [begin
         {error, {bad_option, Name, _, Allowed}} = start([Option | chain(Config)]),
         true = is_binary(Allowed)
     end || {Name, _} = Option <- Options],
    {error, {bad_option, verify, _, _}} = start([{sni_hosts, [{"host", [{verify, verify_peer}]}]} | chain(Config)]),
    {error, {bad_option, tls, _, _}} = farrier:start_listener(bad, #{tls => true}),
    ok.

-spec start(list()) -> {ok, pid()} | {error, term()}.
start(Options) -> cowboy:start_tls(bad, [?LOOPBACK, {port, 0} | Options], #{}).

-spec ciphers_and_versions_are_honoured([term()]) -> ok.
ciphers_and_versions_are_honoured(Config) ->
    Agreed = fun(Options, Asked) ->
        {ok, Socket} = tls_client:connect(tls_handler:listen(2, Options ++ chain(Config)), Asked),
        {ok, [{protocol, Version}, {selected_cipher_suite, Suite}]} =
            ssl:connection_information(Socket, [protocol, selected_cipher_suite]),
        ok = ssl:close(Socket),
        {Version, ssl:suite_to_openssl_str(Suite)}
    end,
    {'tlsv1.3', "TLS_CHACHA20_POLY1305_SHA256"} = Agreed([{ciphers, ["TLS_CHACHA20_POLY1305_SHA256"]}], []),
    {'tlsv1.2', "ECDHE-RSA-AES128-GCM-SHA256"} = Agreed([{ciphers, "ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA"}], []),
    {'tlsv1.2', _} = Agreed([{versions, ['tlsv1.2', 'tlsv1.1']}], []),
    {'tlsv1.3', _} = Agreed([{versions, ['tlsv1.3']}], []),
    Two = ["ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256"],
    Reversed = [{versions, ['tlsv1.2']}, {ciphers, lists:reverse(Two)}],
    {_, "ECDHE-RSA-AES256-GCM-SHA384"} = Agreed([{ciphers, Two}, {honor_cipher_order, true}], Reversed),
    {_, "ECDHE-RSA-AES128-GCM-SHA256"} = Agreed([{ciphers, Two}, {honor_cipher_order, false}], Reversed),
    Only13 = tls_handler:listen(2, [{versions, ['tlsv1.3']} | chain(Config)]),
    {error, {tls_alert, {protocol_version, _}}} = tls_client:connect(Only13, [{versions, ['tlsv1.2']}]),
    ok.

%% What projects copy from everywhere, and what tunes nothing here.
-spec what_ssl_offers_may_be_passed_back([term()]) -> ok.
what_ssl_offers_may_be_passed_back(Config) ->
    Options = [
        {ciphers, ssl:cipher_suites(default, 'tlsv1.2')}, {ciphers, ssl:cipher_suites(all, 'tlsv1.3')},
        {ciphers, ssl:cipher_suites(exclusive, 'tlsv1.2', openssl)}, {eccs, ssl:eccs()}, {secure_renegotiate, true},
        {client_renegotiation, false}, {dhfile, "/nowhere/dh.pem"},
        {next_protocols_advertised, [<<"h2">>, <<"http/1.1">>]},
        {alpn_preferred_protocols, [<<"h2">>, <<"http/1.1">>]}, {hibernate_after, 5000}, {log_level, none},
        {reuse_sessions, save},
        {handshake_timeout, infinity}, {cacerts, [tls_files:der(file("root.pem", Config))]},
        {session_tickets, stateless}
    ],
    [begin
         Port = tls_handler:listen(2, [Option | chain(Config)]),
         {<<"HTTP/1.1 200 OK">>, _, _} = tls_client:get(Port, "/")
     end || Option <- Options],
    ok.

-spec keys_are_not_shown_in_reports([term()]) -> ok.
keys_are_not_shown_in_reports(Config) ->
    {Type, Der} = tls_files:key(file("localhost.key", Config)),
    {ok, Pid} = farrier:start_listener(hidden, #{ip => {127, 0, 0, 1},
        tls => #{certfile => file("localhost.pem", Config), key => {Type, Der}}}),
    Shown = [sys:get_state(Child) || {_, Child, _, [farrier_listener]} <- supervisor:which_children(Pid)],
    true = Shown =/= [],
    Printed = iolist_to_binary(io_lib:format("~w ~w", [Shown,
        supervisor:get_childspec(farrier_sup, {farrier_listener_sup, hidden})])),
    nomatch = binary:match(Printed, iolist_to_binary(io_lib:format("~w", [Der]))),
    ok.

%%% Handshakes

-spec a_slow_handshake_is_cut_off([term()]) -> ok.
a_slow_handshake_is_cut_off(Config) ->
    Port = tls_handler:listen(2, [{handshake_timeout, 300} | chain(Config)]),
    [begin
         {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, false}]),
         ok = gen_tcp:send(Socket, Start),
         {error, closed} = gen_tcp:recv(Socket, 0, ?PATIENCE)
     end || Start <- [<<>>, <<22, 3, 1, 2, 0, 1, 0>>]],
    await(fun() -> maps:with([failed_handshakes, connections], farrier:info(?REF)) =:= #{failed_handshakes => 2,
        connections => 0} end).

-spec what_is_no_handshake_is_refused_and_counted([term()]) -> ok.
what_is_no_handshake_is_refused_and_counted(Config) ->
    Port = tls_handler:listen(2, chain(Config)),
    [begin
         {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, false}]),
         ok = gen_tcp:send(Socket, Bytes),
         <<>> = without_alert(Socket)
     end || Bytes <- [<<"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n">>, <<22, 3, 3, 0, 1, 255>>,
         binary:copy(<<22, 3, 1, 64, 0>>, 20000)]],
    await(fun() -> maps:get(failed_handshakes, farrier:info(?REF)) =:= 3 end),
    {<<"HTTP/1.1 200 OK">>, _, _} = tls_client:get(Port, "/"),
    ok.

%% At most one alert comes (RFC 8446 6): type, version, length, level and description.
-spec without_alert(gen_tcp:socket()) -> binary().
without_alert(Socket) ->
    case gen_tcp:recv(Socket, 0, ?PATIENCE) of
        {ok, <<21, 3, _, 0, 2, 2, _>>} -> without_alert(Socket);
        {ok, Bytes} -> Bytes;
        {error, Closed} when Closed =:= closed; Closed =:= econnreset -> <<>>
    end.

-spec handshakes_count_as_connections([term()]) -> ok.
handshakes_count_as_connections(Config) ->
    Port = tls_handler:listen(2, [{max_connections, 1} | chain(Config)]),
    {ok, Silent} = gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, false}]),
    await(fun() -> maps:get(connections, farrier:info(?REF)) =:= 1 end),
    Self = self(),
    Waiting = spawn_link(fun() -> Self ! {self(), tls_client:get(Port, "/")} end),
    receive {Waiting, _} -> ct:fail(served_beyond_the_limit) after 200 -> ok end,
    ok = gen_tcp:close(Silent),
    receive {Waiting, {<<"HTTP/1.1 200 OK">>, _, _}} -> ok after ?PATIENCE -> ct:fail(never_served) end.

%%% What the cases share

-spec chain([term()]) -> list().
chain(Config) -> [{certfile, file("chain.pem", Config)}, {keyfile, file("localhost.key", Config)}].

-spec file(string(), [term()]) -> file:filename().
file(Name, Config) -> filename:join(?config(certificates, Config), Name).

-spec await(fun(() -> boolean())) -> ok.
await(Condition) -> await(Condition, ?PATIENCE div 10).

-spec await(fun(() -> boolean()), non_neg_integer()) -> ok.
await(_, 0) -> ct:fail(never_so);
await(Condition, Left) ->
    case Condition() of
        true -> ok;
        false ->
            timer:sleep(10),
            await(Condition, Left - 1)
    end.
