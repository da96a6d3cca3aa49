%% What tests and monitoring ask of Ranch's server about a listener.
-module(ranch_server).

-export([count_connections/1, get_addr/1, get_listener_sup/1, get_max_connections/1]).
-export([get_protocol_options/1, get_transport_options/1]).

%% @doc The connections that count towards the maximum in Ranch: WebSockets do not.
-spec count_connections(ranch:ref()) -> non_neg_integer().
count_connections(Ref) ->
    #{connections := All, websockets := WebSockets} = farrier:info(Ref),
    All - WebSockets.

-spec get_addr(ranch:ref()) ->
    {inet:ip_address(), inet:port_number()} | inet:local_address() | {undefined, undefined}.
get_addr(Ref) -> ranch:get_addr(Ref).

-spec get_listener_sup(ranch:ref()) -> pid().
get_listener_sup(Ref) -> maps:get(pid, farrier:info(Ref)).

-spec get_max_connections(ranch:ref()) -> ranch:max_conns().
get_max_connections(Ref) -> ranch:get_max_connections(Ref).

-spec get_protocol_options(ranch:ref()) -> any().
get_protocol_options(Ref) -> ranch:get_protocol_options(Ref).

-spec get_transport_options(ranch:ref()) -> any().
get_transport_options(Ref) -> ranch:get_transport_options(Ref).
