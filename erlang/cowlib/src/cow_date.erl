%% Cowlib's name for dates. See `farrier_clock' and `farrier_http_date'.
-module(cow_date).

-export([parse_date/1, rfc1123/1, rfc2109/1, rfc7231/1]).

%% @doc Reads the three formats of RFC 7231 7.1.1.1. Crashes on anything else.
-spec parse_date(binary()) -> calendar:datetime().
parse_date(Text) -> farrier_http_date:parse(Text).

%% @doc A moment in UTC as HTTP writes it.
-spec rfc1123(calendar:datetime()) -> binary().
rfc1123(DateTime) -> farrier_clock:rfc1123(DateTime).

%% @doc A moment in UTC as cookies have it.
-spec rfc2109(calendar:datetime()) -> binary().
rfc2109(DateTime) -> farrier_clock:rfc2109(DateTime).

%% @doc The same as `rfc1123/1'.
-spec rfc7231(calendar:datetime()) -> binary().
rfc7231(DateTime) -> farrier_clock:rfc1123(DateTime).
