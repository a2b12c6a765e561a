//! TLS to servers that Roster connects to: the public authorities and the operator's own; certificate and host name are always
//! verified, and nothing below TLS 1.2 is spoken (IN-06, CF-05).

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use std::{path::Path, sync::Arc};
use thiserror::Error;

/// The settings of TLS are of no use.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The file of certificates cannot be read.
    #[error("ca_file: {0}")]
    CaFile(#[from] std::io::Error),
    /// The file holds no certificates.
    #[error("ca_file: no certificates (PEM) in it")]
    NoCertificates,
    /// Anything else about TLS.
    #[error(transparent)]
    Tls(#[from] rustls::Error),
}

/// How to speak TLS as a client that believes the public authorities, and those in `ca_file`.
///
/// # Errors
/// The file cannot be read, or holds no certificate that is one.
pub fn client(ca_file: Option<&Path>) -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = ca_file {
        let pem = std::fs::read(path)?;
        let (added, _) = roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&pem).flatten());
        if added == 0 {
            return Err(TlsError::NoCertificates);
        }
    }
    Ok(ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
