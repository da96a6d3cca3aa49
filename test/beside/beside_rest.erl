%% @doc A small resource for `cowboy_rest'.
-module(beside_rest).

-export([init/2, allowed_methods/2, content_types_provided/2, content_types_accepted/2, resource_exists/2]).
-export([generate_etag/2, delete_resource/2, html/2, json/2, put/2]).

-spec init(map(), term()) -> {cowboy_rest, map(), term()}.
init(Req, State) -> {cowboy_rest, Req, State}.

-spec allowed_methods(map(), term()) -> {[binary()], map(), term()}.
allowed_methods(Req, State) -> {[<<"GET">>, <<"HEAD">>, <<"PUT">>, <<"DELETE">>, <<"OPTIONS">>], Req, State}.

-spec content_types_provided(map(), term()) -> {[{binary(), atom()}], map(), term()}.
content_types_provided(Req, State) -> {[{<<"text/html">>, html}, {<<"application/json">>, json}], Req, State}.

-spec content_types_accepted(map(), term()) -> {[{binary(), atom()}], map(), term()}.
content_types_accepted(Req, State) -> {[{<<"text/plain">>, put}], Req, State}.

-spec resource_exists(map(), term()) -> {boolean(), map(), term()}.
resource_exists(Req, State) -> {cowboy_req:binding(id, Req) =/= <<"missing">>, Req, State}.

-spec generate_etag(map(), term()) -> {binary(), map(), term()}.
generate_etag(Req, State) -> {<<"\"v1\"">>, Req, State}.

-spec delete_resource(map(), term()) -> {boolean(), map(), term()}.
delete_resource(Req, State) -> {true, Req, State}.

-spec html(map(), term()) -> {iodata(), map(), term()}.
html(Req, State) -> {<<"<p>", (cowboy_req:binding(id, Req))/binary, "</p>">>, Req, State}.

-spec json(map(), term()) -> {iodata(), map(), term()}.
json(Req, State) -> {<<"{}">>, Req, State}.

-spec put(map(), term()) -> {boolean(), map(), term()}.
put(Req0, State) ->
    {ok, Body, Req} = cowboy_req:read_body(Req0),
    {true, cowboy_req:set_resp_body([<<"stored ">>, Body], Req), State}.
