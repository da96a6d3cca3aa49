%% Cowboy's name for the writer of dates. Cowboy's clock is a process; this one needs none and so has no `start_link/0'.
%% See `farrier_clock'.
-module(cowboy_clock).

-export([rfc1123/0, rfc1123/1, rfc2109/1]).

%% @doc The current time as HTTP writes it.
-spec rfc1123() -> binary().
rfc1123() -> farrier_clock:rfc1123().

%% @doc A moment in UTC as HTTP writes it.
-spec rfc1123(calendar:datetime()) -> binary().
rfc1123(DateTime) -> farrier_clock:rfc1123(DateTime).

%% @doc A moment in UTC as cookies have it (Cowboy 0.4 to 0.8).
-spec rfc2109(calendar:datetime()) -> binary().
rfc2109(DateTime) -> farrier_clock:rfc2109(DateTime).
