%% @doc Certificates and keys for the suite, made by `openssl' when it runs.
-module(tls_files).

-export([make/1, der/1, key/1]).

%% An authority with an intermediate one; `localhost' in RSA and in EC, `other.test' and a client, certified by the
%% intermediate one; and what else a listener may be given. The names are those of the files, without the directory.
-spec make(file:filename()) -> ok.
make(Dir) ->
    authority(Dir, "root", self),
    authority(Dir, "intermediate", "root"),
    certificate(Dir, "localhost", "rsa:2048", "DNS:localhost,IP:127.0.0.1"),
    certificate(Dir, "elliptic", "ec -pkeyopt ec_paramgen_curve:prime256v1", "DNS:localhost"),
    certificate(Dir, "other", "rsa:2048", "DNS:other.test"),
    certificate(Dir, "client", "rsa:2048", "email:client@localhost"),
    openssl(Dir, "req -x509 -newkey rsa:2048 -nodes -keyout stranger.key -out stranger.pem -days 2 -subj /CN=stranger"),
    openssl(Dir, "pkcs8 -topk8 -in localhost.key -out encrypted.key -passout pass:secret"),
    openssl(Dir, "rsa -aes128 -traditional -in localhost.key -out traditional.key -passout pass:secret"),
    openssl(Dir, "ecparam -genkey -noout -name secp521r1 -out p521.key"),
    ok = file:write_file(filename:join(Dir, "garbage.pem"),
        <<"-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n">>),
    ok = file:write_file(filename:join(Dir, "empty.pem"), <<>>),
    {ok, Leaf} = file:read_file(filename:join(Dir, "localhost.pem")),
    {ok, Intermediate} = file:read_file(filename:join(Dir, "intermediate.pem")),
    ok = file:write_file(filename:join(Dir, "chain.pem"), [Leaf, Intermediate]).

-spec authority(file:filename(), string(), string() | self) -> ok.
authority(Dir, Name, self) ->
    openssl(Dir, ["req -x509 -newkey rsa:2048 -nodes -keyout ", Name, ".key -out ", Name, ".pem -days 2 -subj /CN=",
        Name]);
authority(Dir, Name, Issuer) ->
    sign(Dir, Name, "rsa:2048", Issuer, "basicConstraints=critical,CA:TRUE").

-spec certificate(file:filename(), string(), string(), string()) -> ok.
certificate(Dir, Name, Algorithm, AltName) ->
    sign(Dir, Name, Algorithm, "intermediate", ["subjectAltName=", AltName]).

-spec sign(file:filename(), string(), string(), string(), iodata()) -> ok.
sign(Dir, Name, Algorithm, Issuer, Extension) ->
    ok = file:write_file(filename:join(Dir, Name ++ ".ext"), Extension),
    openssl(Dir, ["req -newkey ", Algorithm, " -nodes -keyout ", Name, ".key -out ", Name, ".csr -subj /CN=", Name]),
    openssl(Dir, ["x509 -req -days 2 -in ", Name, ".csr -CA ", Issuer, ".pem -CAkey ", Issuer,
        ".key -CAcreateserial -out ", Name,
                  ".pem -extfile ", Name, ".ext"]).

-spec openssl(file:filename(), iodata()) -> ok.
openssl(Dir, Command) ->
    Line = lists:flatten(io_lib:format("cd '~ts' && openssl ~ts 2>&1 && echo done", [Dir, Command])),
    Output = os:cmd(Line),
    case lists:suffix("done\n", Output) of
        true -> ok;
        false -> ct:fail("openssl ~ts: ~ts", [Command, Output])
    end.

%% The first certificate of a PEM file.
-spec der(file:filename()) -> binary().
der(File) ->
    [{'Certificate', Der, not_encrypted} | _] = entries(File),
    Der.

%% The key of a PEM file, as the option `key' has it.
-spec key(file:filename()) -> {atom(), binary()}.
key(File) ->
    [{Type, Der, not_encrypted} | _] = entries(File),
    {Type, Der}.

-spec entries(file:filename()) -> [public_key:pem_entry()].
entries(File) ->
    {ok, Pem} = file:read_file(File),
    public_key:pem_decode(Pem).
