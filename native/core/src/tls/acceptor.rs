//! rustls' configuration of a listener, and the handshake by it.
//!
//! The cryptography is ring's: it builds in seconds with a C compiler alone. aws-lc-rs has P-521 and post-quantum
//! key exchange in addition, but takes minutes to build, and more tools on some systems.

use super::TlsStream;
use super::certificates::{Certificates, authorities};
use super::ciphers;
use super::options::{OptionError, TlsOptions, Verify, Version};
use crate::stream::Socket;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, ServerConfig,
    SignatureScheme, SupportedProtocolVersion,
};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Shakes hands as the options say.
pub struct Acceptor {
    config: Arc<ServerConfig>,
    timeout: Option<Duration>,
}

impl Acceptor {
    /// Reads certificates and keys and checks that everything fits together.
    pub fn new(options: &TlsOptions) -> Result<Self, OptionError> {
        let suites = ciphers::suites(&options.ciphers)?;
        let versions: Vec<&SupportedProtocolVersion> = options
            .versions
            .iter()
            .map(|version| match version {
                Version::Tls12 => &rustls::version::TLS12,
                Version::Tls13 => &rustls::version::TLS13,
            })
            .filter(|version| suites.iter().any(|suite| suite.version() == *version))
            .collect();
        let provider = Arc::new(CryptoProvider {
            cipher_suites: suites,
            kx_groups: ciphers::groups(&options.supported_groups)?,
            ..ring::default_provider()
        });
        let cacerts = authorities(options.cacertfile.as_deref(), &options.cacerts)?;
        let certificates = Certificates::load(options, &cacerts, &provider)?;
        let verifier = verifier(options, cacerts, provider.clone())?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)
            .map_err(|_| {
                let allowed =
                    "a list with 'tlsv1.3' or 'tlsv1.2' that one of the cipher suites belongs to";
                OptionError::new("versions", format!("{:?}", options.versions), allowed)
            })?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(certificates));
        config.ignore_client_order = options.honor_cipher_order;
        let protocols = options.alpn_preferred_protocols.iter();
        config.alpn_protocols = protocols.map(|name| name.to_vec()).collect();
        set_resumption(&mut config, options.reuse_sessions)?;
        Ok(Acceptor {
            config: Arc::new(config),
            timeout: options.handshake_timeout.0,
        })
    }

    /// Shakes hands, for as long as it may take.
    pub async fn accept(&self, socket: Socket) -> io::Result<TlsStream> {
        let handshake = TlsStream::accept(socket, self.config.clone());
        match self.timeout {
            Some(timeout) => tokio::time::timeout(timeout, handshake)
                .await
                .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
            None => handshake.await,
        }
    }
}

/// Sessions are resumed by tickets, which clients keep. Their key is made anew with each configuration, so a ticket
/// never outlives the rules under which its client was let in.
fn set_resumption(config: &mut ServerConfig, enabled: bool) -> Result<(), OptionError> {
    config.session_storage = Arc::new(NoServerSessionStorage {});
    if enabled {
        config.ticketer = ring::Ticketer::new().map_err(|error| {
            OptionError::new("reuse_sessions", "true", format!("false: {error}"))
        })?;
        config.send_tls13_tickets = 1;
    } else {
        config.send_tls13_tickets = 0;
    }
    Ok(())
}

fn verifier(
    options: &TlsOptions,
    cacerts: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, OptionError> {
    if options.verify == Verify::None {
        return Ok(WebPkiClientVerifier::no_client_auth());
    }
    let refused = |allowed: &str| {
        let path = options.cacertfile.clone().unwrap_or_default();
        OptionError::new("cacertfile", path, allowed)
    };
    let mut roots = RootCertStore::empty();
    let (added, unusable) = roots.add_parsable_certificates(cacerts);
    if added == 0 {
        return Err(refused(
            "a PEM file of certificates to verify clients by, or cacerts instead",
        ));
    }
    if unusable > 0 {
        tracing::warn!(
            unusable,
            "certificates of cacerts or cacertfile can't be used"
        );
    }
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    if !options.fail_if_no_peer_cert {
        builder = builder.allow_unauthenticated();
    }
    let verifier = builder
        .build()
        .map_err(|error| refused(&format!("certificates to verify clients by: {error}")))?;
    Ok(match options.depth {
        Some(depth) => Arc::new(Shallow { verifier, depth }),
        None => verifier,
    })
}

/// A verifier that also minds `depth`.
#[derive(Debug)]
struct Shallow {
    verifier: Arc<dyn ClientCertVerifier>,
    depth: usize,
}

impl ClientCertVerifier for Shallow {
    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let self_issued = |der: &CertificateDer<'_>| {
            webpki::EndEntityCert::try_from(der).is_ok_and(|c| c.subject() == c.issuer())
        };
        let between = intermediates.iter().filter(|der| !self_issued(der)).count();
        if between > self.depth {
            return Err(CertificateError::UnknownIssuer.into());
        }
        self.verifier
            .verify_client_cert(certificate, intermediates, now)
    }

    fn offer_client_auth(&self) -> bool {
        self.verifier.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.verifier.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.verifier.root_hint_subjects()
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
