%% Reads and writes the cookies of Cowboy 0.
-module(cowboy_cookies).

-export([parse_cookie/1, cookie/2, cookie/3]).

-export_type([kv/0, kvlist/0, cookie_option/0]).

-type kv() :: {Name :: binary(), Value :: binary()}.
-type kvlist() :: [kv()].
-type cookie_option() :: {atom(), any()}.

%% @doc The cookies of a `Cookie' header in order.
-spec parse_cookie(binary()) -> kvlist().
parse_cookie(Header) ->
    farrier_cookie_0:parse(Header).

%% @doc A `Set-Cookie' header without attributes.
-spec cookie(any(), any()) -> kv().
cookie(Name, Value) ->
    cookie(Name, Value, []).

%% @doc A `Set-Cookie' header: see `farrier_cookie_0' for the options. Raises `{cookie_quoting_required, Text}' for
%% what would need quotes.
-spec cookie(any(), any(), [cookie_option()]) -> kv().
cookie(Name, Value, Options) ->
    {<<"Set-Cookie">>, farrier_cookie_0:set(Name, Value, Options)}.
