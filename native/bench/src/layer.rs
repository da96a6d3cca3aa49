//! What lies between a WebSocket and its TCP connection: nothing, TLS, or a stream of HTTP/2.

use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::ValueEnum;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme};
use serde::Serialize;

use crate::http2::Http2;

/// Which layer a client uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// HTTP/1.1 over TCP
    Clear,
    /// HTTP/1.1 over TLS 1.3
    Tls,
    /// HTTP/2 over TCP, with prior knowledge and extended CONNECT (RFC 8441), a connection for each WebSocket
    Http2,
}

/// The layer of one connection.
pub enum Layer {
    /// Bytes go through as they are
    None,
    /// TLS
    Tls(Box<ClientConnection>),
    /// HTTP/2
    Http2(Box<Http2>),
}

impl Layer {
    /// Turns what the WebSocket sends into what goes over the wire.
    pub fn wrap(&mut self, plain: &[u8], wire: &mut Vec<u8>) -> Result<()> {
        match self {
            Layer::None => wire.extend_from_slice(plain),
            Layer::Tls(tls) => {
                tls.writer().write_all(plain)?;
                drain(tls, wire)?;
            }
            Layer::Http2(http2) => http2.send(plain, wire),
        }
        Ok(())
    }

    /// Appends what the WebSocket receives to `plain`, and what the layer has to answer to `wire`. Returns whether the layer itself has
    /// just opened the WebSocket.
    pub fn unwrap(
        &mut self,
        received: &[u8],
        plain: &mut Vec<u8>,
        wire: &mut Vec<u8>,
    ) -> Result<bool> {
        match self {
            Layer::None => plain.extend_from_slice(received),
            Layer::Tls(tls) => decrypt(tls, received, plain, wire)?,
            Layer::Http2(http2) => return http2.receive(received, plain, wire),
        }
        Ok(false)
    }
}

fn drain(tls: &mut ClientConnection, wire: &mut Vec<u8>) -> Result<()> {
    while tls.wants_write() {
        tls.write_tls(wire)?;
    }
    Ok(())
}

fn decrypt(
    tls: &mut ClientConnection,
    mut received: &[u8],
    plain: &mut Vec<u8>,
    wire: &mut Vec<u8>,
) -> Result<()> {
    while !received.is_empty() {
        tls.read_tls(&mut received)?;
        tls.process_new_packets().context("TLS failed")?;
        match tls.reader().read_to_end(plain) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            other => drop(other?),
        }
    }
    drain(tls, wire)
}

/// What TLS clients have in common: TLS 1.3 with one cipher suite, so that all servers do the same work, and no resumption.
pub fn tls_config() -> Result<Arc<ClientConfig>> {
    let provider = Arc::new(CryptoProvider {
        cipher_suites: vec![ring::cipher_suite::TLS13_AES_256_GCM_SHA384],
        kx_groups: vec![ring::kx_group::X25519],
        ..ring::default_provider()
    });
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}

/// A new TLS connection.
pub fn tls(config: &Arc<ClientConfig>) -> Result<Layer> {
    let name = ServerName::try_from("localhost").expect("localhost is a name");
    let mut tls = ClientConnection::new(Arc::clone(config), name)?;
    tls.set_buffer_limit(None);
    Ok(Layer::Tls(Box::new(tls)))
}

/// The servers make their certificates themselves, when they start.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
