%% @doc The options of OTP's `ssl' as projects pass them to a listener, translated for the native side, which speaks
%% TLS by rustls. Each is honoured, or known to be without effect and harmless, or refused by its name.
%%
%% Honoured: those that `farrier:start_listener/2' documents. Without effect, because what they tune does not exist
%% here: `dh', `dhfile' (only elliptic curves are used for key exchange), `secure_renegotiate', `client_renegotiation',
%% `renegotiate_at' (there is no renegotiation), `next_protocols_advertised' (replaced by ALPN), `hibernate_after',
%% `sender_spawn_opts', `receiver_spawn_opts' (there are no processes), `key_update_at', `max_handshake_size' (rustls
%% has its own limits), `honor_ecc_order', `log_level', `log_alert', `crl_cache', `anti_replay', `cookie',
%% `middlebox_comp_mode', `erl_dist' (of clients, or of what is off anyway), `beast_mitigation', `padding_check' (for
%% versions before TLS 1.2). Everything else is refused.
-module(farrier_tls).

-include_lib("kernel/include/logger.hrl").

-export([options/2, is_option/1, start_options/2]).

-export_type([options/0]).

-type options() :: map() | [{atom(), term()} | atom()].
-type kind() ::
    file
    | chain
    | certificates
    | key
    | password
    | identities
    | hosts
    | boolean
    | count
    | timeout
    | verify
    | versions
    | ciphers
    | groups
    | protocols
    | sessions
    | tickets
    | any
    | {only, term(), string()}
    | refused
    | unknown.

-define(IDENTITY, [cert, certfile, key, keyfile, password]).
-define(PROTOCOLS, [<<"h2">>, <<"http/1.1">>]).

%%% Start functions

%% @doc The options of a listener that speaks TLS. `Start' translates the transport options without those of TLS.
-spec start_options(fun((term()) -> {ok, map()} | {error, term()}), term()) -> {ok, map()} | {error, term()}.
start_options(Start, TransOpts) ->
    {Tls, Rest} = split(TransOpts),
    case Start(Rest) of
        {ok, Options} -> {ok, Options#{tls => Tls, transport_options => TransOpts}};
        {error, _} = Error -> Error
    end.

%% As in a property list the first of several wins.
-spec split(term()) -> {map(), term()}.
split(#{socket_opts := SocketOpts} = TransOpts) when is_list(SocketOpts) ->
    {Tls, Rest} = split(SocketOpts),
    {maps:merge(maps:with([handshake_timeout], TransOpts), Tls), TransOpts#{socket_opts := Rest}};
split(TransOpts) when is_list(TransOpts) ->
    {Tls, Rest} = lists:partition(fun(Option) -> is_option(name(Option)) end, TransOpts),
    {maps:from_list(lists:reverse(proplists:unfold(Tls))), Rest};
split(TransOpts) ->
    {#{}, TransOpts}.

-spec name(term()) -> term().
name(Option) when is_tuple(Option), tuple_size(Option) > 0 -> element(1, Option);
name(Option) -> Option.

%% @doc Whether an option is of TLS.
-spec is_option(term()) -> boolean().
is_option(Name) -> kind(Name) =/= unknown.

%%% Translation

%% @doc The options as `farrier:start_listener/2' documents them, for the native side. A listener of Cowboy 2 offers
%% `h2' and `http/1.1' by ALPN where nothing else is said, as Cowboy does; one of an earlier generation does not speak
%% ALPN then.
-spec options(farrier_handler:generation(), options()) -> {ok, map()} | {error, farrier_options:reason()}.
options(Generation, Options) when is_list(Options) ->
    options(Generation, maps:from_list(lists:reverse(proplists:unfold(Options))));
options(Generation, Options) when is_map(Options) ->
    farrier_options:guarded(fun() ->
        _ = [check(kind(Name), Name, Value) || {Name, Value} <- maps:to_list(Options)],
        Default = #{alpn_preferred_protocols => alpn(Generation)},
        maps:fold(fun translate/3, maps:merge(Default, identities(Options)), Options)
    end);
options(_, Options) ->
    {error, {bad_option, tls, Options, <<"a map or a property list of options of TLS">>}}.

-spec alpn(farrier_handler:generation()) -> [binary()].
alpn(2) -> [<<"h2">>, <<"http/1.1">>];
alpn(_) -> [].

-spec identities(map()) -> map().
identities(#{certs_keys := Identities}) ->
    #{certs_keys => [identity(Identity) || Identity <- Identities]};
identities(Options) ->
    case maps:with(?IDENTITY, Options) of
        Identity when Identity =:= #{} -> #{};
        Identity -> #{certs_keys => [identity(Identity)]}
    end.

-spec translate(atom(), term(), map()) -> map().
translate(Name, Value, Tls) ->
    case {kind(Name), Name} of
        {_, cacertfile} -> Tls#{cacertfile => path(Value)};
        {certificates, _} -> Tls#{cacerts => certificates(Value)};
        {hosts, _} -> Tls#{sni_hosts => [{to_binary(Host), host(Own)} || {Host, Own} <- Value]};
        {versions, _} -> Tls#{versions => versions(Value)};
        {ciphers, _} -> Tls#{ciphers => farrier_tls_ciphers:suites(Value)};
        {groups, eccs} when is_map_key(supported_groups, Tls) -> Tls;
        {groups, _} -> Tls#{supported_groups => farrier_tls_ciphers:groups(Name, Value)};
        {sessions, _} when is_map_key(reuse_sessions, Tls) -> Tls;
        {sessions, _} -> Tls#{reuse_sessions => Value =/= false};
        {tickets, _} -> Tls#{reuse_sessions => Value =/= disabled};
        {Kind, _} when Kind =:= boolean; Kind =:= count; Kind =:= timeout; Kind =:= verify; Kind =:= protocols ->
            Tls#{Name => Value};
        _ -> Tls
    end.

%%% Certificates and keys

-spec identity(map()) -> map().
identity(Identity) ->
    maps:fold(
        fun
            (certfile, Path, Own) -> Own#{certfile => path(Path)};
            (cert, Chain, Own) -> Own#{cert => certificates(Chain)};
            (cacertfile, Path, Own) -> Own#{cacertfile => path(Path)};
            (cacerts, Certificates, Own) -> Own#{cacerts => certificates(Certificates)};
            (key, Key, Own) -> Own#{key => Key};
            (keyfile, _, Own) when is_map_key(key, Own) -> Own;
            (keyfile, Path, Own) -> Own#{keyfile => path(Path)};
            (_, _, Own) -> Own
        end,
        #{},
        decrypted(Identity)
    ).

%% A host's own certificate: a list of options as for the listener.
-spec host([{atom(), term()}] | map()) -> [map()].
host(Options) when is_list(Options) ->
    host(maps:from_list(lists:reverse(proplists:unfold(Options))));
host(#{certs_keys := Identities} = Options) ->
    Authorities = maps:with([cacertfile, cacerts], Options),
    [identity(maps:merge(Authorities, Identity)) || Identity <- Identities];
host(Options) ->
    [identity(Options)].

%% A key that needs its password is read here: rustls takes only clear ones.
-spec decrypted(map()) -> map().
decrypted(#{key := _} = Identity) ->
    Identity;
decrypted(#{password := Password} = Identity) ->
    case maps:get(keyfile, Identity, maps:get(certfile, Identity, undefined)) of
        undefined -> Identity;
        File -> decrypted(File, password(Password), Identity)
    end;
decrypted(Identity) ->
    Identity.

-spec decrypted(file:name_all(), string(), map()) -> map().
decrypted(File, Password, Identity) ->
    case file:read_file(File) of
        {ok, Pem} ->
            Entries = public_key:pem_decode(Pem),
            case [Entry || {Type, _, Cipher} = Entry <- Entries, is_key(Type), Cipher =/= not_encrypted] of
                [Entry | _] -> Identity#{key => decrypt(Entry, Password, File)};
                [] -> Identity
            end;
        {error, _} ->
            %% The native side says so.
            Identity
    end.

-spec is_key(atom()) -> boolean().
is_key(Type) -> lists:member(Type, ['RSAPrivateKey', 'ECPrivateKey', 'PrivateKeyInfo']).

-spec decrypt(public_key:pem_entry(), string(), file:name_all()) -> {'PrivateKeyInfo', binary()}.
decrypt(Entry, Password, File) ->
    try
        {'PrivateKeyInfo', public_key:der_encode('PrivateKeyInfo', public_key:pem_entry_decode(Entry, Password))}
    catch
        %% The reason may show the password.
        _:_ -> farrier_options:bad_option(keyfile, File, <<"a PEM file with a private key that password decrypts">>)
    end.

-spec password(iodata() | fun(() -> iodata())) -> string().
password(Password) when is_function(Password) -> password(Password());
password(Password) -> unicode:characters_to_list(iolist_to_binary(Password)).

%% DER, in a list or not, or as `public_key:cacerts_get/0' gives it.
-spec certificates(binary() | [binary() | {cert, binary(), term()}]) -> [binary()].
certificates(Der) when is_binary(Der) -> [Der];
certificates(List) -> [der(Certificate) || Certificate <- List].

-spec der(binary() | {cert, binary(), term()}) -> binary().
der({cert, Der, _}) -> Der;
der(Der) -> Der.

-spec path(file:name_all()) -> binary().
path(Path) -> to_binary(Path).

-spec to_binary(unicode:chardata() | atom()) -> binary().
to_binary(Name) when is_atom(Name) -> atom_to_binary(Name);
to_binary(Name) -> unicode:characters_to_binary(Name).

%%% Versions

-spec versions([atom()]) -> [atom()].
versions(Versions) ->
    case [Version || Version <- Versions, Version =:= 'tlsv1.3' orelse Version =:= 'tlsv1.2'] of
        [] ->
            farrier_options:bad_option(versions, Versions, <<"a list with 'tlsv1.3' or 'tlsv1.2'">>);
        Versions ->
            Versions;
        Offered ->
            ?LOG_NOTICE("TLS versions ~0p are not offered; ~0p are.", [Versions -- Offered, Offered]),
            Offered
    end.

%%% Checking

-spec kind(term()) -> kind().
kind(cert) -> chain;
kind(certfile) -> file;
kind(key) -> key;
kind(keyfile) -> file;
kind(password) -> password;
kind(certs_keys) -> identities;
kind(cacerts) -> certificates;
kind(cacertfile) -> file;
kind(sni_hosts) -> hosts;
kind(verify) -> verify;
kind(fail_if_no_peer_cert) -> boolean;
kind(depth) -> count;
kind(versions) -> versions;
kind(ciphers) -> ciphers;
kind(eccs) -> groups;
kind(supported_groups) -> groups;
kind(honor_cipher_order) -> boolean;
kind(alpn_preferred_protocols) -> protocols;
kind(reuse_sessions) -> sessions;
kind(session_tickets) -> tickets;
kind(handshake_timeout) -> timeout;
kind(protocol) -> {only, tls, "tls"};
kind(handshake) -> {only, full, "full"};
kind(early_data) -> {only, disabled, "disabled: it could be replayed"};
kind(crl_check) -> {only, false, "false: revocation lists are not consulted"};
kind(keep_secrets) -> {only, false, "false"};
kind(certificate_authorities) -> {only, true, "true"};
kind(ktls) -> {only, false, "false"};
kind(stapling) -> {only, no_staple, "no_staple"};
kind(Name) ->
    case {lists:member(Name, without_effect()), lists:member(Name, refused())} of
        {true, _} -> any;
        {_, true} -> refused;
        _ -> unknown
    end.

-spec without_effect() -> [atom()].
without_effect() ->
    [dh, dhfile, secure_renegotiate, client_renegotiation, renegotiate_at, next_protocols_advertised, hibernate_after,
        sender_spawn_opts, receiver_spawn_opts, key_update_at, max_handshake_size, honor_ecc_order, log_level, log_alert,
        beast_mitigation, padding_check, crl_cache, anti_replay, cookie, middlebox_comp_mode, erl_dist].

-spec refused() -> [atom()].
refused() ->
    [sni_fun, verify_fun, partial_chain, reuse_session, psk_identity, user_lookup_fun, srp_identity, signature_algs,
        signature_algs_cert, cb_info, ocsp_stapling, ocsp_responder_certs, ocsp_nonce, server_name_indication,
        customize_hostname_check, fallback, max_fragment_length, alpn_advertised_protocols, client_preferred_next_protocols,
        use_ticket, use_srtp, ssl_imp].

-spec check(kind(), term(), term()) -> ok.
check(hosts, Name, Hosts) ->
    is_list(Hosts) andalso lists:all(fun is_host/1, Hosts) orelse refuse(hosts, Name, Hosts),
    lists:foreach(fun({_, Options}) -> check_identity(Options) end, Hosts);
check(identities, Name, Identities) ->
    is_list(Identities) andalso lists:all(fun is_map/1, Identities) orelse refuse(identities, Name, Identities),
    lists:foreach(fun check_identity/1, Identities);
check(Kind, Name, Value) ->
    is_valid(Kind, Value) orelse refuse(Kind, Name, Value),
    ok.

-spec is_host(term()) -> boolean().
is_host({Host, Options}) -> is_name(Host) andalso (is_list(Options) orelse is_map(Options));
is_host(_) -> false.

-spec check_identity([{atom(), term()}] | map()) -> ok.
check_identity(Options) when is_list(Options) ->
    check_identity(maps:from_list(proplists:unfold(Options)));
check_identity(Options) ->
    Allowed = [cacertfile, cacerts, certs_keys | ?IDENTITY],
    _ = [refuse(host, Name, Value) || {Name, Value} <- maps:to_list(maps:without(Allowed, Options))],
    maps:foreach(fun(Name, Value) -> check(kind(Name), Name, Value) end, Options).

-spec is_valid(kind(), term()) -> boolean().
is_valid(any, _) -> true;
is_valid({only, Only, _}, Value) -> Value =:= Only;
is_valid(file, Value) -> is_name(Value);
is_valid(chain, Value) -> is_binary(Value) orelse is_valid(certificates, Value);
is_valid(certificates, Value) -> is_list(Value) andalso lists:all(fun is_certificate/1, Value);
is_valid(key, {Type, Der}) -> is_key(Type) andalso is_binary(Der);
is_valid(password, Value) -> is_function(Value, 0) orelse is_name(Value);
is_valid(boolean, Value) -> is_boolean(Value);
is_valid(count, Value) -> is_integer(Value) andalso Value >= 0;
is_valid(timeout, Value) -> Value =:= infinity orelse is_valid(count, Value);
is_valid(verify, Value) -> Value =:= verify_none orelse Value =:= verify_peer;
is_valid(versions, Value) -> is_list(Value) andalso Value -- ['tlsv1.3', 'tlsv1.2', 'tlsv1.1', tlsv1, sslv3] =:= [];
is_valid(ciphers, Value) -> is_list(Value) orelse is_binary(Value);
is_valid(groups, Value) -> is_list(Value) andalso lists:all(fun is_atom/1, Value);
is_valid(protocols, Value) -> is_list(Value) andalso Value -- ?PROTOCOLS =:= [] andalso Value =/= [];
is_valid(sessions, Value) -> is_boolean(Value) orelse Value =:= save;
is_valid(tickets, Value) ->
    lists:member(Value, [disabled, stateful, stateless, stateful_with_cert, stateless_with_cert]);
is_valid(_, _) -> false.

-spec is_certificate(term()) -> boolean().
is_certificate({cert, Der, _}) -> is_binary(Der);
is_certificate(Der) -> is_binary(Der).

-spec is_name(term()) -> boolean().
is_name(Value) when is_binary(Value) -> Value =/= <<>>;
is_name(Value) -> is_list(Value) andalso Value =/= [] andalso io_lib:char_list(Value).

-spec refuse(kind() | host, term(), term()) -> no_return().
refuse(password, Name, _) -> farrier_options:bad_option(Name, hidden, allowed(password));
refuse(key, Name, {Type, _}) -> farrier_options:bad_option(Name, Type, allowed(key));
refuse(key, Name, _) -> farrier_options:bad_option(Name, hidden, allowed(key));
refuse(Kind, Name, Value) -> farrier_options:bad_option(Name, Value, allowed(Kind)).

-spec allowed(kind() | host) -> binary().
allowed({only, _, Text}) -> list_to_binary(Text);
allowed(file) -> <<"the name of a PEM file">>;
allowed(chain) -> <<"a certificate as DER, or a list of those that certify one another">>;
allowed(certificates) -> <<"a list of certificates as DER">>;
allowed(key) -> <<"{'RSAPrivateKey' | 'ECPrivateKey' | 'PrivateKeyInfo', Der}">>;
allowed(password) -> <<"a string or a function without arguments that returns one">>;
allowed(identities) -> <<"a list of maps with cert or certfile, and key or keyfile">>;
allowed(hosts) -> <<"[{Host, Options}], where Options have cert or certfile, and key or keyfile">>;
allowed(host) -> <<"cert, certfile, key, keyfile, password, certs_keys, cacerts or cacertfile for a host of its own">>;
allowed(boolean) -> <<"true or false">>;
allowed(count) -> <<"a non-negative integer">>;
allowed(timeout) -> <<"milliseconds (a non-negative integer) or infinity">>;
allowed(verify) -> <<"verify_none or verify_peer">>;
allowed(versions) -> <<"a list with 'tlsv1.3' or 'tlsv1.2'">>;
allowed(ciphers) -> <<"a list of cipher suites as ssl:cipher_suites/2 or OpenSSL names them">>;
allowed(groups) -> <<"a list of x25519, secp256r1 and secp384r1">>;
allowed(protocols) -> <<"a list of <<\"h2\">> and <<\"http/1.1\">>">>;
allowed(sessions) -> <<"true, false or save">>;
allowed(tickets) -> <<"disabled, stateful or stateless">>;
allowed(refused) -> <<"to be left out: it is not supported">>;
allowed(_) -> <<"an option that farrier:start_listener/2 documents">>.
