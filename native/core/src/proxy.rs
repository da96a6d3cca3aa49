//! The PROXY protocol, versions 1 and 2: what a load balancer says of the client before the client's first byte.
//!
//! Parsed by `ppp`; shaped as `ranch_proxy_header:proxy_info()`, which Cowboy hands to handlers as `proxy_header`.

use crate::bridge::IpTuple;
use ppp::{v1, v2};
use serde::Serialize;
use serde_bytes::ByteBuf;
use std::io;
use std::net::IpAddr;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest line of version 1 (PROXY protocol 2.1).
const LONGEST_LINE: usize = 107;
/// Bytes that tell the versions apart: version 2's signature.
const SIGNATURE: usize = v2::PROTOCOL_PREFIX.len();
/// A header of version 2 without its addresses.
const FIXED: usize = SIGNATURE + 4;

/// What a proxy says of a connection.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ProxyInfo {
    version: u8,
    command: Command,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    transport: Option<Transport>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    addresses: Option<Addresses>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alpn: Option<ByteBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authority: Option<ByteBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ssl: Option<Ssl>,
    #[serde(skip_serializing_if = "Option::is_none")]
    netns: Option<ByteBuf>,
    /// Types that have no name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    raw_tlvs: Vec<(u8, ByteBuf)>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Command {
    /// The proxy speaks for itself.
    Local,
    #[default]
    Proxy,
}

/// Absent for a proxy that speaks for itself.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Transport {
    transport_family: Family,
    transport_protocol: Protocol,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Family {
    Undefined,
    Ipv4,
    Ipv6,
    Unix,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Protocol {
    Undefined,
    Stream,
    Dgram,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
enum Addresses {
    Ip {
        src_address: IpTuple,
        src_port: u16,
        dest_address: IpTuple,
        dest_port: u16,
    },
    Unix {
        src_address: ByteBuf,
        dest_address: ByteBuf,
    },
}

/// What the proxy says of the client's TLS (PROXY protocol 2.2.6).
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
struct Ssl {
    client: Vec<SslClient>,
    verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<ByteBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cipher: Option<ByteBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sig_alg: Option<ByteBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_alg: Option<ByteBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cn: Option<ByteBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum SslClient {
    Ssl,
    CertConn,
    CertSess,
}

/// Reads the header with which a connection begins, and not a byte more.
pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<ProxyInfo> {
    let mut bytes = vec![0; SIGNATURE];
    stream.read_exact(&mut bytes).await?;
    if bytes == v2::PROTOCOL_PREFIX {
        bytes.resize(FIXED, 0);
        stream.read_exact(&mut bytes[SIGNATURE..]).await?;
        let length = u16::from_be_bytes([bytes[FIXED - 2], bytes[FIXED - 1]]);
        bytes.resize(FIXED + usize::from(length), 0);
        stream.read_exact(&mut bytes[FIXED..]).await?;
        return version_2(&bytes).map_err(malformed);
    }
    if bytes.starts_with(v1::PROTOCOL_PREFIX.as_bytes()) {
        while !bytes.ends_with(b"\r\n") {
            if bytes.len() == LONGEST_LINE {
                return Err(malformed("its line is longer than 107 bytes"));
            }
            bytes.push(stream.read_u8().await?);
        }
        return version_1(&bytes).map_err(malformed);
    }
    Err(malformed(
        "its signature is neither that of version 1 nor 2",
    ))
}

fn malformed(why: impl Into<String>) -> io::Error {
    let why = why.into();
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("not a PROXY protocol header: {why}"),
    )
}

fn version_1(line: &[u8]) -> Result<ProxyInfo, String> {
    let header = v1::Header::try_from(line).map_err(|error| error.to_string())?;
    let (family, protocol, addresses) = match header.addresses {
        v1::Addresses::Unknown => (Family::Undefined, Protocol::Undefined, None),
        v1::Addresses::Tcp4(a) => (
            Family::Ipv4,
            Protocol::Stream,
            Some(ip(
                a.source_address,
                a.source_port,
                a.destination_address,
                a.destination_port,
            )),
        ),
        v1::Addresses::Tcp6(a) => (
            Family::Ipv6,
            Protocol::Stream,
            Some(ip(
                a.source_address,
                a.source_port,
                a.destination_address,
                a.destination_port,
            )),
        ),
    };
    Ok(ProxyInfo {
        version: 1,
        transport: Some(Transport {
            transport_family: family,
            transport_protocol: protocol,
        }),
        addresses,
        ..ProxyInfo::default()
    })
}

fn version_2(bytes: &[u8]) -> Result<ProxyInfo, String> {
    let header = v2::Header::try_from(bytes).map_err(|error| error.to_string())?;
    let mut info = ProxyInfo {
        version: 2,
        ..ProxyInfo::default()
    };
    if header.command == v2::Command::Local {
        info.command = Command::Local;
        return Ok(info);
    }
    let (family, addresses) = match header.addresses {
        v2::Addresses::Unspecified => (Family::Undefined, None),
        v2::Addresses::IPv4(a) => (
            Family::Ipv4,
            Some(ip(
                a.source_address,
                a.source_port,
                a.destination_address,
                a.destination_port,
            )),
        ),
        v2::Addresses::IPv6(a) => (
            Family::Ipv6,
            Some(ip(
                a.source_address,
                a.source_port,
                a.destination_address,
                a.destination_port,
            )),
        ),
        v2::Addresses::Unix(a) => (
            Family::Unix,
            Some(Addresses::Unix {
                src_address: path(&a.source),
                dest_address: path(&a.destination),
            }),
        ),
    };
    info.transport = Some(Transport {
        transport_family: family,
        transport_protocol: match (family, header.protocol) {
            (Family::Undefined, _) | (_, v2::Protocol::Unspecified) => Protocol::Undefined,
            (_, v2::Protocol::Stream) => Protocol::Stream,
            (_, v2::Protocol::Datagram) => Protocol::Dgram,
        },
    });
    if addresses.is_some() {
        for tlv in header.tlvs() {
            let tlv = tlv.map_err(|error| error.to_string())?;
            info.add(tlv.kind, &tlv.value)?;
        }
        // As in Ranch: the last one first.
        info.raw_tlvs.reverse();
    }
    info.addresses = addresses;
    Ok(info)
}

fn ip(
    source: impl Into<IpAddr>,
    source_port: u16,
    destination: impl Into<IpAddr>,
    destination_port: u16,
) -> Addresses {
    Addresses::Ip {
        src_address: IpTuple(source.into()),
        src_port: source_port,
        dest_address: IpTuple(destination.into()),
        dest_port: destination_port,
    }
}

/// A path is padded with zeros.
fn path(padded: &[u8]) -> ByteBuf {
    let length = padded.iter().position(|&byte| byte == 0);
    ByteBuf::from(&padded[..length.unwrap_or(padded.len())])
}

impl ProxyInfo {
    fn add(&mut self, kind: u8, value: &[u8]) -> Result<(), String> {
        let value = ByteBuf::from(value);
        match kind {
            0x01 => self.alpn = Some(value),
            0x02 => self.authority = Some(value),
            // A checksum, and padding.
            0x03 | 0x04 => {}
            0x20 => self.ssl = Some(Ssl::parse(&value)?),
            0x30 => self.netns = Some(value),
            // The last comes first, as with Ranch.
            _ => self.raw_tlvs.push((kind, value)),
        }
        Ok(())
    }
}

impl Ssl {
    /// A byte of flags, 4 bytes that are 0 if the certificate was verified, and type-length-values.
    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let short = || "its TLS part is cut short".to_string();
        let (&flags, rest) = bytes.split_first().ok_or_else(short)?;
        let (verify, mut rest) = rest.split_first_chunk::<4>().ok_or_else(short)?;
        let mut ssl = Ssl {
            client: [
                (1, SslClient::Ssl),
                (2, SslClient::CertConn),
                (4, SslClient::CertSess),
            ]
            .into_iter()
            .filter_map(|(flag, client)| (flags & flag != 0).then_some(client))
            .collect(),
            verified: *verify == [0; 4],
            ..Ssl::default()
        };
        while let Some((&[kind, high, low], tail)) = rest.split_first_chunk::<3>() {
            let length = usize::from(u16::from_be_bytes([high, low]));
            let (value, tail) = tail.split_at_checked(length).ok_or_else(short)?;
            let value = Some(ByteBuf::from(value));
            match kind {
                0x21 => ssl.version = value,
                0x22 => ssl.cn = value,
                0x23 => ssl.cipher = value,
                0x24 => ssl.sig_alg = value,
                0x25 => ssl.key_alg = value,
                _ => {}
            }
            rest = tail;
        }
        if rest.is_empty() {
            Ok(ssl)
        } else {
            Err(short())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read, and what is left.
    fn parse(mut bytes: &[u8]) -> Result<(ProxyInfo, &[u8]), String> {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let read = runtime.unwrap().block_on(read(&mut bytes));
        read.map(|info| (info, bytes))
            .map_err(|error| error.to_string())
    }

    fn version_2_with(family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [v2::PROTOCOL_PREFIX, &[0x21, family], &length, rest].concat()
    }

    const IPV4: [u8; 12] = [10, 0, 0, 1, 10, 0, 0, 2, 4, 210, 0, 80];

    #[test]
    fn not_a_byte_more_than_the_header_is_read() {
        for header in [
            b"PROXY UNKNOWN\r\n".to_vec(),
            b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n".to_vec(),
            b"PROXY TCP6 ::1 ::2 1 2\r\n".to_vec(),
            version_2_with(0x11, &IPV4),
            version_2_with(0x11, &[&IPV4[..], &[4, 0, 2, 0, 0]].concat()),
            version_2_with(0, &[]),
        ] {
            let bytes = [&header[..], b"GET /"].concat();
            assert_eq!(parse(&bytes).unwrap().1, b"GET /", "{header:?}");
            for end in 0..header.len() {
                assert!(parse(&header[..end]).is_err(), "{header:?} up to {end}");
            }
        }
    }

    #[test]
    fn addresses_and_parts_are_told() {
        let parts = [0x01, 0, 2, b'h', b'2', 0xe0, 0, 1, 7, 0xe1, 0, 0];
        let bytes = version_2_with(0x11, &[&IPV4[..], &parts].concat());
        let (info, _) = parse(&bytes).unwrap();
        let source: IpAddr = [10, 0, 0, 1].into();
        let destination: IpAddr = [10, 0, 0, 2].into();
        assert_eq!(info.addresses, Some(ip(source, 1234, destination, 80)));
        assert_eq!(info.alpn.as_deref().map(|alpn| &alpn[..]), Some(&b"h2"[..]));
        let raw: Vec<_> = (info.raw_tlvs.iter().map(|(kind, _)| *kind)).collect();
        assert_eq!(raw, [0xe1, 0xe0]);
    }

    #[test]
    fn what_tls_the_client_spoke_is_told() {
        let tls = [3, 0, 0, 0, 0, 0x21, 0, 3, b'1', b'.', b'3'];
        let ssl = Ssl::parse(&tls).unwrap();
        assert_eq!(ssl.client, [SslClient::Ssl, SslClient::CertConn]);
        assert!(ssl.verified);
        for end in [0, 1, 4, 6, 7, 8, 10] {
            assert!(Ssl::parse(&tls[..end]).is_err(), "{end} bytes");
        }
    }

    #[test]
    fn a_header_that_is_none_says_why() {
        assert!(
            parse(b"GET / HTTP/1.1\r\n\r\n")
                .unwrap_err()
                .contains("signature")
        );
        let long = [&b"PROXY UNKNOWN "[..], &[b'a'; 200]].concat();
        assert!(parse(&long).unwrap_err().contains("107"));
        let cut = version_2_with(0x11, &[&IPV4[..], &[1, 0, 9, 0]].concat());
        assert!(parse(&cut).is_err());
    }
}
