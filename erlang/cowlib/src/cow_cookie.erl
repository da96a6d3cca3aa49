%% Cowlib's name for cookies. See `farrier_cookie'.
-module(cow_cookie).

-export([parse_cookie/1, cookie/1, setcookie/3]).

-export_type([cookie_opts/0]).

-type cookie_opts() :: farrier_cookie:options().

%% @doc Names and values of a `cookie' header. Raises `badarg' if it is malformed.
-spec parse_cookie(binary()) -> [{binary(), binary()}].
parse_cookie(Header) ->
    case farrier_cookie:parse(Header) of
        {ok, Cookies} -> Cookies;
        error -> error(badarg, [Header])
    end.

%% @doc The `cookie' header that a client sends for these names and values.
-spec cookie([{iodata(), iodata()}]) -> iolist().
cookie(Cookies) ->
    lists:join(<<"; ">>, [pair(Cookie) || Cookie <- Cookies]).

-spec pair({iodata(), iodata()}) -> iodata().
pair({<<>>, Value}) -> Value;
pair({Name, Value}) -> [Name, $=, Value].

%% @doc The value of `set-cookie'. Options are a map as from Cowlib 2.0, or a list as in 1.0, which adds a version.
-spec setcookie(iodata(), iodata(), cookie_opts() | [{atom(), term()}]) -> iolist().
setcookie(Name, Value, Opts) when is_map(Opts) -> farrier_cookie:set(Name, Value, Opts);
setcookie(Name, Value, Opts) -> farrier_cookie:set_1(Name, Value, Opts).
