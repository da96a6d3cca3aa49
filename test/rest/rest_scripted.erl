%% @doc A REST handler of Cowboy 2 and its pre-releases that does what its script says and reports every callback.
%%
%% The script is a map: the name of a callback gives the value that it returns, or a fun of Req and state that returns
%% all of it. A callback that the script does not mention returns `no_call', which Cowboy takes for one that is not
%% exported. The script is also the handler's state.
-module(rest_scripted).

-export([init/2, info/3, terminate/3, called/3, negotiated/1]).
-export([service_available/2, known_methods/2, uri_too_long/2, allowed_methods/2, malformed_request/2, is_authorized/2,
         forbidden/2, rate_limited/2, valid_content_headers/2, valid_entity_length/2, options/2]).
-export([content_types_provided/2, languages_provided/2, charsets_provided/2, ranges_provided/2, range_satisfiable/2,
         variances/2]).
-export([resource_exists/2, generate_etag/2, last_modified/2, expires/2, moved_permanently/2, moved_temporarily/2,
         previously_existed/2, allow_missing_post/2, content_types_accepted/2, is_conflict/2, multiple_choices/2,
         delete_resource/2, delete_completed/2]).
-export([to_html/2, to_json/2, to_text/2, to_range/2, auto/2, from_json/2, from_form/2]).

-spec init(cowboy_req:req(), map()) -> term().
init(Req, Script) ->
    oracle_trace:init_called(Script, init),
    case Script of
        #{init := Fun} -> Fun(Req, Script);
        _ -> {cowboy_rest, Req, Script}
    end.

%% After a switch to `cowboy_loop'.
-spec info(term(), cowboy_req:req(), map()) -> term().
info(Message, Req, #{info := Fun} = Script) ->
    oracle_trace:note(Script, {info, Message}),
    Fun(Message, Req, Script).

-spec terminate(term(), term(), map()) -> term().
terminate(Reason, Req, Script) ->
    oracle_trace:init_called(Script, {terminate, Reason, negotiated(Req)}),
    case Script of
        #{terminate := Fun} -> Fun(Reason, Req, Script);
        _ -> ok
    end.

%% What the machine tells a handler through Req.
-spec negotiated(term()) -> map().
negotiated(Req) when is_map(Req) ->
    maps:with([media_type, language, charset, range], Req);
negotiated(Req) ->
    maps:from_list([{Key, Value} || Key <- [media_type, language, charset, put_path], {ok, Value} <- [meta(Key, Req)]]).

-spec meta(atom(), term()) -> {ok, term()} | none.
meta(Key, Req) ->
    case farrier_req:generation(Req) of
        0 -> found(cowboy_http_req:meta(Key, Req, none));
        1 -> found(cowboy_req:meta(Key, Req, none));
        '2pre' -> found({cowboy_req:meta(Key, Req, none), Req})
    end.

-spec found({term(), term()}) -> {ok, term()} | none.
found({none, _}) -> none;
found({Value, _}) -> {ok, Value}.

-spec called(atom(), term(), map()) -> term().
called(Callback, Req, Script) ->
    oracle_trace:note(Script, Callback),
    case Script of
        #{Callback := Fun} when is_function(Fun, 2) -> Fun(Req, Script);
        #{Callback := Value} -> {Value, Req, Script};
        _ -> no_call
    end.

-spec service_available(map(), map()) -> term().
service_available(Req, Script) -> called(service_available, Req, Script).

-spec known_methods(map(), map()) -> term().
known_methods(Req, Script) -> called(known_methods, Req, Script).

-spec uri_too_long(map(), map()) -> term().
uri_too_long(Req, Script) -> called(uri_too_long, Req, Script).

-spec allowed_methods(map(), map()) -> term().
allowed_methods(Req, Script) -> called(allowed_methods, Req, Script).

-spec malformed_request(map(), map()) -> term().
malformed_request(Req, Script) -> called(malformed_request, Req, Script).

-spec is_authorized(map(), map()) -> term().
is_authorized(Req, Script) -> called(is_authorized, Req, Script).

-spec forbidden(map(), map()) -> term().
forbidden(Req, Script) -> called(forbidden, Req, Script).

-spec rate_limited(map(), map()) -> term().
rate_limited(Req, Script) -> called(rate_limited, Req, Script).

-spec valid_content_headers(map(), map()) -> term().
valid_content_headers(Req, Script) -> called(valid_content_headers, Req, Script).

-spec valid_entity_length(map(), map()) -> term().
valid_entity_length(Req, Script) -> called(valid_entity_length, Req, Script).

-spec options(map(), map()) -> term().
options(Req, Script) -> called(options, Req, Script).

-spec content_types_provided(map(), map()) -> term().
content_types_provided(Req, Script) -> called(content_types_provided, Req, Script).

-spec languages_provided(map(), map()) -> term().
languages_provided(Req, Script) -> called(languages_provided, Req, Script).

-spec charsets_provided(map(), map()) -> term().
charsets_provided(Req, Script) -> called(charsets_provided, Req, Script).

-spec ranges_provided(map(), map()) -> term().
ranges_provided(Req, Script) -> called(ranges_provided, Req, Script).

-spec range_satisfiable(map(), map()) -> term().
range_satisfiable(Req, Script) -> called(range_satisfiable, Req, Script).

-spec variances(map(), map()) -> term().
variances(Req, Script) -> called(variances, Req, Script).

-spec resource_exists(map(), map()) -> term().
resource_exists(Req, Script) -> called(resource_exists, Req, Script).

-spec generate_etag(map(), map()) -> term().
generate_etag(Req, Script) -> called(generate_etag, Req, Script).

-spec last_modified(map(), map()) -> term().
last_modified(Req, Script) -> called(last_modified, Req, Script).

-spec expires(map(), map()) -> term().
expires(Req, Script) -> called(expires, Req, Script).

-spec moved_permanently(map(), map()) -> term().
moved_permanently(Req, Script) -> called(moved_permanently, Req, Script).

-spec moved_temporarily(map(), map()) -> term().
moved_temporarily(Req, Script) -> called(moved_temporarily, Req, Script).

-spec previously_existed(map(), map()) -> term().
previously_existed(Req, Script) -> called(previously_existed, Req, Script).

-spec allow_missing_post(map(), map()) -> term().
allow_missing_post(Req, Script) -> called(allow_missing_post, Req, Script).

-spec content_types_accepted(map(), map()) -> term().
content_types_accepted(Req, Script) -> called(content_types_accepted, Req, Script).

-spec is_conflict(map(), map()) -> term().
is_conflict(Req, Script) -> called(is_conflict, Req, Script).

-spec multiple_choices(map(), map()) -> term().
multiple_choices(Req, Script) -> called(multiple_choices, Req, Script).

-spec delete_resource(map(), map()) -> term().
delete_resource(Req, Script) -> called(delete_resource, Req, Script).

-spec delete_completed(map(), map()) -> term().
delete_completed(Req, Script) -> called(delete_completed, Req, Script).

-spec to_html(map(), map()) -> term().
to_html(Req, Script) -> called(to_html, Req, Script).

-spec to_json(map(), map()) -> term().
to_json(Req, Script) -> called(to_json, Req, Script).

-spec to_text(map(), map()) -> term().
to_text(Req, Script) -> called(to_text, Req, Script).

-spec to_range(map(), map()) -> term().
to_range(Req, Script) -> called(to_range, Req, Script).

-spec auto(map(), map()) -> term().
auto(Req, Script) -> called(auto, Req, Script).

-spec from_json(map(), map()) -> term().
from_json(Req, Script) -> called(from_json, Req, Script).

-spec from_form(map(), map()) -> term().
from_form(Req, Script) -> called(from_form, Req, Script).

