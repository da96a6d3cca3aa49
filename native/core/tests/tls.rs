//! The options of TLS: what is understood, and how what can't be used is named.

use farrier_core::config::{ListenerOptions, Timeout};
use farrier_core::tls::{Acceptor, CertificateOptions, KeyFormat, TlsOptions, Verify, Version};
use serde::Serialize;
use serde_bytes::ByteBuf;
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Clone, Serialize)]
enum Name {
    PrivateKeyInfo,
    #[serde(rename = "verify_peer")]
    VerifyPeer,
    #[serde(rename = "verify_maybe")]
    VerifyMaybe,
    #[serde(rename = "tlsv1.2")]
    Tls12,
    #[serde(rename = "tlsv1.1")]
    Tls11,
}

/// Options as Erlang's side writes them.
#[derive(Clone, Serialize)]
#[serde(untagged)]
enum Value {
    Atom(Name),
    Text(&'static str),
    Bytes(ByteBuf),
    Number(i64),
    Flag(bool),
    List(Vec<Value>),
    Pair(Box<(Value, Value)>),
    Map(BTreeMap<&'static str, Value>),
}

use Value::{Atom, Bytes, Flag, List, Map, Number, Pair, Text};

fn map<const N: usize>(pairs: [(&'static str, Value); N]) -> Value {
    Map(pairs.into())
}

fn pair(a: Value, b: Value) -> Value {
    Pair(Box::new((a, b)))
}

fn parsed(options: Value) -> Result<TlsOptions, String> {
    let etf = farrier_etf::to_vec(&map([("tls", options)])).unwrap();
    farrier_etf::from_slice::<ListenerOptions>(&etf)
        .map(|options| options.tls.unwrap())
        .map_err(|error| error.to_string())
}

#[test]
fn every_option_is_understood() {
    let identity = map([
        ("cert", List(vec![Bytes(ByteBuf::from(*b"der"))])),
        (
            "key",
            pair(Atom(Name::PrivateKeyInfo), Bytes(ByteBuf::from(*b"key"))),
        ),
    ]);
    let files = map([
        ("certfile", Text("cert.pem")),
        ("keyfile", Text("key.pem")),
        ("cacertfile", Text("ca.pem")),
    ]);
    let options = parsed(map([
        ("certs_keys", List(vec![identity])),
        (
            "sni_hosts",
            List(vec![pair(Text("host"), List(vec![files]))]),
        ),
        ("cacerts", List(vec![Bytes(ByteBuf::from(*b"ca"))])),
        ("verify", Atom(Name::VerifyPeer)),
        ("fail_if_no_peer_cert", Flag(true)),
        ("depth", Number(2)),
        ("versions", List(vec![Atom(Name::Tls12)])),
        ("ciphers", List(vec![Text("ECDHE-RSA-AES128-GCM-SHA256")])),
        ("supported_groups", List(vec![Text("x25519")])),
        ("honor_cipher_order", Flag(true)),
        (
            "alpn_preferred_protocols",
            List(vec![Bytes(ByteBuf::from(*b"http/1.1"))]),
        ),
        ("reuse_sessions", Flag(false)),
        ("handshake_timeout", Number(10)),
    ]))
    .unwrap();
    let key = options.certs_keys[0].key.as_ref().unwrap();
    assert_eq!((key.0, key.1.as_slice()), (KeyFormat::Pkcs8, &b"key"[..]));
    assert_eq!(options.sni_hosts[0].0, "host");
    assert_eq!(
        options.sni_hosts[0].1[0].certfile.as_deref(),
        Some("cert.pem")
    );
    assert_eq!((options.verify, options.depth), (Verify::Peer, Some(2)));
    assert_eq!(options.versions, [Version::Tls12]);
    assert!(options.fail_if_no_peer_cert && options.honor_cipher_order && !options.reuse_sessions);
    let timeout = Timeout(Some(Duration::from_millis(10)));
    assert_eq!(options.handshake_timeout, timeout);
}

#[test]
fn what_is_not_said_is_as_in_ssl() {
    let options = parsed(map([])).unwrap();
    assert_eq!(options.versions, [Version::Tls13, Version::Tls12]);
    assert_eq!(options.verify, Verify::None);
    let timeout = Timeout(Some(Duration::from_secs(5)));
    assert_eq!(options.handshake_timeout, timeout);
    assert!(options.reuse_sessions);
}

#[test]
fn unknown_options_and_values_are_refused_by_name() {
    let cases = [
        ("sni_fun", Text("x")),
        ("verify", Atom(Name::VerifyMaybe)),
        ("versions", List(vec![Atom(Name::Tls11)])),
        ("honor_cipher_order", Number(1)),
        ("handshake_timeout", Number(-1)),
        ("certs_keys", List(vec![map([("password", Text("x"))])])),
    ];
    for (name, value) in cases {
        let error = parsed(map([(name, value)])).unwrap_err();
        assert!(error.contains(name), "{error}");
    }
}

fn refused(options: TlsOptions) -> (&'static str, String) {
    match Acceptor::new(&options) {
        Ok(_) => panic!("the options were taken"),
        Err(error) => (error.name, error.value),
    }
}

#[test]
fn a_file_that_cannot_be_used_is_named() {
    let directory = std::env::temp_dir().join(format!("farrier-tls-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let empty = directory.join("empty.pem");
    std::fs::write(&empty, b"").unwrap();
    for path in [empty, directory.join("missing.pem")] {
        let path = path.to_str().unwrap().to_owned();
        let certificate = CertificateOptions {
            certfile: Some(path.clone()),
            ..Default::default()
        };
        let options = TlsOptions {
            certs_keys: vec![certificate],
            ..Default::default()
        };
        assert_eq!(refused(options), ("certfile", path.clone()));
        let options = TlsOptions {
            cacertfile: Some(path.clone()),
            ..Default::default()
        };
        assert_eq!(refused(options), ("cacertfile", path));
    }
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_listener_needs_a_certificate_and_a_key() {
    assert_eq!(refused(TlsOptions::default()).0, "certfile");
    let certificate = CertificateOptions {
        cert: vec![ByteBuf::from(*b"der")],
        ..Default::default()
    };
    let options = TlsOptions {
        certs_keys: vec![certificate],
        ..Default::default()
    };
    assert_eq!(refused(options).0, "keyfile");
}

#[test]
fn a_cipher_suite_that_nobody_knows_is_named() {
    let options = TlsOptions {
        ciphers: vec!["NO-SUCH-SUITE".into()],
        ..Default::default()
    };
    assert_eq!(refused(options), ("ciphers", "NO-SUCH-SUITE".into()));
}
