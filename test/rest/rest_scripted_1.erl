% @doc A REST handler of Cowboy 0 and 1 that does what its script says and reports every callback: see `rest_scripted'. The script
% also says which protocol `init/3' asks for.
-module(rest_scripted_1).

-export([init/3, rest_init/2, rest_terminate/2]).
-export([service_available/2, known_methods/2, uri_too_long/2, allowed_methods/2, malformed_request/2,
         is_authorized/2, forbidden/2, valid_content_headers/2, known_content_type/2, valid_entity_length/2,
         options/2, content_types_provided/2, languages_provided/2, charsets_provided/2, variances/2,
         resource_exists/2, generate_etag/2, last_modified/2, expires/2, moved_permanently/2,
         moved_temporarily/2, previously_existed/2, allow_missing_post/2, content_types_accepted/2,
         is_conflict/2, multiple_choices/2, delete_resource/2, delete_completed/2, to_html/2, to_json/2,
         to_text/2, from_json/2]).

-spec init({tcp | ssl, http}, term(), map()) -> term().
init(Connection, _, #{protocol := Protocol} = Script) ->
    oracle_trace:init_called(Script, {init, Connection}),
    {upgrade, protocol, Protocol}.

-spec rest_init(term(), map()) -> term().
rest_init(Req, Script) ->
    oracle_trace:note(Script, rest_init),
    case Script of
        #{rest_init := Fun} -> Fun(Req, Script);
        _ -> {ok, Req, Script}
    end.

-spec rest_terminate(term(), map()) -> ok.
rest_terminate(Req, Script) ->
    oracle_trace:init_called(Script, {terminate, rest_scripted:negotiated(Req)}),
    ok.

-spec service_available(term(), map()) -> term().
service_available(Req, Script) -> rest_scripted:called(service_available, Req, Script).

-spec known_methods(term(), map()) -> term().
known_methods(Req, Script) -> rest_scripted:called(known_methods, Req, Script).

-spec uri_too_long(term(), map()) -> term().
uri_too_long(Req, Script) -> rest_scripted:called(uri_too_long, Req, Script).

-spec allowed_methods(term(), map()) -> term().
allowed_methods(Req, Script) -> rest_scripted:called(allowed_methods, Req, Script).

-spec malformed_request(term(), map()) -> term().
malformed_request(Req, Script) -> rest_scripted:called(malformed_request, Req, Script).

-spec is_authorized(term(), map()) -> term().
is_authorized(Req, Script) -> rest_scripted:called(is_authorized, Req, Script).

-spec forbidden(term(), map()) -> term().
forbidden(Req, Script) -> rest_scripted:called(forbidden, Req, Script).

-spec valid_content_headers(term(), map()) -> term().
valid_content_headers(Req, Script) -> rest_scripted:called(valid_content_headers, Req, Script).

-spec known_content_type(term(), map()) -> term().
known_content_type(Req, Script) -> rest_scripted:called(known_content_type, Req, Script).

-spec valid_entity_length(term(), map()) -> term().
valid_entity_length(Req, Script) -> rest_scripted:called(valid_entity_length, Req, Script).

-spec options(term(), map()) -> term().
options(Req, Script) -> rest_scripted:called(options, Req, Script).

-spec content_types_provided(term(), map()) -> term().
content_types_provided(Req, Script) -> rest_scripted:called(content_types_provided, Req, Script).

-spec languages_provided(term(), map()) -> term().
languages_provided(Req, Script) -> rest_scripted:called(languages_provided, Req, Script).

-spec charsets_provided(term(), map()) -> term().
charsets_provided(Req, Script) -> rest_scripted:called(charsets_provided, Req, Script).

-spec variances(term(), map()) -> term().
variances(Req, Script) -> rest_scripted:called(variances, Req, Script).

-spec resource_exists(term(), map()) -> term().
resource_exists(Req, Script) -> rest_scripted:called(resource_exists, Req, Script).

-spec generate_etag(term(), map()) -> term().
generate_etag(Req, Script) -> rest_scripted:called(generate_etag, Req, Script).

-spec last_modified(term(), map()) -> term().
last_modified(Req, Script) -> rest_scripted:called(last_modified, Req, Script).

-spec expires(term(), map()) -> term().
expires(Req, Script) -> rest_scripted:called(expires, Req, Script).

-spec moved_permanently(term(), map()) -> term().
moved_permanently(Req, Script) -> rest_scripted:called(moved_permanently, Req, Script).

-spec moved_temporarily(term(), map()) -> term().
moved_temporarily(Req, Script) -> rest_scripted:called(moved_temporarily, Req, Script).

-spec previously_existed(term(), map()) -> term().
previously_existed(Req, Script) -> rest_scripted:called(previously_existed, Req, Script).

-spec allow_missing_post(term(), map()) -> term().
allow_missing_post(Req, Script) -> rest_scripted:called(allow_missing_post, Req, Script).

-spec content_types_accepted(term(), map()) -> term().
content_types_accepted(Req, Script) -> rest_scripted:called(content_types_accepted, Req, Script).

-spec is_conflict(term(), map()) -> term().
is_conflict(Req, Script) -> rest_scripted:called(is_conflict, Req, Script).

-spec multiple_choices(term(), map()) -> term().
multiple_choices(Req, Script) -> rest_scripted:called(multiple_choices, Req, Script).

-spec delete_resource(term(), map()) -> term().
delete_resource(Req, Script) -> rest_scripted:called(delete_resource, Req, Script).

-spec delete_completed(term(), map()) -> term().
delete_completed(Req, Script) -> rest_scripted:called(delete_completed, Req, Script).

-spec to_html(term(), map()) -> term().
to_html(Req, Script) -> rest_scripted:called(to_html, Req, Script).

-spec to_json(term(), map()) -> term().
to_json(Req, Script) -> rest_scripted:called(to_json, Req, Script).

-spec to_text(term(), map()) -> term().
to_text(Req, Script) -> rest_scripted:called(to_text, Req, Script).

-spec from_json(term(), map()) -> term().
from_json(Req, Script) -> rest_scripted:called(from_json, Req, Script).
