//! The control plane's own certificate authority.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, Error as RcgenError,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
};

use crate::Error;

/// Signs the certificates of servers and of users.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key, as PEM.
pub(crate) struct Certificate {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Result<Self, Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name = named("controlplane-test");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let issuer = KeyPair::generate()
            .and_then(|key| CertifiedIssuer::self_signed(params, key))
            .map_err(|source| Error::preparing("making a certificate authority", source))?;
        Ok(Self { issuer })
    }

    pub(crate) fn certificate(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for a server on the loopback address. etcd also shows it as a client, to itself.
    pub(crate) fn server(&self, name: &str) -> Result<Certificate, Error> {
        let addresses = vec!["127.0.0.1".to_owned(), "localhost".to_owned(), "kubernetes.default.svc".to_owned()];
        self.sign(addresses, named(name))
            .map_err(|source| Error::preparing(format!("signing the certificate of {name}"), source))
    }

    /// A certificate with which the API server takes its holder for this user.
    pub(crate) fn user(&self, name: &str) -> Result<Certificate, Error> {
        self.sign(Vec::new(), named(name))
            .map_err(|source| Error::preparing(format!("signing the certificate of {name}"), source))
    }

    fn sign(&self, addresses: Vec<String>, subject: DistinguishedName) -> Result<Certificate, RcgenError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(addresses)?;
        params.distinguished_name = subject;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Certificate { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

/// The pair of keys with which the API server signs and knows the tokens of service accounts: private and public, as PEM.
pub(crate) fn service_account_keys() -> Result<(String, String), Error> {
    let key = KeyPair::generate().map_err(|source| Error::preparing("making the service accounts' key", source))?;
    Ok((key.serialize_pem(), key.public_key_pem()))
}

fn named(name: &str) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    subject
}
