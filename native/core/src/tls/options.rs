//! The options of TLS as they cross the bridge.

use crate::config::Timeout;
use serde::Deserialize;
use serde_bytes::ByteBuf;
use std::fmt;
use std::time::Duration;

/// Options of a listener that speaks TLS. Names and defaults are those of OTP's `ssl` where it has the option.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsOptions {
    /// Certificates with their keys. Among several the first that suits the client's signature algorithms is shown.
    pub certs_keys: Vec<CertificateOptions>,
    /// Certificates by the name that the client asks for (RFC 6066 3); those above where it asks for none of these.
    pub sni_hosts: Vec<(String, Vec<CertificateOptions>)>,
    /// PEM file of certificates that clients' are checked against, and that complete the chains of our own.
    pub cacertfile: Option<String>,
    /// The same as DER, instead of the file.
    pub cacerts: Vec<ByteBuf>,
    /// Whether clients are asked for a certificate.
    pub verify: Verify,
    /// Whether a client that was asked must show one.
    pub fail_if_no_peer_cert: bool,
    /// Most certificates between a client's and one of `cacerts`.
    pub depth: Option<usize>,
    pub versions: Vec<Version>,
    /// Cipher suites by their OpenSSL or RFC names, the best first. All if empty.
    pub ciphers: Vec<String>,
    /// Key exchange groups, the best first. All if empty.
    pub supported_groups: Vec<String>,
    /// Whether our order of cipher suites counts, rather than the client's.
    pub honor_cipher_order: bool,
    /// Application protocols (RFC 7301), the best first.
    pub alpn_preferred_protocols: Vec<ByteBuf>,
    /// Whether clients may resume sessions. Nothing is kept for that: they keep it themselves (RFC 5077, RFC 8446 2.2).
    pub reuse_sessions: bool,
    /// Time for the handshake.
    pub handshake_timeout: Timeout,
}

impl Default for TlsOptions {
    fn default() -> Self {
        TlsOptions {
            certs_keys: Vec::new(),
            sni_hosts: Vec::new(),
            cacertfile: None,
            cacerts: Vec::new(),
            verify: Verify::None,
            fail_if_no_peer_cert: false,
            depth: None,
            versions: vec![Version::Tls13, Version::Tls12],
            ciphers: Vec::new(),
            supported_groups: Vec::new(),
            honor_cipher_order: false,
            alpn_preferred_protocols: Vec::new(),
            reuse_sessions: true,
            handshake_timeout: Timeout(Some(Duration::from_secs(5))),
        }
    }
}

/// A certificate and its key, each as DER or in a PEM file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CertificateOptions {
    /// PEM file: the certificate, then those that certify it.
    pub certfile: Option<String>,
    /// The same as DER, instead of the file.
    pub cert: Vec<ByteBuf>,
    /// PEM file of the private key. `certfile` if there is neither this nor `key`.
    pub keyfile: Option<String>,
    /// The private key as DER.
    pub key: Option<(KeyFormat, ByteBuf)>,
    /// In place of the listener's.
    pub cacertfile: Option<String>,
    /// In place of the listener's.
    pub cacerts: Vec<ByteBuf>,
}

/// What a key's DER is, by the names of `public_key`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum KeyFormat {
    /// PKCS #1.
    #[serde(rename = "RSAPrivateKey")]
    Rsa,
    /// SEC 1.
    #[serde(rename = "ECPrivateKey")]
    Ec,
    /// PKCS #8.
    #[serde(rename = "PrivateKeyInfo")]
    Pkcs8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Verify {
    #[serde(rename = "verify_none")]
    None,
    #[serde(rename = "verify_peer")]
    Peer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Version {
    #[serde(rename = "tlsv1.3")]
    Tls13,
    #[serde(rename = "tlsv1.2")]
    Tls12,
}

/// An option whose value is well-formed and can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionError {
    pub name: &'static str,
    /// A file's path, or a name; empty where the value is a secret or long.
    pub value: String,
    /// What is wrong, or what would be right.
    pub allowed: String,
}

impl OptionError {
    pub(super) fn new(
        name: &'static str,
        value: impl Into<String>,
        allowed: impl Into<String>,
    ) -> Self {
        OptionError {
            name,
            value: value.into(),
            allowed: allowed.into(),
        }
    }
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OptionError {
            name,
            value,
            allowed,
        } = self;
        write!(f, "{name} {value:?}: {allowed}")
    }
}

impl std::error::Error for OptionError {}
