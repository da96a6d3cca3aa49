//! Cipher suites and key exchange groups by their names.

use super::options::OptionError;
use rustls::SupportedCipherSuite;
use rustls::crypto::{SupportedKxGroup, ring};

/// What OpenSSL calls the suites that rustls has, by their RFC names. Those of TLS 1.3 have only one name.
const OPENSSL_NAMES: [(&str, &str); 6] = [
    (
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    ),
    (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    ),
    (
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    ),
    (
        "ECDHE-RSA-AES256-GCM-SHA384",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    ),
    (
        "ECDHE-RSA-AES128-GCM-SHA256",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    ),
    (
        "ECDHE-RSA-CHACHA20-POLY1305",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    ),
];

/// The name of a suite as RFC 5289, 7905 and 8446 write it.
fn rfc_name(suite: &SupportedCipherSuite) -> String {
    let name = suite.suite().as_str().unwrap_or_default();
    name.replacen("TLS13_", "TLS_", 1)
}

/// The suites of these names in this order, all if there are none.
pub fn suites(names: &[String]) -> Result<Vec<SupportedCipherSuite>, OptionError> {
    if names.is_empty() {
        return Ok(ring::DEFAULT_CIPHER_SUITES.to_vec());
    }
    names.iter().map(|name| suite(name)).collect()
}

fn suite(name: &str) -> Result<SupportedCipherSuite, OptionError> {
    let wanted = OPENSSL_NAMES
        .iter()
        .find(|(openssl, _)| *openssl == name)
        .map_or(name, |(_, rfc)| rfc);
    let found = (ring::ALL_CIPHER_SUITES.iter()).find(|suite| rfc_name(suite) == wanted);
    found.copied().ok_or_else(|| {
        let known: Vec<String> = ring::ALL_CIPHER_SUITES.iter().map(rfc_name).collect();
        let allowed = format!("one of {}, or OpenSSL's name of it", known.join(", "));
        OptionError::new("ciphers", name, allowed)
    })
}

/// The groups of these names in this order, all if there are none.
pub fn groups(names: &[String]) -> Result<Vec<&'static dyn SupportedKxGroup>, OptionError> {
    if names.is_empty() {
        return Ok(ring::ALL_KX_GROUPS.to_vec());
    }
    names.iter().map(|name| group(name)).collect()
}

fn group(name: &str) -> Result<&'static dyn SupportedKxGroup, OptionError> {
    match name {
        "x25519" => Ok(ring::kx_group::X25519),
        "secp256r1" => Ok(ring::kx_group::SECP256R1),
        "secp384r1" => Ok(ring::kx_group::SECP384R1),
        _ => Err(OptionError::new(
            "supported_groups",
            name,
            "one of x25519, secp256r1, secp384r1",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suite_has_a_name_of_the_rfcs_and_those_of_tls_1_2_one_of_openssl() {
        for suite in ring::ALL_CIPHER_SUITES {
            let name = rfc_name(suite);
            assert_eq!(suites(&[name]).unwrap(), [*suite]);
        }
        for (openssl, rfc) in OPENSSL_NAMES {
            assert_eq!(suites(&[openssl.into()]), suites(&[rfc.into()]));
        }
    }

    #[test]
    fn an_unknown_suite_is_refused_by_its_name() {
        let error = suites(&["AES128-SHA".into()]).unwrap_err();
        assert_eq!(
            (error.name, error.value.as_str()),
            ("ciphers", "AES128-SHA")
        );
        assert!(error.allowed.contains("TLS_AES_128_GCM_SHA256"));
    }
}
