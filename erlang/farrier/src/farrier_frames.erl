%% The frame terms that handlers return, and how Cowboy fails on malformed ones.
%%
%% Well-formed terms go to the bridge as they are and never come here. Only once the bridge has refused a list is each
%% of its terms looked at.
-module(farrier_frames).

-export([reply/3, until_close/1, normalise/1, fail/1, closing/1]).

%% @doc What the reply of a callback asks for: one frame or a list of them, and whether to hibernate afterwards.
-spec reply(term(), farrier_handler:state(), run | hibernate) -> farrier_handler:result().
reply({Type, _} = Frame, State, run) when Type =:= text; Type =:= binary ->
    {send, [Frame], State};
reply([], State, run) ->
    {ok, State};
reply([], State, hibernate) ->
    {ok, State, hibernate};
reply(Frames, State, Flag) when is_list(Frames) ->
    case until_close(Frames) of
        {open, _} when Flag =:= run -> {send, Frames, State};
        {open, _} -> {send, Frames, State, hibernate};
        {close, Sent} -> {stop, Sent, stop, State}
    end;
reply(Frame, State, Flag) ->
    reply([Frame], State, Flag).

%% @doc The frames up to the first close frame, if there is one: nothing after it is sent or even looked at.
-spec until_close([term()]) -> {open | close, [term()]}.
until_close(Frames) ->
    case lists:any(fun is_close/1, Frames) of
        false -> {open, Frames};
        true -> {close, cut(Frames)}
    end.

-spec cut([term()]) -> [term()].
cut([Frame | Frames]) ->
    case is_close(Frame) of
        true -> [Frame];
        false -> [Frame | cut(Frames)]
    end.

-spec is_close(term()) -> boolean().
is_close(close) -> true;
is_close({close, _}) -> true;
is_close({close, _, _}) -> true;
is_close(_) -> false.

%% @doc Brings the terms into the form that the bridge takes, up to the first one that Cowboy cannot encode.
-spec normalise([term()]) -> {ok, [term()]} | {bad, term(), Earlier :: [term()]}.
normalise(Frames) ->
    normalise(Frames, []).

-spec normalise([term()], [term()]) -> {ok, [term()]} | {bad, term(), [term()]}.
normalise([Frame | Frames], Earlier) ->
    try encodable(Frame) of
        Normal -> normalise(Frames, [Normal | Earlier])
    catch
        error:_ -> {bad, Frame, lists:reverse(Earlier)}
    end;
normalise([], Earlier) ->
    {ok, lists:reverse(Earlier)}.

%% @doc Fails as Cowboy's encoder does: `function_clause' for what is no frame, `{badmatch, false}' for a control
%% frame that is too long (RFC 6455 5.5), `badarg' for a payload that is no iodata.
-spec fail(term()) -> no_return().
fail(Frame) ->
    error({encodable, encodable(Frame)}).

-spec encodable(term()) -> term().
encodable({Type, Payload} = Frame) when Type =:= text; Type =:= binary ->
    _ = iolist_size(Payload),
    Frame;
encodable(Type) when Type =:= ping; Type =:= pong; Type =:= close ->
    Type;
encodable({Type, Payload} = Frame) when Type =:= ping; Type =:= pong ->
    true = iolist_size(Payload) =< 125,
    Frame;
encodable({close, Payload}) ->
    encodable({close, 1000, Payload});
encodable({close, Code, Payload}) ->
    true = iolist_size(Payload) =< 123,
    %% Cowboy writes the low 16 bits of whatever integer it is given.
    <<Wire:16>> = <<Code:16>>,
    {close, Wire, Payload}.

%% @doc The close frame that generations 1 and 2 send for a reason.
-spec closing(farrier_handler:reason() | crash) -> [term()].
closing(remote) -> [close];
closing({remote, Code, _}) -> [{close, Code, <<>>}];
closing(stop) -> [{close, 1000, <<>>}];
closing(timeout) -> [{close, 1000, <<>>}];
closing({error, badframe}) -> [{close, 1002, <<>>}];
closing({error, badencoding}) -> [{close, 1007, <<>>}];
closing({error, badsize}) -> [{close, 1009, <<>>}];
closing(crash) -> [{close, 1011, <<>>}];
closing({error, _}) -> [];
closing({exit, _}) -> [].
