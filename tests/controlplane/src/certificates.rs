//! The control plane's own certificate authority.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, Error as RcgenError,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};

use crate::Error;

/// Signs the certificates of servers and of users.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// Whether a certificate still holds.
#[derive(Clone, Copy)]
pub(crate) enum Validity {
    Holds,
    Expired,
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
        self.sign(name, &["127.0.0.1", "localhost", "kubernetes.default.svc"], Validity::Holds)
    }

    /// A certificate that a server of this name should have renewed.
    pub(crate) fn expired_server(&self, name: &str) -> Result<Certificate, Error> {
        self.sign(name, &[name], Validity::Expired)
    }

    /// A certificate with which the API server takes its holder for this user, if it holds.
    pub(crate) fn user(&self, name: &str, validity: Validity) -> Result<Certificate, Error> {
        self.sign(name, &[], validity)
    }

    fn sign(&self, name: &str, addresses: &[&str], validity: Validity) -> Result<Certificate, Error> {
        self.try_sign(name, addresses, validity)
            .map_err(|source| Error::preparing(format!("signing the certificate of {name}"), source))
    }

    fn try_sign(&self, name: &str, addresses: &[&str], validity: Validity) -> Result<Certificate, RcgenError> {
        let key = KeyPair::generate()?;
        let addresses: Vec<String> = addresses.iter().map(|address| (*address).to_owned()).collect();
        let mut params = CertificateParams::new(addresses)?;
        params.distinguished_name = named(name);
        if let Validity::Expired = validity {
            params.not_after = date_time_ymd(2020, 1, 1);
        }
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
