%% Serves files, as a REST handler of every generation. See `farrier_static' for its options.
%%
%% Projects wrap it: they export its callbacks under a name of their own, and leave some of them to this module.
-module(cowboy_static).
-behaviour(cowboy_rest).

%% Cowboy 2.
-export([init/2]).
%% Cowboy 1.
-export([init/3, rest_init/2]).
-export([malformed_request/2, forbidden/2, content_types_provided/2, charsets_provided/2, ranges_provided/2]).
-export([resource_exists/2, generate_etag/2, last_modified/2, get_file/2]).

-export_type([opts/0]).

-type opts() :: farrier_static:options().
-type state() :: farrier_static:state().

%% @doc Finds the file for a request of Cowboy 2.
-spec init(Req, opts()) -> {cowboy_rest, Req, state()} when Req :: cowboy_req:req().
init(Req, Opts) ->
    {cowboy_rest, Req, farrier_static:state(Req, Opts)}.

%% @doc Leaves that to `rest_init/2'.
-spec init({atom(), http}, cowboy_req:req(), opts()) -> {upgrade, protocol, cowboy_rest}.
init({_Transport, http}, _Req, _Opts) ->
    {upgrade, protocol, cowboy_rest}.

%% @doc Finds the file for a request of Cowboy 1.
-spec rest_init(Req, opts()) -> {ok, Req, state()} when Req :: cowboy_req:req().
rest_init(Req, Opts) -> farrier_static:rest_init(Req, Opts).

%% @doc Whether the path would leave the directory.
-spec malformed_request(Req, state()) -> {boolean(), Req, state()} when Req :: cowboy_req:req().
malformed_request(Req, State) -> farrier_static:malformed_request(Req, State).

%% @doc Whether it is a directory, or a file that cannot be read.
-spec forbidden(Req, state()) -> {boolean(), Req, state()} when Req :: cowboy_req:req().
forbidden(Req, State) -> farrier_static:forbidden(Req, State).

-spec content_types_provided(Req, state()) ->
    {[{{binary(), binary(), [{binary(), binary()}]}, get_file}], Req, state()}
when
    Req :: cowboy_req:req().
content_types_provided(Req, State) -> farrier_static:content_types_provided(Req, State).

-spec charsets_provided(Req, state()) -> {[binary()], Req, state()} | no_call when Req :: cowboy_req:req().
charsets_provided(Req, State) -> farrier_static:charsets_provided(Req, State).

-spec ranges_provided(Req, state()) -> {[{binary(), auto}], Req, state()} when Req :: cowboy_req:req().
ranges_provided(Req, State) -> farrier_static:ranges_provided(Req, State).

-spec resource_exists(Req, state()) -> {boolean(), Req, state()} when Req :: cowboy_req:req().
resource_exists(Req, State) -> farrier_static:resource_exists(Req, State).

-spec generate_etag(Req, state()) -> {{strong | weak, binary()} | undefined, Req, state()} when
    Req :: cowboy_req:req().
generate_etag(Req, State) -> farrier_static:generate_etag(Req, State).

-spec last_modified(Req, state()) -> {calendar:datetime(), Req, state()} when Req :: cowboy_req:req().
last_modified(Req, State) -> farrier_static:last_modified(Req, State).

%% @doc The file as a body of the request's generation.
-spec get_file(Req, state()) -> {any(), Req, state()} when Req :: cowboy_req:req().
get_file(Req, State) -> farrier_static:get_file(Req, State).
