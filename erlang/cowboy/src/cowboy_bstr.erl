%% Changes the case of ASCII letters in binaries; other bytes stay as they are.
-module(cowboy_bstr).

-export([capitalize_token/1, to_lower/1, to_upper/1, char_to_lower/1, char_to_upper/1]).

%% @doc Upper case after the start and after each `-', lower case elsewhere: `Sec-Websocket-Key'.
-spec capitalize_token(binary()) -> binary().
capitalize_token(Token) ->
    Words = binary:split(Token, <<"-">>, [global]),
    iolist_to_binary(lists:join($-, [capitalize_word(Word) || Word <- Words])).

-spec capitalize_word(binary()) -> binary().
capitalize_word(<<First, Rest/binary>>) -> <<(char_to_upper(First)), (to_lower(Rest))/binary>>;
capitalize_word(<<>>) -> <<>>.

%% @doc Makes ASCII letters lower case.
-spec to_lower(binary()) -> binary().
to_lower(Text) ->
    <<<<(char_to_lower(Char))>> || <<Char>> <= Text>>.

%% @doc Makes ASCII letters upper case.
-spec to_upper(binary()) -> binary().
to_upper(Text) ->
    <<<<(char_to_upper(Char))>> || <<Char>> <= Text>>.

%% @doc Makes an ASCII letter lower case.
-spec char_to_lower(char()) -> char().
char_to_lower(Char) when Char >= $A, Char =< $Z -> Char + ($a - $A);
char_to_lower(Char) -> Char.

%% @doc Makes an ASCII letter upper case.
-spec char_to_upper(char()) -> char().
char_to_upper(Char) when Char >= $a, Char =< $z -> Char - ($a - $A);
char_to_upper(Char) -> Char.
