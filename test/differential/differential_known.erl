%% @doc Where the two are meant to differ, one by one.
%%
%% A known difference says what farrier shows instead of what the oracle showed; where the oracle runs into a defect of
%% its own, whatever farrier shows is taken for granted. Each has a name, under which it is
%% counted, and a reason: a release later than 2.8.0 that farrier imitates, or a row of docs/differences.md.
-module(differential_known).

-export([expected/3]).

-type seen() :: #{how := closed | reset | timeout, wire := [term()], callbacks := [term()], exits := [term()], init_exits := [term()]}.
-type rule() :: fun((map(), Oracle :: seen(), Farrier :: seen()) -> seen()).

%% The oracle's result as farrier is to show it, and the names of the differences that came into play.
-spec expected(map(), seen(), seen()) -> {seen(), [atom()]}.
expected(Case, Oracle, Farrier) ->
    lists:foldl(fun({Name, Rule}, {Seen, Names}) ->
        case Rule(Case, Seen, Farrier) of
            Seen -> {Seen, Names};
            Other -> {Other, [Name | Names]}
        end
    end, {Oracle, []}, rules()).

-spec rules() -> [{atom(), rule()}].
rules() ->
    [{cookies_have_no_version_from_2_10, fun cookies/3},
     {filtered_req_has_streamid_from_2_14, fun streamid/3},
     {streamed_replies_to_head_have_no_coding, fun head/3},
     {empty_compressed_frames_from_2_13, fun empty_compressed/3},
     {corrupt_compressed_fragments, fun compressed_fragments/3},
     {corrupt_compression_is_1002_from_2_13, fun corrupt/3},
     {close_within_a_character, fun within_a_character/3},
     {disconnect_is_seen_while_passive, fun passive/3},
     {first_of_several_bad_terms, fun several_bad/3},
     {reset_destroys_what_was_sent, fun destroyed/3},
     {several_values_are_nonempty, fun nonempty/3},
     {continue_although_the_body_is_there, fun continued/3},
     {chunks_of_a_body_are_skipped_whenever_they_come, fun skipped/3},
     {refusal_overtakes_answers, fun overtaken/3},
     {requests_behind_a_close_are_ignored, fun behind_close/3},
     {close_is_stronger_than_keep_alive, fun keep_alive_and_close/3}].

%%% Requests

%% The constraint knows binaries only, and crashes of a list of them or of `true'.
-spec nonempty(map(), seen(), seen()) -> seen().
nonempty(#{kind := http}, #{callbacks := Callbacks} = Seen, #{callbacks := Own}) ->
    Seen#{callbacks := with_nonempty(Callbacks, Own)};
nonempty(_, Seen, _) -> Seen.

-spec with_nonempty([term()], [term()]) -> [term()].
with_nonempty([{Id, {failed, ask, error, function_clause}} | Callbacks], [{Id, {match_qs, [[{a, nonempty}]], #{a := Value}}} = Event | Own]) when not is_binary(Value) ->
    [Event | with_nonempty(Callbacks, Own)];
with_nonempty([Event | Callbacks], [_ | Own]) -> [Event | with_nonempty(Callbacks, Own)];
with_nonempty(Callbacks, _) -> Callbacks.

%% Cowboy leaves the 100 out once it has seen some of the body (RFC 9110 10.1.1 allows both).
-spec continued(map(), seen(), seen()) -> seen().
continued(#{kind := http}, #{wire := Wire} = Seen, #{wire := Sent}) -> Seen#{wire := with_continue(Wire, Sent)};
continued(_, Seen, _) -> Seen.

-spec with_continue([term()], [term()]) -> [term()].
with_continue([{response, <<"HTTP/1.1 100", _/binary>>, _, _} = Continue | Wire], [Continue | Sent]) -> [Continue | with_continue(Wire, Sent)];
with_continue(Wire, [{response, <<"HTTP/1.1 100", _/binary>>, _, _} = Continue | Sent]) -> [Continue | with_continue(Wire, Sent)];
with_continue([Part | Wire], [_ | Sent]) -> [Part | with_continue(Wire, Sent)];
with_continue(Wire, _) -> Wire.

%% Cowboy ends the connection unless an unread body in chunks is there when the response ends; farrier skips it.
-spec skipped(map(), seen(), seen()) -> seen().
skipped(#{kind := http, chunked := true}, #{wire := Wire} = Seen, #{wire := Sent} = Farrier) ->
    case lists:prefix(Wire, Sent) of
        true -> continues(length_of(Wire), Seen, Farrier);
        false -> Seen
    end;
skipped(_, Seen, _) -> Seen.

%% A malformed request makes Cowboy forget the answers to those before it that are still being worked on.
-spec overtaken(map(), seen(), seen()) -> seen().
overtaken(#{kind := http}, #{wire := Wire} = Seen, #{wire := Sent} = Farrier) ->
    case lists:reverse(Wire) of
        [{response, <<"HTTP/1.1 ", Code, _/binary>>, [{<<"connection">>, <<"close">>}, {<<"content-length">>, <<"0">>}], _} | Before]
            when Code =:= $4; Code =:= $5 ->
            case lists:prefix(lists:reverse(Before), Sent) of
                true -> continues(length_of(Before), Seen, Farrier);
                false -> Seen
            end;
        _ -> Seen
    end;
overtaken(_, Seen, _) -> Seen.

%% RFC 9112 9.6: nothing is processed behind a response that says close, or that ends with the connection. Cowboy goes on
%% with what it has read already.
-spec behind_close(map(), seen(), seen()) -> seen().
behind_close(#{kind := http}, #{wire := Wire} = Seen, #{wire := [_ | _] = Sent} = Farrier) ->
    case lists:prefix(Sent, Wire) andalso closes(lists:last(Sent)) orelse is_glued(lists:last(Sent), Wire, length(Sent)) of
        true -> continues(length_of(Sent), Seen, Farrier);
        false -> Seen
    end;
behind_close(_, Seen, _) -> Seen.

%% Whether what follows the last response looks like its body.
-spec is_glued(term(), [term()], pos_integer()) -> boolean().
is_glued({response, Status, Fields, {until_close, _}}, Wire, Length) when length(Wire) =:= Length ->
    case lists:last(Wire) of
        {response, Status, Fields, {until_close, _}} -> true;
        _ -> false
    end;
is_glued(_, _, _) -> false.

%% RFC 9112 9.3, in HTTP/1.0 as well.
-spec keep_alive_and_close(map(), seen(), seen()) -> seen().
keep_alive_and_close(#{kind := http, both := true}, #{wire := Wire} = Seen, #{wire := [_ | _] = Sent} = Farrier) ->
    {response, Status, Fields, Body} = lists:last(Sent),
    Kept = {response, Status, lists:keyreplace(<<"connection">>, 1, Fields, {<<"connection">>, <<"keep-alive">>}), Body},
    case lists:prefix(lists:droplast(Sent) ++ [Kept], Wire) of
        true -> continues(length_of(Sent), Seen, Farrier);
        false -> Seen
    end;
keep_alive_and_close(_, Seen, _) -> Seen.

%% From the request after the first `Same' on, farrier's result is taken for granted.
-spec continues(non_neg_integer(), seen(), seen()) -> seen().
continues(Same, #{callbacks := Callbacks} = Seen, #{callbacks := Own} = Farrier) ->
    Until = [Event || {Id, _} = Event <- Callbacks, Id =< Same],
    From = [Event || {Id, _} = Event <- Own, Id > Same],
    Seen#{wire := maps:get(wire, Farrier), callbacks := Until ++ From, init_exits := maps:get(init_exits, Farrier)}.

%% How many requests have their final response in it.
-spec length_of([term()]) -> non_neg_integer().
length_of(Wire) -> length([Part || {response, <<_:9/binary, Code, _/binary>>, _, _} = Part <- Wire, Code =/= $1]).

-spec closes(term()) -> boolean().
closes({response, _, Fields, _}) ->
    {_, Value} = lists:keyfind(<<"connection">>, 1, Fields ++ [{<<"connection">>, <<>>}]),
    binary:match(Value, <<"close">>) =/= nomatch;
closes(_) -> false.

%%% WebSocket

%% Before 2.13 the process died of it without a close frame.
-spec corrupt(map(), seen(), seen()) -> seen().
corrupt(#{kind := websocket}, #{wire := Wire, exits := [{Died, '<stack>'}]} = Seen, #{callbacks := Callbacks} = Farrier)
    when Died =:= data_error; Died =:= buf_error; Died =:= badarg ->
    case extension(Wire) andalso ended(Callbacks) =:= {error, badframe} of
        true -> Farrier;
        false -> Seen
    end;
corrupt(_, Seen, _) -> Seen.

%% The close frame's reason is a text of its own (RFC 6455 5.5.1).
-spec within_a_character(map(), seen(), seen()) -> seen().
within_a_character(_, #{callbacks := Callbacks} = Seen, #{callbacks := Own} = Farrier) ->
    case {ended(Callbacks), ended(Own)} of
        {{error, badencoding}, {remote, _, _}} -> Farrier;
        {none, remote} -> Farrier;
        _ -> Seen
    end.

%% After `{active, false}' Cowboy sees the end of the connection only by its own idle timeout.
-spec passive(map(), seen(), seen()) -> seen().
passive(_, #{wire := Wire, callbacks := Callbacks} = Seen, #{wire := Sent, callbacks := Own} = Farrier) ->
    case {ended(Callbacks), ended(Own), Sent ++ [{frame, 16#88, <<1000:16>>}]} of
        {timeout, {error, closed}, Wire} -> Farrier;
        _ -> Seen
    end.

%% Neither sends anything: the terms of a list are looked at in another order.
-spec several_bad(map(), seen(), seen()) -> seen().
several_bad(_, #{exits := [{{badmatch, false}, '<stack>'}]} = Seen, #{exits := [{function_clause, '<stack>'}] = Exits}) ->
    Seen#{exits := Exits};
several_bad(_, Seen, _) -> Seen.

-spec ended([term()]) -> term().
ended(Callbacks) ->
    case [Reason || {websocket, {terminate, Reason, _, _}} <- Callbacks] of
        [Reason] -> Reason;
        _ -> none
    end.

%% Cowboy closes at once, and what the client still sends makes the kernel reset the connection.
-spec destroyed(map(), seen(), seen()) -> seen().
destroyed(_, #{how := reset, wire := Wire} = Seen, #{wire := Sent}) ->
    Whole = case Wire of [] -> []; _ -> case lists:last(Wire) of {bytes, _} -> lists:droplast(Wire); _ -> Wire end end,
    case lists:prefix(Whole, Sent) of
        true -> Seen#{wire := Sent};
        false -> Seen
    end;
destroyed(_, Seen, _) -> Seen.

%% A control frame's payload within a compressed message goes through the inflater, and RSV1 where it must not be crashes it.
-spec compressed_fragments(map(), seen(), seen()) -> seen().
compressed_fragments(#{kind := websocket, frames := Frames}, #{wire := Wire} = Seen, Farrier) ->
    case extension(Wire) andalso fragile(Frames) of
        true -> Farrier;
        false -> Seen
    end;
compressed_fragments(_, Seen, _) -> Seen.

-spec extension([term()]) -> boolean().
extension(Wire) -> lists:any(fun({response, _, Fields, _}) -> lists:keymember(<<"sec-websocket-extensions">>, 1, Fields); (_) -> false end, Wire).

-spec fragile(iodata()) -> boolean().
fragile(Frames) when is_list(Frames) -> lists:any(fun fragile/1, Frames);
fragile(<<Fin:1, 1:1, _:2, Opcode:4, _/binary>>) -> Fin =:= 0 orelse Opcode =:= 0 orelse Opcode > 2;
fragile(_) -> false.

-spec head(map(), seen(), seen()) -> seen().
head(_, #{wire := Wire} = Seen, _) ->
    Seen#{wire := [case Part of
        {response, Status, Fields, none} -> {response, Status, lists:keydelete(<<"transfer-encoding">>, 1, Fields), none};
        _ -> Part
    end || Part <- Wire]}.

-spec cookies(map(), seen(), seen()) -> seen().
cookies(_, #{wire := Wire} = Seen, _) ->
    Seen#{wire := [case Part of
        {response, Status, Fields, Body} ->
            {response, Status, [{N, case N of <<"set-cookie">> -> binary:replace(V, <<"; Version=1">>, <<>>); _ -> V end} || {N, V} <- Fields], Body};
        _ -> Part
    end || Part <- Wire]}.

-spec empty_compressed(map(), seen(), seen()) -> seen().
empty_compressed(_, #{wire := Wire} = Seen, _) ->
    Seen#{wire := [case Part of {compressed_empty, Bits} -> {compressed, Bits, <<>>}; _ -> Part end || Part <- Wire]}.

-spec streamid(map(), seen(), seen()) -> seen().
streamid(_, #{callbacks := Callbacks} = Seen, _) ->
    Seen#{callbacks := [case Event of
        {websocket, {terminate, Reason, [host, method, path, peer, port, qs, scheme, version], S}} ->
            {websocket, {terminate, Reason, [host, method, path, peer, port, qs, scheme, streamid, version], S}};
        _ -> Event
    end || Event <- Callbacks]}.
