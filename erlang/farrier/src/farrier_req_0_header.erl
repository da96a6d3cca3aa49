%% @doc Names of headers and methods as Cowboy 0 gave them, and its parser of header values.
%%
%% `erlang:decode_packet/3' named things for it: atoms where that function knows them, binaries in Capitalised-Dash form
%% else. Everything else in farrier, as later Cowboys, has names in lower case.
-module(farrier_req_0_header).

-export([name/1, lower/1, text/1, method/1, parse/2]).

-export_type([name/0]).

-type name() :: atom() | binary().

%% @doc The name of a header that the bridge calls `Name'.
-spec name(binary()) -> name().
name(Name) ->
    case erlang:decode_packet(httph_bin, <<Name/binary, ":\r\n\r\n">>, []) of
        {ok, {http_header, _, Known, _, _}, _} when is_atom(Known) -> Known;
        _ -> capitalised(Name, upper, <<>>)
    end.

%% `erlang:decode_packet/3' capitalises short names only, and takes a second dash in a row for a letter.
-spec capitalised(binary(), upper | lower, binary()) -> binary().
capitalised(<<>>, _, Acc) -> Acc;
capitalised(<<$-, Rest/binary>>, lower, Acc) -> capitalised(Rest, upper, <<Acc/binary, $->>);
capitalised(<<$-, Rest/binary>>, upper, Acc) -> capitalised(Rest, lower, <<Acc/binary, $->>);
capitalised(<<C, Rest/binary>>, upper, Acc) when C >= $a, C =< $z ->
    capitalised(Rest, lower, <<Acc/binary, (C - 32)>>);
capitalised(<<C, Rest/binary>>, lower, Acc) when C >= $A, C =< $Z ->
    capitalised(Rest, lower, <<Acc/binary, (C + 32)>>);
capitalised(<<C, Rest/binary>>, _, Acc) ->
    capitalised(Rest, lower, <<Acc/binary, C>>).

%% @doc The name in lower case.
-spec lower(name()) -> binary().
lower(Name) ->
    farrier_header:lower(text(Name)).

%% @doc The name of a header or method as text.
-spec text(name()) -> binary().
text(Name) when is_atom(Name) -> atom_to_binary(Name, latin1);
text(Name) when is_binary(Name) -> Name.

%% @doc An atom for the methods that `erlang:decode_packet/3' knows.
-spec method(binary()) -> atom() | binary().
method(<<"GET">>) -> 'GET';
method(<<"HEAD">>) -> 'HEAD';
method(<<"POST">>) -> 'POST';
method(<<"PUT">>) -> 'PUT';
method(<<"DELETE">>) -> 'DELETE';
method(<<"OPTIONS">>) -> 'OPTIONS';
method(<<"TRACE">>) -> 'TRACE';
method(Method) -> Method.

%% @doc The parsed value of a header, for the names that 0.6 could parse.
-spec parse(name(), binary() | undefined) -> {ok, term()} | error | absent | unknown.
parse(Name, Raw) ->
    Known = [
        'Accept', 'Accept-Charset', 'Accept-Encoding', 'Accept-Language', 'Connection', 'Content-Length',
        'Content-Type', <<"Expect">>, 'If-Match', 'If-None-Match', 'If-Modified-Since', 'If-Unmodified-Since',
        'Transfer-Encoding', 'Upgrade'
    ],
    case lists:member(Name, Known) of
        true -> farrier_req_1_header:parse(lower(Name), Raw);
        false -> unknown
    end.
