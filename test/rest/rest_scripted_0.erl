%% @doc A REST handler as Cowboy 0 to 0.8.3 had them: POST and PUT differ from what came later. See `rest_scripted_1'.
-module(rest_scripted_0).

-export([init/3, rest_init/2, rest_terminate/2]).
-export([allowed_methods/2, content_types_provided/2, content_types_accepted/2, resource_exists/2, generate_etag/2, to_html/2]).
-export([post_is_create/2, process_post/2, create_path/2, created_path/2, from_json/2]).

-spec init({tcp | ssl, http}, term(), map()) -> term().
init(Connection, Req, Script) -> rest_scripted_1:init(Connection, Req, Script).

-spec rest_init(term(), map()) -> term().
rest_init(Req, Script) -> rest_scripted_1:rest_init(Req, Script).

-spec rest_terminate(term(), map()) -> ok.
rest_terminate(Req, Script) -> rest_scripted_1:rest_terminate(Req, Script).

-spec allowed_methods(term(), map()) -> term().
allowed_methods(Req, Script) -> rest_scripted:called(allowed_methods, Req, Script).

-spec content_types_provided(term(), map()) -> term().
content_types_provided(Req, Script) -> rest_scripted:called(content_types_provided, Req, Script).

-spec content_types_accepted(term(), map()) -> term().
content_types_accepted(Req, Script) -> rest_scripted:called(content_types_accepted, Req, Script).

-spec resource_exists(term(), map()) -> term().
resource_exists(Req, Script) -> rest_scripted:called(resource_exists, Req, Script).

-spec generate_etag(term(), map()) -> term().
generate_etag(Req, Script) -> rest_scripted:called(generate_etag, Req, Script).

-spec to_html(term(), map()) -> term().
to_html(Req, Script) -> rest_scripted:called(to_html, Req, Script).

-spec post_is_create(term(), map()) -> term().
post_is_create(Req, Script) -> rest_scripted:called(post_is_create, Req, Script).

-spec process_post(term(), map()) -> term().
process_post(Req, Script) -> rest_scripted:called(process_post, Req, Script).

-spec create_path(term(), map()) -> term().
create_path(Req, Script) -> rest_scripted:called(create_path, Req, Script).

-spec created_path(term(), map()) -> term().
created_path(Req, Script) -> rest_scripted:called(created_path, Req, Script).

-spec from_json(term(), map()) -> term().
from_json(Req, Script) -> rest_scripted:called(from_json, Req, Script).
