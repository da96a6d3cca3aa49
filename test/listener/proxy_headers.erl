%% @doc Headers of the PROXY protocol, good and bad, of both versions.
-module(proxy_headers).

-export([good/0, bad/0, beyond_ranch/0]).

-define(SIGNATURE, 13, 10, 13, 10, 0, 13, 10, "QUIT", 10).

%% Each is taken, and followed by a request.
-spec good() -> [{string(), binary()}].
good() ->
    [{"1 over TCP4", <<"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n">>},
     {"1 over TCP4 with the longest addresses", <<"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n">>},
     {"1 over TCP4 with ports 1 and 2", <<"PROXY TCP4 0.0.0.0 0.0.0.0 1 2\r\n">>},
     {"1 over TCP6", <<"PROXY TCP6 2001:db8::1 ::1 1234 80\r\n">>},
     {"1 over TCP6 with the longest addresses",
      <<"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n">>},
     {"1 over TCP6 with a mapped address", <<"PROXY TCP6 ::ffff:10.0.0.1 ::1 1234 80\r\n">>},
     {"1 of an unknown protocol", <<"PROXY UNKNOWN\r\n">>},
     {"1 of an unknown protocol with addresses", <<"PROXY UNKNOWN ffff:f ffff:f 65535 65535\r\n">>},
     {"2 of the proxy itself", v2(local, 0, 0, <<>>)},
     {"2 of the proxy itself with addresses", v2(local, 1, 1, ipv4())},
     {"2 over TCP4", v2(proxy, 1, 1, ipv4())},
     {"2 over UDP4", v2(proxy, 1, 2, ipv4())},
     {"2 over TCP6", v2(proxy, 2, 1, ipv6())},
     {"2 over UDP6", v2(proxy, 2, 2, ipv6())},
     {"2 over a Unix stream", v2(proxy, 3, 1, unix("/run/a", "/run/b"))},
     {"2 over Unix datagrams", v2(proxy, 3, 2, unix("/run/a", "/run/b"))},
     {"2 over a Unix stream with a long path", v2(proxy, 3, 1, unix(lists:duplicate(107, $a), "b"))},
     {"2 of an unspecified protocol", v2(proxy, 0, 0, <<>>)}
     | [{"2 with " ++ Name, v2(proxy, 1, 1, <<(ipv4())/binary, Tlvs/binary>>)} || {Name, Tlvs} <- tlvs()]].

-spec tlvs() -> [{string(), binary()}].
tlvs() ->
    [{"ALPN", tlv(1, <<"h2">>)},
     {"a name", tlv(2, <<"example.org">>)},
     {"padding", tlv(4, <<0, 0, 0>>)},
     {"padding of no byte", tlv(4, <<>>)},
     {"a network namespace", tlv(16#30, <<"blue">>)},
     {"TLS without a certificate", tlv(16#20, <<1, 1:32, (tlv(16#21, <<"TLSv1.3">>))/binary>>)},
     {"TLS without its version", tlv(16#20, <<0, 0:32>>)},
     {"TLS with a certificate and all that there is",
      tlv(16#20, <<7, 0:32, (tlv(16#21, <<"TLSv1.2">>))/binary, (tlv(16#22, <<"client">>))/binary,
          (tlv(16#23, <<"ECDHE">>))/binary, (tlv(16#24, <<"SHA256">>))/binary, (tlv(16#25, <<"RSA2048">>))/binary>>)},
     {"TLS with a certificate of the session", tlv(16#20, <<5, 1:32, (tlv(16#21, <<"TLSv1.2">>))/binary>>)},
     {"a type of an application", tlv(16#e0, <<"mine">>)},
     {"two types without names", <<(tlv(16#ea, <<"vpce">>))/binary, (tlv(16#f0, <<1, 2, 3>>))/binary>>},
     {"everything", <<(tlv(1, <<"h2">>))/binary, (tlv(2, <<"a">>))/binary, (tlv(16#30, <<"ns">>))/binary, (tlv(16#e1, <<>>))/binary>>}].

%% Each costs its sender the connection.
-spec bad() -> [{string(), binary()}].
bad() ->
    [{"no header", <<"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n">>},
     {"1 in small letters", <<"proxy TCP4 1.2.3.4 5.6.7.8 1 2\r\n">>},
     {"1 of no protocol", <<"PROXY \r\n             ">>},
     {"1 of another protocol", <<"PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n">>},
     {"1 with a bad address", <<"PROXY TCP4 1.2.3.256 5.6.7.8 1 2\r\n">>},
     {"1 with an address of the other family", <<"PROXY TCP4 ::1 5.6.7.8 1 2\r\n">>},
     {"1 with a port too large", <<"PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n">>},
     {"1 with a port that is none", <<"PROXY TCP4 1.2.3.4 5.6.7.8 a 2\r\n">>},
     {"1 without a port", <<"PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n">>},
     {"1 with two spaces", <<"PROXY TCP4  1.2.3.4 5.6.7.8 1 2\r\n">>},
     {"2 of version 3", <<?SIGNATURE, 3:4, 1:4, 1:4, 1:4, 12:16, (ipv4())/binary>>},
     {"2 of another command", <<?SIGNATURE, 2:4, 2:4, 1:4, 1:4, 12:16, (ipv4())/binary>>},
     {"2 of another family", v2(proxy, 4, 1, ipv4())},
     {"2 with half an address", v2(proxy, 1, 1, <<1, 2, 3, 4, 5, 6>>)},
     {"2 with IPv4 said to be IPv6", v2(proxy, 2, 1, ipv4())},
     {"2 with a part longer than the header", v2(proxy, 1, 1, <<(ipv4())/binary, 1, 9:16, "h2">>)},
     {"2 with half a part", v2(proxy, 1, 1, <<(ipv4())/binary, 1, 0>>)},
     {"2 with a broken signature", <<13, 10, 13, 10, 0, 13, 10, "QUIX", 10, 16#21, 16#11, 12:16, (ipv4())/binary>>}].

%% What the protocol allows, and what it forbids, and Ranch 2.1 does not.
-spec beyond_ranch() -> {Allowed :: [{string(), binary()}], Forbidden :: [{string(), binary()}]}.
beyond_ranch() ->
    {[{"1 with port 0", <<"PROXY TCP4 0.0.0.0 0.0.0.0 0 1\r\n">>},
      {"2 over a Unix stream with the longest path", v2(proxy, 3, 1, unix(lists:duplicate(108, $a), "b"))}],
     [{"1 longer than a line may be", <<"PROXY UNKNOWN ", (binary:copy(<<"a">>, 200))/binary, "\r\n">>}]}.

-spec v2(local | proxy, 0..15, 0..15, binary()) -> binary().
v2(Command, Family, Protocol, Rest) ->
    Number = case Command of local -> 0; proxy -> 1 end,
    <<?SIGNATURE, 2:4, Number:4, Family:4, Protocol:4, (byte_size(Rest)):16, Rest/binary>>.

-spec ipv4() -> binary().
ipv4() -> <<10, 0, 0, 1, 10, 0, 0, 2, 1234:16, 80:16>>.

-spec ipv6() -> binary().
ipv6() -> <<16#20010db8:32, 0:64, 1:32, 0:96, 1:32, 1234:16, 80:16>>.

-spec unix(string(), string()) -> binary().
unix(Source, Destination) -> <<(padded(Source))/binary, (padded(Destination))/binary>>.

-spec padded(string()) -> binary().
padded(Path) -> iolist_to_binary([Path, binary:copy(<<0>>, 108 - length(Path))]).

-spec tlv(byte(), binary()) -> binary().
tlv(Type, Value) -> <<Type, (byte_size(Value)):16, Value/binary>>.
