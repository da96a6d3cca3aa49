//! Bytes that Erlang/OTP wrote are read, and bytes are written that it reads.
//!
//! The vectors are what `term_to_binary/1` of OTP 25 gives for the term beside them, or, where said, what it gives with
//! `{minor_version, 2}`, the default from OTP 26 on. What is written was read back by `binary_to_term/1` of OTP 25 as the
//! term beside it.

use std::collections::BTreeMap;

use farrier_etf::{Error, from_slice, to_vec};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listener {
    ip: (u8, u8, u8, u8),
    port: u16,
    nodelay: bool,
    backlog: u32,
    sndbuf: Option<u32>,
    name: String,
    idle_timeout: Timeout,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Timeout {
    Infinity,
}

fn listener() -> Listener {
    Listener {
        ip: (127, 0, 0, 1),
        port: 8080,
        nodelay: true,
        backlog: 70_000,
        sndbuf: None,
        name: "aé".into(),
        idle_timeout: Timeout::Infinity,
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Command {
    Quit,
    Data(ByteBuf),
    Move(i32, i32),
    Sendfile { path: String, offset: u64 },
}

#[test]
fn a_map_of_options_is_read() {
    // #{ip => {127,0,0,1}, port => 8080, nodelay => true, backlog => 70000, idle_timeout => infinity,
    //   sndbuf => undefined, name => <<"aé"/utf8>>}
    let bytes = b"\x83\x74\0\0\0\x07\
        \x64\0\x07backlog\x62\0\x01\x11\x70\
        \x64\0\x0cidle_timeout\x64\0\x08infinity\
        \x64\0\x02ip\x68\x04\x61\x7f\x61\0\x61\0\x61\x01\
        \x64\0\x04name\x6d\0\0\0\x03a\xc3\xa9\
        \x64\0\x07nodelay\x64\0\x04true\
        \x64\0\x04port\x62\0\0\x1f\x90\
        \x64\0\x06sndbuf\x64\0\x09undefined";
    assert_eq!(from_slice::<Listener>(bytes), Ok(listener()));
}

#[test]
fn a_map_of_options_with_utf8_atoms_is_read() {
    // The same, minor version 2.
    let bytes = b"\x83\x74\0\0\0\x07\
        \x77\x07backlog\x62\0\x01\x11\x70\
        \x77\x0cidle_timeout\x77\x08infinity\
        \x77\x02ip\x68\x04\x61\x7f\x61\0\x61\0\x61\x01\
        \x77\x04name\x6d\0\0\0\x03a\xc3\xa9\
        \x77\x07nodelay\x77\x04true\
        \x77\x04port\x62\0\0\x1f\x90\
        \x77\x06sndbuf\x77\x09undefined";
    assert_eq!(from_slice::<Listener>(bytes), Ok(listener()));
}

#[test]
fn integers_of_every_size_are_read() {
    let cases: [(i128, &[u8]); 8] = [
        (0, &[131, 97, 0]),
        (255, &[131, 97, 255]),
        (256, &[131, 98, 0, 0, 1, 0]),
        (-1, &[131, 98, 255, 255, 255, 255]),
        (-2_147_483_649, &[131, 110, 4, 1, 1, 0, 0, 128]),
        (
            i64::MAX.into(),
            &[131, 110, 8, 0, 255, 255, 255, 255, 255, 255, 255, 127],
        ),
        (i64::MIN.into(), &[131, 110, 8, 1, 0, 0, 0, 0, 0, 0, 0, 128]),
        (
            u64::MAX.into(),
            &[131, 110, 8, 0, 255, 255, 255, 255, 255, 255, 255, 255],
        ),
    ];
    for (value, bytes) in cases {
        assert_eq!(from_slice::<i64>(bytes).ok(), i64::try_from(value).ok());
        assert_eq!(from_slice::<u64>(bytes).ok(), u64::try_from(value).ok());
        assert_eq!(from_slice::<u8>(bytes).ok(), u8::try_from(value).ok());
    }
    // 18446744073709551616
    let bytes = [131, 110, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    assert!(from_slice::<u64>(&bytes).is_err());
    // 1.5
    assert_eq!(
        from_slice::<f64>(&[131, 70, 63, 248, 0, 0, 0, 0, 0, 0]),
        Ok(1.5)
    );
    assert_eq!(from_slice::<f64>(&[131, 97, 2]), Ok(2.0));
}

#[test]
fn lists_are_read_as_sequences() {
    // [1,2,255], as a string
    assert_eq!(
        from_slice::<Vec<u16>>(&[131, 107, 0, 3, 1, 2, 255]),
        Ok(vec![1, 2, 255])
    );
    // []
    assert_eq!(from_slice::<Vec<u16>>(&[131, 106]), Ok(vec![]));
    // [1,-2,300]
    let bytes = [
        131, 108, 0, 0, 0, 3, 97, 1, 98, 255, 255, 255, 254, 98, 0, 0, 1, 44, 106,
    ];
    assert_eq!(from_slice::<Vec<i32>>(&bytes), Ok(vec![1, -2, 300]));
    // [<<"a">>, b]
    let bytes = b"\x83\x6c\0\0\0\x02\x6d\0\0\0\x01a\x64\0\x01b\x6a";
    assert_eq!(
        from_slice::<Vec<String>>(bytes),
        Ok(vec!["a".into(), "b".into()])
    );
    // [{<<"a">>, <<"b">>}]
    let bytes = b"\x83\x6c\0\0\0\x01\x68\x02\x6d\0\0\0\x01a\x6d\0\0\0\x01b\x6a";
    let headers = vec![("a".to_string(), ByteBuf::from(b"b"))];
    assert_eq!(from_slice::<Vec<(String, ByteBuf)>>(bytes), Ok(headers));
}

#[test]
fn an_improper_list_is_an_error() {
    // [a|b]
    let bytes = b"\x83\x6c\0\0\0\x01\x64\0\x01a\x64\0\x01b";
    assert!(matches!(
        from_slice::<Vec<String>>(bytes),
        Err(Error::BadOption { .. })
    ));
}

#[test]
fn a_list_of_integers_is_not_a_string() {
    // "abc"
    let bytes = [131, 107, 0, 3, 97, 98, 99];
    assert!(matches!(
        from_slice::<String>(&bytes),
        Err(Error::BadOption { .. })
    ));
    assert!(matches!(
        from_slice::<ByteBuf>(&bytes),
        Err(Error::BadOption { .. })
    ));
}

#[test]
fn binaries_and_atoms_are_read() {
    // <<1,2,255>>
    let bytes = [131, 109, 0, 0, 0, 3, 1, 2, 255];
    assert_eq!(
        from_slice::<ByteBuf>(&bytes),
        Ok(ByteBuf::from([1, 2, 255]))
    );
    assert!(from_slice::<String>(&bytes).is_err());
    // hé, minor version 2
    assert_eq!(
        from_slice::<String>(b"\x83\x77\x03h\xc3\xa9"),
        Ok("hé".into())
    );
    // 'HTTP/1.1'
    assert_eq!(
        from_slice::<String>(b"\x83\x64\0\x08HTTP/1.1"),
        Ok("HTTP/1.1".into())
    );
    // undefined
    let undefined = b"\x83\x64\0\x09undefined";
    assert_eq!(from_slice::<Option<u8>>(undefined), Ok(None));
    assert_eq!(from_slice::<()>(undefined), Ok(()));
}

#[test]
fn a_latin_1_atom_is_refused_rather_than_misread() {
    // hé
    let bytes = [131, 100, 0, 2, 104, 233];
    assert!(matches!(
        from_slice::<String>(&bytes),
        Err(Error::Malformed(_))
    ));
}

#[test]
fn variants_are_read() {
    // quit
    assert_eq!(from_slice(b"\x83\x64\0\x04quit"), Ok(Command::Quit));
    // {data, <<"x">>}
    let bytes = b"\x83\x68\x02\x64\0\x04data\x6d\0\0\0\x01x";
    assert_eq!(from_slice(bytes), Ok(Command::Data(ByteBuf::from(b"x"))));
    // {move, 3, -4}
    let bytes = b"\x83\x68\x03\x64\0\x04move\x61\x03\x62\xff\xff\xff\xfc";
    assert_eq!(from_slice(bytes), Ok(Command::Move(3, -4)));
    // {sendfile, #{path => <<"/x">>, offset => 0}}
    let bytes = b"\x83\x68\x02\x64\0\x08sendfile\x74\0\0\0\x02\
        \x64\0\x06offset\x61\0\x64\0\x04path\x6d\0\0\0\x02/x";
    let sendfile = Command::Sendfile {
        path: "/x".into(),
        offset: 0,
    };
    assert_eq!(from_slice(bytes), Ok(sendfile));
    // {move, 3}
    let bytes = b"\x83\x68\x02\x64\0\x04move\x61\x03";
    assert!(from_slice::<Command>(bytes).is_err());
}

#[test]
fn maps_keep_keys_that_are_not_atoms() {
    // #{1 => a, 2 => b}
    let bytes = b"\x83\x74\0\0\0\x02\x61\x01\x64\0\x01a\x61\x02\x64\0\x01b";
    let map = BTreeMap::from([(1u8, "a".to_string()), (2, "b".to_string())]);
    assert_eq!(from_slice(bytes), Ok(map));
}

/// Asserts the bytes of a value.
fn written<T: Serialize>(value: T, bytes: &[u8]) {
    let written = to_vec(&value).unwrap();
    assert_eq!(written, bytes, "{written:x?}");
}

#[test]
fn scalars_are_written() {
    written(true, b"\x83\x77\x04true");
    written(None::<u8>, b"\x83\x77\x09undefined");
    written((), b"\x83\x77\x09undefined");
    written(Some(7u8), b"\x83\x61\x07");
    written(256u64, b"\x83\x62\0\0\x01\0");
    written(-1i8, b"\x83\x6e\x01\x01\x01");
    written(i64::MIN, b"\x83\x6e\x08\x01\0\0\0\0\0\0\0\x80");
    written(u64::MAX, b"\x83\x6e\x08\0\xff\xff\xff\xff\xff\xff\xff\xff");
    written(1.5f64, b"\x83\x46\x3f\xf8\0\0\0\0\0\0");
    written("aé", b"\x83\x6d\0\0\0\x03a\xc3\xa9");
    written('é', b"\x83\x6d\0\0\0\x02\xc3\xa9");
    written(ByteBuf::from([0, 255]), b"\x83\x6d\0\0\0\x02\0\xff");
}

#[test]
fn lists_tuples_and_maps_are_written() {
    written([0u8; 0], b"\x83\x68\0");
    written(Vec::<u8>::new(), b"\x83\x6a");
    written(vec![1u16, 2, 255], b"\x83\x6b\0\x03\x01\x02\xff");
    written(
        vec![1u16, 256],
        b"\x83\x6c\0\0\0\x02\x61\x01\x62\0\0\x01\0\x6a",
    );
    written((1u8, "x"), b"\x83\x68\x02\x61\x01\x6d\0\0\0\x01x");
    let map = BTreeMap::from([("key", vec!["a"])]);
    written(
        map,
        b"\x83\x74\0\0\0\x01\x77\x03key\x6c\0\0\0\x01\x6d\0\0\0\x01a\x6a",
    );
    written(
        BTreeMap::from([(7u8, 'x')]),
        b"\x83\x74\0\0\0\x01\x61\x07\x6d\0\0\0\x01x",
    );
}

#[test]
fn a_list_of_negative_integers_keeps_its_signs() {
    // [-1,2]
    written(
        vec![-1i32, 2],
        b"\x83\x6c\0\0\0\x02\x6e\x01\x01\x01\x61\x02\x6a",
    );
}

#[test]
fn variants_are_written() {
    written(Command::Quit, b"\x83\x77\x04quit");
    let data = Command::Data(ByteBuf::from(b"x"));
    written(data, b"\x83\x68\x02\x77\x04data\x6d\0\0\0\x01x");
    written(
        Command::Move(3, 4),
        b"\x83\x68\x03\x77\x04move\x61\x03\x61\x04",
    );
}

#[test]
fn an_error_is_written_as_a_tuple() {
    // {bad_option, port, [-1,2], <<"an integer between 0 and 65535">>}
    let bytes = b"\x83\x74\0\0\0\x01\x64\0\x04port\x6c\0\0\0\x02\x62\xff\xff\xff\xff\x61\x02\x6a";
    #[derive(Debug, Deserialize)]
    struct Options {
        #[serde(rename = "port")]
        _port: u16,
    }
    let error = from_slice::<Options>(bytes).unwrap_err();
    let mut written = Vec::new();
    error.to_term().encode(&mut written).unwrap();
    let expected = b"\x83\x68\x04\x77\x0abad_option\x77\x04port\
        \x6c\0\0\0\x02\x6e\x01\x01\x01\x61\x02\x6a\
        \x6d\0\0\0\x1ean integer between 0 and 65535";
    assert_eq!(written, expected);
}
