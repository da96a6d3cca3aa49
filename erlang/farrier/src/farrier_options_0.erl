%% @doc Translates the options of Cowboy 0's start functions into those of `farrier:start_listener/2'. Both transport
%% and protocol options are property lists; what Cowboy 0 did not know it dropped without a word.
-module(farrier_options_0).

-export([listener/4, protocol/1]).

-type result() :: {ok, map()} | {error, farrier_options:reason()}.

%% What the transport takes as the longest line and header value; shorter ones are checked with Cowboy 0's own limit
%% and status.
-define(HEAD_LIMIT, 1 bsl 20).

%% @doc Options of `cowboy:start_listener/6': `cowboy_tcp_transport' or `cowboy_ssl_transport' (once Ranch was there:
%% `ranch_tcp' or `ranch_ssl'), with `port' (which must be there), `ip', `backlog' and `max_connections', and
%% `cowboy_http_protocol'.
-spec listener(module(), term(), module(), term()) -> result().
listener(Transport, TransOpts, cowboy_http_protocol, ProtoOpts) ->
    farrier_options:guarded(fun() ->
        Given = given(transport_options, TransOpts),
        is_map_key(port, Given) orelse farrier_options:bad_option(port, undefined, <<"an integer from 0 to 65535">>),
        _ = [check(transport_kind(Name), Name, Value) || {Name, Value} <- maps:to_list(Given)],
        Common = #{
            socket => maps:merge(maps:with([ip, port, backlog], Given), tls(Transport, Given)),
            transport_options => TransOpts
        },
        maps:merge(maps:merge(Common, maps:with([max_connections], Given)), protocol_options(ProtoOpts))
    end);
listener(_, _, Protocol, _) ->
    {error, {bad_option, protocol, Protocol, <<"cowboy_http_protocol: other protocols are not supported">>}}.

%% @doc The part of the options that protocol options alone decide.
-spec protocol(term()) -> result().
protocol(ProtoOpts) ->
    farrier_options:guarded(fun() -> protocol_options(ProtoOpts) end).

-spec given(atom(), term()) -> map().
given(_, Options) when is_list(Options) ->
    maps:from_list(lists:reverse([{Name, Value} || {Name, Value} <- proplists:unfold(Options)]));
given(Name, Options) ->
    farrier_options:bad_option(Name, Options, <<"a property list">>).

-spec tls(module(), map()) -> map().
tls(Transport, _) when Transport =:= cowboy_tcp_transport; Transport =:= ranch_tcp ->
    #{};
tls(Transport, Given) when Transport =:= cowboy_ssl_transport; Transport =:= ranch_ssl ->
    #{tls => maps:filter(fun(Name, _) -> farrier_tls:is_option(Name) end, Given)};
tls(Transport, _) ->
    farrier_options:bad_option(transport, Transport, <<"cowboy_tcp_transport or cowboy_ssl_transport">>).

-spec transport_kind(atom()) -> farrier_options:kind().
transport_kind(port) -> port;
transport_kind(ip) -> address;
transport_kind(backlog) -> positive;
transport_kind(max_connections) -> limit;
transport_kind(_) -> any.

-spec protocol_options(term()) -> map().
protocol_options(ProtoOpts) ->
    Given = given(protocol_options, ProtoOpts),
    _ = [check(protocol_kind(Name), Name, Value) || {Name, Value} <- maps:to_list(Given)],
    MaxLine = maps:get(max_line_length, Given, 4096),
    #{
        generation => 0,
        env => [{dispatch, maps:get(dispatch, Given, [])}],
        request_timeout => maps:get(timeout, Given, 5000),
        max_keepalive => requests(maps:get(max_keepalive, Given, infinity)),
        max_request_line_length => ?HEAD_LIMIT,
        max_header_name_length => 256,
        max_header_value_length => ?HEAD_LIMIT,
        protocol => (maps:with([max_keepalive, onrequest, onresponse, urldecode], Given))#{max_line_length => MaxLine},
        protocol_options => ProtoOpts
    }.

%% The transport counts, and never so far.
-spec requests(pos_integer() | infinity) -> pos_integer().
requests(infinity) -> 1 bsl 53;
requests(Max) -> Max.

-spec protocol_kind(atom()) -> farrier_options:kind() | dispatch | decoder.
protocol_kind(dispatch) -> dispatch;
protocol_kind(timeout) -> timeout;
protocol_kind(max_keepalive) -> limit;
protocol_kind(max_line_length) -> positive;
protocol_kind(max_empty_lines) -> count;
protocol_kind(onrequest) -> function;
protocol_kind(onresponse) -> function;
protocol_kind(urldecode) -> decoder;
protocol_kind(_) -> any.

-spec check(farrier_options:kind() | dispatch | decoder, atom(), term()) -> ok.
check(dispatch, Name, Value) ->
    farrier_dispatch_0:check(Value) orelse
        farrier_options:bad_option(Name, Value,
            <<"[{Host, [{Path, Handler, Opts}]}], Host and Path '_' or lists of segments">>),
    ok;
check(decoder, _, {Decode, _}) when is_function(Decode, 2) ->
    ok;
check(decoder, Name, Value) ->
    farrier_options:bad_option(Name, Value, <<"{fun/2, Argument}">>);
check(Kind, Name, Value) ->
    farrier_options:check(Kind, Name, Value).
