%% Cowboy's name for the writer of HTTP dates. See `farrier_clock'.
-module(cowboy_clock).

-export([rfc1123/0, rfc1123/1]).

%% @doc The current time as HTTP writes it.
-spec rfc1123() -> binary().
rfc1123() -> farrier_clock:rfc1123().

%% @doc A moment in UTC as HTTP writes it.
-spec rfc1123(calendar:datetime()) -> binary().
rfc1123(DateTime) -> farrier_clock:rfc1123(DateTime).
