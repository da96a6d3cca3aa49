%% Writes dates as HTTP wants them.
%%
%% Computed anew each time: that costs well under a microsecond, less than what a shared cache would cost in
%% copying or contention, and no process has to live for it.
-module(farrier_clock).

-export([rfc1123/0, rfc1123/1, rfc2109/1]).

%% @doc The current time as an IMF-fixdate (RFC 7231 7.1.1.1), e.g. `Sun, 06 Nov 1994 08:49:37 GMT'.
-spec rfc1123() -> binary().
rfc1123() ->
    rfc1123(erlang:universaltime()).

%% @doc A moment in UTC as an IMF-fixdate.
-spec rfc1123(calendar:datetime()) -> binary().
rfc1123({{Year, Month, Day} = Date, {Hour, Minute, Second}}) ->
    <<
        (weekday(calendar:day_of_the_week(Date)))/binary, ", ",
        (two(Day)):16, " ",
        (month(Month))/binary, " ",
        (two(Year div 100)):16, (two(Year rem 100)):16, " ",
        (two(Hour)):16, ":", (two(Minute)):16, ":", (two(Second)):16, " GMT"
    >>.

%% @doc A moment in UTC as cookies have it (RFC 2109 10.1.2), e.g. `Sun, 06-Nov-1994 08:49:37 GMT'.
-spec rfc2109(calendar:datetime()) -> binary().
rfc2109(DateTime) ->
    <<Weekday:5/binary, Day:2/binary, " ", Month:3/binary, " ", Rest/binary>> = rfc1123(DateTime),
    <<Weekday/binary, Day/binary, "-", Month/binary, "-", Rest/binary>>.

%% Two decimal digits as the 16-bit number that their characters make.
-spec two(0..99) -> non_neg_integer().
two(N) ->
    ($0 + N div 10) bsl 8 + ($0 + N rem 10).

-spec weekday(1..7) -> <<_:24>>.
weekday(1) -> <<"Mon">>;
weekday(2) -> <<"Tue">>;
weekday(3) -> <<"Wed">>;
weekday(4) -> <<"Thu">>;
weekday(5) -> <<"Fri">>;
weekday(6) -> <<"Sat">>;
weekday(7) -> <<"Sun">>.

-spec month(1..12) -> <<_:24>>.
month(1) -> <<"Jan">>;
month(2) -> <<"Feb">>;
month(3) -> <<"Mar">>;
month(4) -> <<"Apr">>;
month(5) -> <<"May">>;
month(6) -> <<"Jun">>;
month(7) -> <<"Jul">>;
month(8) -> <<"Aug">>;
month(9) -> <<"Sep">>;
month(10) -> <<"Oct">>;
month(11) -> <<"Nov">>;
month(12) -> <<"Dec">>.
