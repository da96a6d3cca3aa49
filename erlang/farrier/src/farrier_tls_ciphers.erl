%% @doc Cipher suites and key exchange groups as OTP and OpenSSL name them, in the names that the native side knows.
%%
%% A list of suites says what may be used, so those that rustls does not have (CBC, finite fields, RSA key exchange)
%% are left out, with a notice, as long as others remain. What is no suite at all is refused.
-module(farrier_tls_ciphers).

-include_lib("kernel/include/logger.hrl").

-export([suites/1, groups/2]).

-type suite() :: string() | binary() | map() | tuple().

%% @doc The suites as RFC names or OpenSSL names, in the same order.
-spec suites([suite()] | string() | binary()) -> [binary()].
suites(Given) ->
    Names = [name(Suite) || Suite <- listed(Given)],
    _ = [refuse(ciphers, Name) || Name <- Names, not is_suite(Name)],
    offered(ciphers, Given, [Name || Name <- Names, is_offered(Name)], [Name || Name <- Names, not is_offered(Name)]).

%% OpenSSL writes a list as one string.
-spec listed([suite()] | string() | binary()) -> [suite()].
listed(Given) when is_binary(Given) -> string:lexemes(Given, ":");
listed([Char | _] = Given) when is_integer(Char) -> string:lexemes(Given, ":");
listed(Given) -> Given.

-spec offered(atom(), term(), [binary()], [term()]) -> [binary()].
offered(Option, Given, [], [_ | _]) ->
    farrier_options:bad_option(Option, Given, 
        iolist_to_binary(["one or more of ", lists:join(", ", known(Option))]));
offered(_, _, Offered, []) ->
    Offered;
offered(Option, _, Offered, LeftOut) ->
    ?LOG_NOTICE("TLS option ~p: ~ts are not offered.", [Option, lists:join(", ", LeftOut)]),
    Offered.

-spec known(atom()) -> [binary()].
known(ciphers) -> [OpenSSL || {_, OpenSSL, _} <- table()];
known(_) -> [<<"x25519">>, <<"secp256r1">>, <<"secp384r1">>].

-spec refuse(atom(), term()) -> no_return().
refuse(ciphers, Name) ->
    farrier_options:bad_option(ciphers, Name, <<"a cipher suite as ssl:cipher_suites/2 or OpenSSL names it">>).

%% RFC name, OpenSSL name, and key exchange and cipher as OTP has them.
-spec table() -> [{binary(), binary(), {atom(), atom()}}].
table() ->
    [
        {<<"TLS_AES_256_GCM_SHA384">>, <<"TLS_AES_256_GCM_SHA384">>, {any, aes_256_gcm}},
        {<<"TLS_AES_128_GCM_SHA256">>, <<"TLS_AES_128_GCM_SHA256">>, {any, aes_128_gcm}},
        {<<"TLS_CHACHA20_POLY1305_SHA256">>, <<"TLS_CHACHA20_POLY1305_SHA256">>, {any, chacha20_poly1305}},
        {<<"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384">>, <<"ECDHE-ECDSA-AES256-GCM-SHA384">>, {ecdhe_ecdsa, aes_256_gcm}},
        {<<"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256">>, <<"ECDHE-ECDSA-AES128-GCM-SHA256">>, {ecdhe_ecdsa, aes_128_gcm}},
        {<<"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256">>, <<"ECDHE-ECDSA-CHACHA20-POLY1305">>,
            {ecdhe_ecdsa, chacha20_poly1305}},
        {<<"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384">>, <<"ECDHE-RSA-AES256-GCM-SHA384">>, {ecdhe_rsa, aes_256_gcm}},
        {<<"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256">>, <<"ECDHE-RSA-AES128-GCM-SHA256">>, {ecdhe_rsa, aes_128_gcm}},
        {<<"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256">>, <<"ECDHE-RSA-CHACHA20-POLY1305">>,
            {ecdhe_rsa, chacha20_poly1305}}
    ].

-spec is_offered(term()) -> boolean().
is_offered(Name) -> lists:any(fun({Rfc, OpenSSL, _}) -> Name =:= Rfc orelse Name =:= OpenSSL end, table()).

%% A suite's name; what OTP describes by its parts gets the name of the RFCs.
-spec name(suite()) -> binary().
name(#{key_exchange := Exchange, cipher := Cipher} = Suite) ->
    case [Rfc || {Rfc, _, Parts} <- table(), Parts =:= {Exchange, Cipher}] of
        [Rfc] -> Rfc;
        [] -> composed([Exchange, Cipher, maps:get(mac, Suite, null)])
    end;
name(Suite) when is_tuple(Suite), tuple_size(Suite) >= 3, is_atom(element(1, Suite)), is_atom(element(2, Suite)) ->
    name(#{key_exchange => element(1, Suite), cipher => element(2, Suite), mac => element(3, Suite)});
name(Suite) ->
    try
        unicode:characters_to_binary(Suite)
    catch
        error:badarg -> refuse(ciphers, Suite)
    end.

-spec composed([term()]) -> binary().
composed(Parts) ->
    iolist_to_binary(["TLS_", lists:join("_", [string:uppercase(io_lib:format("~p", [Part])) || Part <- Parts])]).

%% A name that is put together of what names of suites are.
-spec is_suite(binary()) -> boolean().
is_suite(<<"TLS_", _/binary>>) -> true;
is_suite(Name) ->
    Parts = binary:split(Name, <<"-">>, [global]),
    length(Parts) > 1 andalso lists:all(fun(Part) -> lists:member(Part, parts()) end, Parts).

-spec parts() -> [binary()].
parts() ->
    [<<"ECDHE">>, <<"ECDH">>, <<"DHE">>, <<"EDH">>, <<"DH">>, <<"ADH">>, <<"AECDH">>, <<"RSA">>, <<"ECDSA">>, <<"DSS">>,
        <<"PSK">>, <<"SRP">>, <<"KRB5">>, <<"EXP">>, <<"EXP1024">>, <<"NULL">>, <<"AES">>, <<"AES128">>, <<"AES256">>,
        <<"128">>, <<"256">>, <<"CAMELLIA">>, <<"CAMELLIA128">>, <<"CAMELLIA256">>, <<"ARIA128">>, <<"ARIA256">>,
        <<"ARIA">>, <<"GCM">>, <<"CCM">>, <<"CCM8">>, <<"CBC">>, <<"CBC3">>, <<"DES">>, <<"3DES">>, <<"EDE">>, <<"RC4">>,
        <<"RC2">>, <<"IDEA">>, <<"SEED">>, <<"CHACHA20">>, <<"POLY1305">>, <<"SHA">>, <<"SHA256">>, <<"SHA384">>,
        <<"MD5">>].

%% @doc The groups by their names, in the same order.
-spec groups(atom(), [atom()]) -> [binary()].
groups(Option, Given) ->
    Names = [group(Group) || Group <- Given],
    Known = known(groups),
    offered(Option, Given, [Name || Name <- Names, lists:member(Name, Known)], Names -- Known).

-spec group(atom()) -> binary().
group(prime256v1) -> <<"secp256r1">>;
group(Group) -> atom_to_binary(Group).
