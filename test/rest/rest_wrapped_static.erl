%% @doc Serves a file as projects do that wrap `cowboy_static': some callbacks are its own, the others are left to that module.
-module(rest_wrapped_static).

-export([init/2, malformed_request/2, forbidden/2, content_types_provided/2, charsets_provided/2, ranges_provided/2]).
-export([resource_exists/2, last_modified/2, generate_etag/2, get_file/2]).

-spec init(cowboy_req:req(), map()) -> term().
init(Req, #{static := Opts} = Script) ->
    oracle_trace:init_called(Script, init),
    cowboy_static:init(cowboy_req:set_resp_header(<<"cache-control">>, <<"no-cache">>, Req), Opts).

-spec malformed_request(cowboy_req:req(), term()) -> term().
malformed_request(Req, State) -> cowboy_static:malformed_request(Req, State).

-spec forbidden(cowboy_req:req(), term()) -> term().
forbidden(Req, State) -> cowboy_static:forbidden(Req, State).

-spec content_types_provided(cowboy_req:req(), term()) -> term().
content_types_provided(Req, State) -> cowboy_static:content_types_provided(Req, State).

-spec charsets_provided(cowboy_req:req(), term()) -> term().
charsets_provided(Req, State) -> cowboy_static:charsets_provided(Req, State).

-spec ranges_provided(cowboy_req:req(), term()) -> term().
ranges_provided(Req, State) -> cowboy_static:ranges_provided(Req, State).

-spec resource_exists(cowboy_req:req(), term()) -> term().
resource_exists(Req, State) -> cowboy_static:resource_exists(Req, State).

-spec last_modified(cowboy_req:req(), term()) -> term().
last_modified(Req, State) -> cowboy_static:last_modified(Req, State).

-spec generate_etag(cowboy_req:req(), term()) -> term().
generate_etag(Req, State) ->
    {{strong, Tag}, Req2, State2} = cowboy_static:generate_etag(Req, State),
    {{weak, Tag}, Req2, State2}.

-spec get_file(cowboy_req:req(), term()) -> term().
get_file(Req, State) -> cowboy_static:get_file(Req, State).
