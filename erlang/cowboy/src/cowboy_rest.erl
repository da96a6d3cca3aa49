%% REST handlers: the behaviour of Cowboy 2, and the sub-protocol of that name in Cowboy 1 and 2, for projects that hand
%% a request on to it. `farrier_rest' serves them.
%%
%% Every callback is optional. One that is missing, or returns `no_call', means what Cowboy's manual names as default.
-module(cowboy_rest).
-behaviour(cowboy_sub_protocol).

-export([upgrade/4, upgrade/5, upgrade/6]).

%% `{stop, Req, State}' ends the request, without a response of its own; `switch_handler' hands it to another protocol.
-type result(Value, Req) ::
    {Value, Req, State :: any()}
    | no_call
    | {stop, Req, State :: any()}
    | {{switch_handler, module()} | {switch_handler, module(), Opts :: any()}, Req, State :: any()}.
%% `*' for any parameters.
-type media_type() :: binary() | {binary(), binary(), '*' | [{binary(), binary()}]} | '*'.

-callback init(Req, any()) -> {ok | module(), Req, any()} | {module(), Req, any(), any()} when
    Req :: cowboy_req:req().

-callback service_available(Req, State :: any()) -> result(boolean(), Req) when Req :: cowboy_req:req().
-callback known_methods(Req, State :: any()) -> result([binary()], Req) when Req :: cowboy_req:req().
-callback uri_too_long(Req, State :: any()) -> result(boolean(), Req) when Req :: cowboy_req:req().
-callback allowed_methods(Req, State :: any()) -> result([binary()], Req) when Req :: cowboy_req:req().
-callback malformed_request(Req, State :: any()) -> result(boolean(), Req) when Req :: cowboy_req:req().
-callback is_authorized(Req, State :: any()) -> result(true | {false, iodata()}, Req) when Req :: cowboy_req:req().
-callback forbidden(Req, State :: any()) -> result(boolean(), Req) when Req :: cowboy_req:req().
-callback rate_limited(Req, State :: any()) ->
    result(false | {true, non_neg_integer() | calendar:datetime()}, Req)
when
    Req :: cowboy_req:req().
-callback valid_content_headers(Req, State :: any()) -> result(boolean(), Req) when Req :: cowboy_req:req().
-callback valid_entity_length(Req, State :: any()) -> result(boolean(), Req) when Req :: cowboy_req:req().
-callback options(Req, State :: any()) -> result(ok, Req) when Req :: cowboy_req:req().
-callback content_types_provided(Req, State :: any()) ->
    result([{media_type(), atom()}], Req)
when
    Req :: cowboy_req:req().
-callback languages_provided(Req, State :: any()) -> result([binary()], Req) when Req :: cowboy_req:req().
-callback charsets_provided(Req, State :: any()) -> result([binary()], Req) when Req :: cowboy_req:req().
-callback ranges_provided(Req, State :: any()) -> result([{binary(), atom()}], Req) when Req :: cowboy_req:req().
-callback range_satisfiable(Req, State :: any()) ->
    result(boolean() | {false, non_neg_integer() | iodata()}, Req)
when
    Req :: cowboy_req:req().
-callback variances(Req, State :: any()) -> result([binary()], Req) when Req :: cowboy_req:req().
-callback resource_exists(Req, State :: any()) -> result(boolean(), Req) when Req :: cowboy_req:req().
-callback generate_etag(Req, State :: any()) ->
    result(undefined | binary() | {weak | strong, binary()}, Req)
when
    Req :: cowboy_req:req().
-callback last_modified(Req, State :: any()) ->
    result(undefined | calendar:datetime(), Req)
when
    Req :: cowboy_req:req().
-callback expires(Req, State :: any()) ->
    result(undefined | binary() | calendar:datetime(), Req)
when
    Req :: cowboy_req:req().
-callback moved_permanently(Req, State :: any()) -> result(false | {true, iodata()}, Req) when Req :: cowboy_req:req().
-callback moved_temporarily(Req, State :: any()) -> result(false | {true, iodata()}, Req) when Req :: cowboy_req:req().
-callback previously_existed(Req, State :: any()) -> result(boolean(), Req) when Req :: cowboy_req:req().
-callback allow_missing_post(Req, State :: any()) -> result(boolean(), Req) when Req :: cowboy_req:req().
-callback content_types_accepted(Req, State :: any()) ->
    result([{media_type(), atom()}], Req)
when
    Req :: cowboy_req:req().
-callback is_conflict(Req, State :: any()) -> result(boolean(), Req) when Req :: cowboy_req:req().
-callback multiple_choices(Req, State :: any()) -> result(boolean(), Req) when Req :: cowboy_req:req().
-callback delete_resource(Req, State :: any()) -> result(boolean(), Req) when Req :: cowboy_req:req().
-callback delete_completed(Req, State :: any()) -> result(boolean(), Req) when Req :: cowboy_req:req().

-callback terminate(any(), Req :: any(), any()) -> ok.

%% `init/2' is of Cowboy 2 only.
-optional_callbacks([init/2, terminate/3]).
-optional_callbacks([service_available/2, known_methods/2, uri_too_long/2, allowed_methods/2, malformed_request/2,
    is_authorized/2, forbidden/2, rate_limited/2, valid_content_headers/2, valid_entity_length/2, options/2,
    content_types_provided/2, languages_provided/2, charsets_provided/2, ranges_provided/2, range_satisfiable/2,
    variances/2, resource_exists/2, generate_etag/2, last_modified/2, expires/2, moved_permanently/2,
    moved_temporarily/2, previously_existed/2, allow_missing_post/2, content_types_accepted/2, is_conflict/2,
    multiple_choices/2, delete_resource/2, delete_completed/2]).

%% @doc Serves the rest of a request: `State' is the handler's state in Cowboy 2, the options of `rest_init/2' before.
-spec upgrade(cowboy_req:req(), cowboy_middleware:env(), module(), any()) -> cowboy_middleware:result().
upgrade(Req, Env, Handler, State) ->
    farrier_rest:upgrade(farrier_req:generation(Req), Req, Env, Handler, State).

%% @doc There are no options.
-spec upgrade(cowboy_req:req(), cowboy_middleware:env(), module(), any(), any()) -> cowboy_middleware:result().
upgrade(Req, Env, Handler, State, _Opts) ->
    upgrade(Req, Env, Handler, State).

%% @doc As the pre-releases of Cowboy 2 called it.
-spec upgrade(cowboy_req:req(), cowboy_middleware:env(), module(), any(), infinity, run) -> cowboy_middleware:result().
upgrade(Req, Env, Handler, State, infinity, run) ->
    upgrade(Req, Env, Handler, State).
