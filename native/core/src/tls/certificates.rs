//! Certificates and keys: read from files or DER, completed to chains, chosen by what the client asks for.

use super::options::{CertificateOptions, KeyFormat, OptionError, TlsOptions};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use serde_bytes::ByteBuf;
use std::collections::HashMap;
use std::sync::Arc;

type Chain = Vec<CertificateDer<'static>>;

/// Longest chain that is completed from `cacerts`; two that certify each other would never end.
const LONGEST_CHAIN: usize = 16;

/// The certificates of a listener.
#[derive(Debug)]
pub struct Certificates {
    default: Vec<Arc<CertifiedKey>>,
    /// By host name in lower case.
    hosts: HashMap<String, Vec<Arc<CertifiedKey>>>,
}

impl Certificates {
    /// Reads every certificate and key that the options name. `cacerts` are the listener's.
    pub fn load(
        options: &TlsOptions,
        cacerts: &[CertificateDer<'static>],
        provider: &CryptoProvider,
    ) -> Result<Self, OptionError> {
        let load = |options: &Vec<CertificateOptions>| {
            let loaded = options.iter().map(|one| certified(one, cacerts, provider));
            loaded.collect::<Result<Vec<_>, _>>()
        };
        let hosts = options.sni_hosts.iter();
        let hosts = hosts.map(|(name, options)| Ok((name.to_ascii_lowercase(), load(options)?)));
        let certificates = Certificates {
            default: load(&options.certs_keys)?,
            hosts: hosts.collect::<Result<_, _>>()?,
        };
        if certificates.default.is_empty() && certificates.hosts.is_empty() {
            let allowed = "a PEM file with the listener's certificate, or cert, certs_keys or sni_hosts instead";
            return Err(OptionError::new("certfile", "", allowed));
        }
        Ok(certificates)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let host = hello
            .server_name()
            .and_then(|name| self.hosts.get(&name.to_ascii_lowercase()));
        let offered = host.unwrap_or(&self.default);
        let suits =
            |one: &&Arc<CertifiedKey>| one.key.choose_scheme(hello.signature_schemes()).is_some();
        offered.iter().find(suits).cloned()
    }
}

fn certified(
    options: &CertificateOptions,
    cacerts: &[CertificateDer<'static>],
    provider: &CryptoProvider,
) -> Result<Arc<CertifiedKey>, OptionError> {
    let chain = certificates("certfile", options.certfile.as_deref(), &options.cert)?;
    if chain.is_empty() {
        let allowed = "a PEM file with the listener's certificate, or cert instead";
        return Err(OptionError::new("certfile", "", allowed));
    }
    let own = authorities(options.cacertfile.as_deref(), &options.cacerts)?;
    let chain = completed(chain, if own.is_empty() { cacerts } else { &own });
    let (name, value, key) = key(options)?;
    let key = provider.key_provider.load_private_key(key).map_err(|_| {
        let allowed = "an RSA key of 2048 to 4096 bits, an EC key of secp256r1 or secp384r1, or an Ed25519 key";
        OptionError::new(name, value.clone(), allowed)
    })?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        // Whatever else rustls thinks of the certificate is for the clients to judge.
        Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => Err(OptionError::new(
            name,
            value,
            "the private key that belongs to the certificate",
        )),
        _ => Ok(Arc::new(certified)),
    }
}

/// The certificates of `cacertfile` or `cacerts`.
pub fn authorities(file: Option<&str>, der: &[ByteBuf]) -> Result<Chain, OptionError> {
    certificates("cacertfile", file, der)
}

fn certificates(
    name: &'static str,
    file: Option<&str>,
    der: &[ByteBuf],
) -> Result<Chain, OptionError> {
    if !der.is_empty() {
        let copied = der.iter().map(|der| CertificateDer::from(der.to_vec()));
        return Ok(copied.collect());
    }
    let Some(path) = file else {
        return Ok(Vec::new());
    };
    let text = read(name, path)?;
    let certificates: Chain = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|error| malformed(name, path, &error))?;
    if certificates.is_empty() {
        let allowed = "a PEM file with at least one certificate";
        return Err(OptionError::new(name, path, allowed));
    }
    Ok(certificates)
}

/// The private key, and the option that it comes from with its value.
fn key(
    options: &CertificateOptions,
) -> Result<(&'static str, String, PrivateKeyDer<'static>), OptionError> {
    if let Some((format, der)) = &options.key {
        let der = der.to_vec();
        let key = match format {
            KeyFormat::Rsa => PrivateKeyDer::Pkcs1(der.into()),
            KeyFormat::Ec => PrivateKeyDer::Sec1(der.into()),
            KeyFormat::Pkcs8 => PrivateKeyDer::Pkcs8(der.into()),
        };
        return Ok(("key", String::new(), key));
    }
    let Some(path) = options.keyfile.as_deref().or(options.certfile.as_deref()) else {
        let allowed = "a PEM file with the private key of the certificate, or key instead";
        return Err(OptionError::new("keyfile", "", allowed));
    };
    let text = read("keyfile", path)?;
    match PrivateKeyDer::from_pem_slice(&text) {
        Ok(key) if !is_encrypted(&text) => Ok(("keyfile", path.into(), key)),
        _ if is_encrypted(&text) => {
            let allowed = "an unencrypted private key, or password along with it";
            Err(OptionError::new("keyfile", path, allowed))
        }
        Err(pem::Error::NoItemsFound) | Ok(_) => {
            let allowed = "a PEM file with a private key";
            Err(OptionError::new("keyfile", path, allowed))
        }
        Err(error) => Err(malformed("keyfile", path, &error)),
    }
}

/// Whether a PEM text has a key that needs a password: PKCS #8's form, or OpenSSL's older one.
fn is_encrypted(text: &[u8]) -> bool {
    let contains = |part: &[u8]| text.windows(part.len()).any(|window| window == part);
    contains(b"BEGIN ENCRYPTED PRIVATE KEY") || contains(b"Proc-Type: 4,ENCRYPTED")
}

fn read(name: &'static str, path: &str) -> Result<Vec<u8>, OptionError> {
    std::fs::read(path).map_err(|error| {
        let allowed = format!("a PEM file that can be read, and this can't: {error}");
        OptionError::new(name, path, allowed)
    })
}

fn malformed(name: &'static str, path: &str, error: &pem::Error) -> OptionError {
    let allowed = format!("a PEM file, and this is malformed: {error}");
    OptionError::new(name, path, allowed)
}

/// Whom a certificate is of, and by whom.
fn names(der: &CertificateDer<'_>) -> Option<(Vec<u8>, Vec<u8>)> {
    let certificate = webpki::EndEntityCert::try_from(der).ok()?;
    Some((
        certificate.subject().to_vec(),
        certificate.issuer().to_vec(),
    ))
}

/// Appends the certificates that certify the last one, as far as they are known, up to the self-signed one, which
/// clients have themselves.
fn completed(mut chain: Chain, cacerts: &[CertificateDer<'static>]) -> Chain {
    let mut complete = Vec::new();
    let mut last = chain.last().and_then(names);
    while let Some((subject, issuer)) = last.take()
        && subject != issuer
        && complete.len() < LONGEST_CHAIN
    {
        let certifies = |der: &&CertificateDer<'_>| names(der).is_some_and(|(of, _)| of == issuer);
        if let Some(found) = cacerts.iter().find(certifies) {
            last = names(found).filter(|(subject, issuer)| subject != issuer);
            if last.is_some() {
                complete.push(found.clone());
            }
        }
    }
    chain.append(&mut complete);
    chain
}
