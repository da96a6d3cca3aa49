%% What the REST state machine carries from one decision to the next. `farrier_rest' makes it, the modules of the phases
%% fill it in.
-record(rest, {
    generation :: farrier_handler:generation(),
    handler :: module(),
    %% The handler's own state.
    state :: term(),
    req :: term(),
    method :: binary(),

    %% Negotiated.
    allowed = [] :: [binary()],
    provided = [] :: [{farrier_rest:media_type(), atom()}],
    accepted :: {farrier_rest:media_type(), atom()} | undefined,
    languages = [] :: [binary()],
    charsets :: [binary()] | undefined,
    charset :: binary() | undefined,
    ranges = [] :: [{binary(), atom()}],

    exists = false :: boolean(),

    %% What the resource has said of itself; `undefined' if it never says that.
    etag = unknown :: unknown | undefined | {strong | weak, binary()},
    last_modified = unknown :: unknown | undefined | calendar:datetime()
}).
