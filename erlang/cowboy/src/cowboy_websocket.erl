%% The behaviour of a WebSocket handler of Cowboy 2, and the sub-protocol of that name for projects that call it from
%% their own `upgrade/4,5'.
-module(cowboy_websocket).
-behaviour(cowboy_sub_protocol).

-export([is_upgrade_request/1, upgrade/4, upgrade/5, upgrade/6, takeover/7]).

-export_type([frame/0, commands/0, call_result/1, opts/0, close_code/0, terminate_reason/0]).

-type close_code() :: 1000..4999.
-type frame() ::
    ping
    | pong
    | close
    | {text | binary | ping | pong | close, iodata()}
    | {close, close_code(), iodata()}.
-type commands() :: [
    frame()
    | {active, boolean()}
    | {deflate, boolean()}
    | {set_options, map()}
    | {shutdown_reason, any()}
].
%% `{Commands, State}' is the form of today; the others go back to Cowboy 2.0.
-type call_result(State) ::
    {commands(), State}
    | {commands(), State, hibernate}
    | {ok, State}
    | {ok, State, hibernate}
    | {reply, frame() | [frame()], State}
    | {reply, frame() | [frame()], State, hibernate}
    | {stop, State}.
-type terminate_reason() ::
    normal
    | stop
    | timeout
    | remote
    | {remote, close_code(), binary()}
    | {error, badencoding | badframe | badsize | closed | atom()}
    | {crash, error | exit | throw, any()}.
-type opts() :: #{
    active_n => pos_integer(),
    compress => boolean(),
    data_delivery => stream_handlers | relay,
    data_delivery_flow => pos_integer(),
    deflate_opts => map(),
    dynamic_buffer => false | {pos_integer(), pos_integer()},
    dynamic_buffer_initial_average => non_neg_integer(),
    dynamic_buffer_initial_size => pos_integer(),
    idle_timeout => timeout(),
    max_frame_size => non_neg_integer() | infinity,
    req_filter => fun((cowboy_req:req()) -> any()),
    validate_utf8 => boolean()
}.

-callback init(Req, any()) -> {ok | module(), Req, any()} | {module(), Req, any(), any()} when
    Req :: cowboy_req:req().

-callback websocket_init(State) -> call_result(State) when State :: any().

-callback websocket_handle(ping | pong | {text | binary | ping | pong, binary()}, State) ->
    call_result(State)
when
    State :: any().

-callback websocket_info(any(), State) -> call_result(State) when State :: any().

-callback terminate(any(), Req :: any(), any()) -> ok.

-optional_callbacks([websocket_init/1, terminate/3]).

%% @doc Whether a request asks for a WebSocket: a GET over HTTP/1.1 whose `connection' and `upgrade' say so
%% (RFC 6455 4.2.1), or over HTTP/2 an extended CONNECT (RFC 8441 4). Cowboy 2.4.
-spec is_upgrade_request(cowboy_req:req()) -> boolean().
is_upgrade_request(#{method := <<"GET">>, version := 'HTTP/1.1'} = Req) ->
    names(<<"connection">>, <<"upgrade">>, Req) andalso names(<<"upgrade">>, <<"websocket">>, Req);
is_upgrade_request(#{version := 'HTTP/2'} = Req) ->
    farrier_handshake:is_upgrade_request(Req);
is_upgrade_request(_) ->
    false.

-spec names(binary(), binary(), cowboy_req:req()) -> boolean().
names(Header, Token, Req) ->
    case farrier_req_2:parse_header(Header, Req) of
        undefined -> false;
        Tokens -> lists:member(Token, Tokens)
    end.

%% @doc Upgrades a request: of Cowboy 2 with default options, of Cowboy 1 (whose Req is a record) with the handler's.
-spec upgrade(cowboy_req:req(), cowboy_middleware:env(), module(), any()) ->
    {ok, cowboy_req:req(), cowboy_middleware:env()} | {error, 400, cowboy_req:req()}.
upgrade(Req, Env, Handler, State) when is_map(Req) ->
    farrier_cowboy_2:upgrade(Req, Env, Handler, State);
upgrade(Req, Env, Handler, Opts) ->
    farrier_cowboy_1:upgrade(Req, Env, Handler, Opts).

%% @doc Upgrades a request. Returns once the session is under way; the caller passes the result on.
-spec upgrade(cowboy_req:req(), cowboy_middleware:env(), module(), any(), opts()) ->
    {ok, cowboy_req:req(), cowboy_middleware:env()}.
upgrade(Req, Env, Handler, State, Opts) ->
    farrier_cowboy_2:upgrade(Req, Env, Handler, State, Opts).

%% @doc The form of 2.0.0-pre.1 to pre.6.
-spec upgrade(cowboy_req:req(), cowboy_middleware:env(), module(), any(), timeout(), run | hibernate) ->
    {ok, cowboy_req:req(), cowboy_middleware:env()} | {error, 400, cowboy_req:req()}.
upgrade(Req, Env, Handler, State, Timeout, _) when is_map(Req) ->
    farrier_cowboy_2:upgrade(Req, Env, Handler, State, #{idle_timeout => Timeout});
upgrade(Req, Env, Handler, State, Timeout, Hibernate) ->
    farrier_cowboy_2pre:upgrade(Req, Env, Handler, State, Timeout, Hibernate).

%% @doc Begins the session. To be called from a `takeover/7' of one's own, which a stream handler had named, with what
%% that was given; the state of the handler may be another one. Never returns.
-spec takeover(pid(), ranch:ref(), any(), module(), cowboy:opts(), binary(), {any(), any()}) -> no_return().
takeover(_Parent, _Ref, _Socket, _Transport, _Opts, _Buffer, State) ->
    farrier_cowboy_2:takeover(State).
