%% Cowlib's name for the parsers of request headers: what `cowboy_req:parse_header/2' of Cowboy 2 returns, for a value
%% that the caller has at hand. Malformed values raise `badarg'. See `farrier_header'.
-module(cow_http_hd).

-export([parse_accept/1, parse_accept_charset/1, parse_accept_encoding/1, parse_accept_language/1,
    parse_access_control_request_headers/1, parse_access_control_request_method/1, parse_authorization/1,
    parse_connection/1, parse_content_encoding/1, parse_content_language/1, parse_content_length/1,
    parse_content_type/1, parse_cookie/1, parse_date/1, parse_expect/1, parse_if_match/1,
    parse_if_modified_since/1, parse_if_none_match/1, parse_if_range/1, parse_if_unmodified_since/1,
    parse_last_modified/1, parse_max_forwards/1, parse_origin/1, parse_proxy_authorization/1, parse_range/1,
    parse_sec_websocket_extensions/1, parse_sec_websocket_protocol_req/1, parse_sec_websocket_version_req/1,
    parse_trailer/1, parse_transfer_encoding/1, parse_upgrade/1, parse_x_forwarded_for/1
]).

-spec parse_accept(binary()) -> term().
parse_accept(Value) -> parsed(<<"accept">>, Value).

-spec parse_accept_charset(binary()) -> term().
parse_accept_charset(Value) -> parsed(<<"accept-charset">>, Value).

-spec parse_accept_encoding(binary()) -> term().
parse_accept_encoding(Value) -> parsed(<<"accept-encoding">>, Value).

-spec parse_accept_language(binary()) -> term().
parse_accept_language(Value) -> parsed(<<"accept-language">>, Value).

-spec parse_access_control_request_headers(binary()) -> term().
parse_access_control_request_headers(Value) -> parsed(<<"access-control-request-headers">>, Value).

-spec parse_access_control_request_method(binary()) -> term().
parse_access_control_request_method(Value) -> parsed(<<"access-control-request-method">>, Value).

-spec parse_authorization(binary()) -> term().
parse_authorization(Value) -> parsed(<<"authorization">>, Value).

-spec parse_connection(binary()) -> term().
parse_connection(Value) -> parsed(<<"connection">>, Value).

-spec parse_content_encoding(binary()) -> term().
parse_content_encoding(Value) -> parsed(<<"content-encoding">>, Value).

-spec parse_content_language(binary()) -> term().
parse_content_language(Value) -> parsed(<<"content-language">>, Value).

-spec parse_content_length(binary()) -> term().
parse_content_length(Value) -> parsed(<<"content-length">>, Value).

-spec parse_content_type(binary()) -> term().
parse_content_type(Value) -> parsed(<<"content-type">>, Value).

-spec parse_cookie(binary()) -> term().
parse_cookie(Value) -> parsed(<<"cookie">>, Value).

-spec parse_date(binary()) -> term().
parse_date(Value) -> parsed(<<"if-modified-since">>, Value).

-spec parse_expect(binary()) -> term().
parse_expect(Value) -> parsed(<<"expect">>, Value).

-spec parse_if_match(binary()) -> term().
parse_if_match(Value) -> parsed(<<"if-match">>, Value).

-spec parse_if_modified_since(binary()) -> term().
parse_if_modified_since(Value) -> parsed(<<"if-modified-since">>, Value).

-spec parse_if_none_match(binary()) -> term().
parse_if_none_match(Value) -> parsed(<<"if-none-match">>, Value).

-spec parse_if_range(binary()) -> term().
parse_if_range(Value) -> parsed(<<"if-range">>, Value).

-spec parse_if_unmodified_since(binary()) -> term().
parse_if_unmodified_since(Value) -> parsed(<<"if-unmodified-since">>, Value).

-spec parse_last_modified(binary()) -> term().
parse_last_modified(Value) -> parsed(<<"if-modified-since">>, Value).

-spec parse_max_forwards(binary()) -> term().
parse_max_forwards(Value) -> parsed(<<"max-forwards">>, Value).

-spec parse_origin(binary()) -> term().
parse_origin(Value) -> parsed(<<"origin">>, Value).

-spec parse_proxy_authorization(binary()) -> term().
parse_proxy_authorization(Value) -> parsed(<<"proxy-authorization">>, Value).

-spec parse_range(binary()) -> term().
parse_range(Value) -> parsed(<<"range">>, Value).

-spec parse_sec_websocket_extensions(binary()) -> term().
parse_sec_websocket_extensions(Value) -> parsed(<<"sec-websocket-extensions">>, Value).

-spec parse_sec_websocket_protocol_req(binary()) -> term().
parse_sec_websocket_protocol_req(Value) -> parsed(<<"sec-websocket-protocol">>, Value).

-spec parse_sec_websocket_version_req(binary()) -> term().
parse_sec_websocket_version_req(Value) -> parsed(<<"sec-websocket-version">>, Value).

-spec parse_trailer(binary()) -> term().
parse_trailer(Value) -> parsed(<<"trailer">>, Value).

-spec parse_transfer_encoding(binary()) -> term().
parse_transfer_encoding(Value) -> parsed(<<"connection">>, Value).

-spec parse_upgrade(binary()) -> term().
parse_upgrade(Value) -> parsed(<<"upgrade">>, Value).

-spec parse_x_forwarded_for(binary()) -> term().
parse_x_forwarded_for(Value) -> parsed(<<"x-forwarded-for">>, Value).

-spec parsed(binary(), binary()) -> term().
parsed(Name, Value) ->
    case farrier_header:parse(Name, Value) of
        {ok, Term} -> Term;
        error -> error(badarg, [Value])
    end.
