%% The Req of Cowboy 0.2 to 0.6, for handlers that match on its fields: `-include_lib("cowboy/include/http.hrl").'
%%
%% Fields and their order are those of 0.6.1. This is the only definition of the record: farrier includes it from here,
%% by its place in the repository, so that it needs no application `cowboy' at run time.
-ifndef(COWBOY_HTTP_HRL).
-define(COWBOY_HTTP_HRL, 1).

-record(http_req, {
    %% What Transport's functions take: not an Erlang socket.
    socket :: term(),
    transport :: undefined | module(),
    connection = keepalive :: keepalive | close,
    %% The process that serves the request.
    pid :: undefined | pid(),
    %% An atom where erlang:decode_packet/3 knows the method.
    method = 'GET' :: atom() | binary(),
    version = {1, 1} :: {non_neg_integer(), non_neg_integer()},
    peer :: undefined | {inet:ip_address(), inet:port_number()},
    host :: undefined | [binary()],
    host_info :: undefined | [binary()],
    raw_host :: undefined | binary(),
    port :: undefined | inet:port_number(),
    path :: undefined | '*' | [binary()],
    path_info :: undefined | [binary()],
    raw_path :: undefined | binary(),
    qs_vals :: undefined | [{binary(), binary() | true}],
    raw_qs :: undefined | binary(),
    bindings :: undefined | [{atom(), binary()}],
    %% The header that arrived last comes first. Names are atoms where erlang:decode_packet/3 knows them.
    headers = [] :: [{atom() | binary(), iodata()}],
    p_headers = [] :: [{atom() | binary(), term()}],
    cookies :: undefined | [{binary(), binary()}],
    meta = [] :: [{atom(), term()}],
    body_state = waiting :: waiting | done | {stream, fun(), term(), fun()} | {multipart, term(), term()},
    buffer = <<>> :: binary(),
    resp_state = waiting :: locked | waiting | chunks | done,
    resp_headers = [] :: [{binary(), iodata()}],
    resp_body = <<>> :: iodata() | {non_neg_integer(), fun()},
    onresponse :: undefined | fun(),
    urldecode :: undefined | {fun((binary(), term()) -> binary()), term()}
}).

-endif.
