%% @doc Reads the three date formats that RFC 7231 7.1.1.1 asks recipients to accept.
-module(farrier_http_date).

-export([parse/1]).

%% @doc Crashes on anything else.
-spec parse(binary()) -> calendar:datetime().
%% IMF-fixdate: Sun, 06 Nov 1994 08:49:37 GMT
parse(<<Weekday:3/binary, ", ", Day:2/binary, " ", Month:3/binary, " ", Year:4/binary, " ", Time:8/binary, " GMT">>) ->
    true = weekday(Weekday),
    datetime(number(Year), Month, Day, Time);
%% asctime: Sun Nov  6 08:49:37 1994
parse(<<Weekday:3/binary, " ", Month:3/binary, " ", Day:2/binary, " ", Time:8/binary, " ", Year:4/binary>>) ->
    true = weekday(Weekday),
    datetime(number(Year), Month, Day, Time);
%% RFC 850: Sunday, 06-Nov-94 08:49:37 GMT
parse(Value) ->
    [<<Weekday:3/binary, _/binary>>, <<Day:2/binary, "-", Month:3/binary, "-", Year:2/binary, " ", Rest/binary>>] =
        binary:split(Value, <<", ">>),
    <<Time:8/binary, " GMT">> = Rest,
    true = weekday(Weekday),
    datetime(century(number(Year)), Month, Day, Time).

-spec weekday(binary()) -> boolean().
weekday(Name) ->
    lists:member(Name, [<<"Mon">>, <<"Tue">>, <<"Wed">>, <<"Thu">>, <<"Fri">>, <<"Sat">>, <<"Sun">>]).

%% RFC 7231: a two-digit year that seems to be more than fifty years ahead is of the past.
-spec century(0..99) -> 1950..2050.
century(Year) when Year >= 50 -> 1900 + Year;
century(Year) -> 2000 + Year.

-spec datetime(0..9999, binary(), binary(), binary()) -> calendar:datetime().
datetime(Year, Month, <<" ", Day/binary>>, Time) ->
    datetime(Year, Month, Day, Time);
datetime(Year, Month, Day, <<Hour:2/binary, ":", Minute:2/binary, ":", Second:2/binary>>) ->
    Date = {Year, month(Month), number(Day)},
    true = calendar:valid_date(Date),
    {Date, {in(Hour, 23), in(Minute, 59), in(Second, 60)}}.

-spec in(binary(), 23 | 59 | 60) -> 0..60.
in(Digits, Max) ->
    N = number(Digits),
    true = N =< Max,
    N.

%% `binary_to_integer/1' would take a sign.
-spec number(binary()) -> 0..9999.
number(Digits) ->
    true = lists:all(fun(C) -> C >= $0 andalso C =< $9 end, binary_to_list(Digits)),
    binary_to_integer(Digits).

-spec month(binary()) -> 1..12.
month(<<"Jan">>) -> 1;
month(<<"Feb">>) -> 2;
month(<<"Mar">>) -> 3;
month(<<"Apr">>) -> 4;
month(<<"May">>) -> 5;
month(<<"Jun">>) -> 6;
month(<<"Jul">>) -> 7;
month(<<"Aug">>) -> 8;
month(<<"Sep">>) -> 9;
month(<<"Oct">>) -> 10;
month(<<"Nov">>) -> 11;
month(<<"Dec">>) -> 12.
