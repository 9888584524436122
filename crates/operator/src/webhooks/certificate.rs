//! The certificate of the webhooks: made and renewed by whoever leads, or by cert-manager, kept in a Secret, shown by
//! every replica.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{ObjectMeta, Patch, PatchParams};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rcgen::{KeyUsagePurpose, date_time_ymd};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tracing::info;

use super::{CertifiedBy, Reached, Webhooks};
use crate::context::Context;
use crate::error::OperatorError;
use crate::record::FIELD_MANAGER;

/// The Secret.
const NAME: &str = "plimsoll-webhook";
/// When another certificate is made.
const RENEW_AFTER: &str = "optimizer.io/renew-after";
/// By which names it is called.
const NAMES: &str = "optimizer.io/names";
/// How long one holds, and after how long another is made.
const HOLDS_DAYS: i64 = 90;
const RENEW_DAYS: i64 = 60;

/// Who signs now, and who signed before: replicas that still show the last certificate are still believed.
#[derive(Debug, Default)]
pub struct Authorities {
    now: String,
    last: String,
}

impl Authorities {
    /// Whoever signs now, as PEM, with the one before.
    pub fn with_last(&mut self, authority: String) -> String {
        if authority != self.now {
            self.last =
                first_certificate(&self.now).filter(|last| !authority.contains(last.trim())).unwrap_or_default();
            self.now = authority;
        }
        format!("{}\n{}", self.now.trim_end(), self.last)
    }
}

/// The certificate that is shown; none until there is one.
#[derive(Debug, Default)]
pub struct Served {
    shown: Arc<Shown>,
    loaded: Mutex<Option<Vec<u8>>>,
}

#[derive(Debug, Default)]
struct Shown(Mutex<Option<Arc<CertifiedKey>>>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Served {
    /// Is there a certificate to show?
    pub fn shows_any(&self) -> bool {
        self.shown.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// TLS with whatever certificate there is at the moment.
    pub fn config(&self) -> ServerConfig {
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().expect("ring knows the default versions");
        builder.with_no_client_auth().with_cert_resolver(self.shown.clone())
    }
}

/// Shows what the Secret holds, where that is another certificate.
pub async fn load(context: &Context, served: &Served) -> Result<(), OperatorError> {
    let Some(secret) = get(context).await? else { return Ok(()) };
    let data = secret.data.unwrap_or_default();
    let part = |name: &str| data.get(name).map(|part| part.0.clone()).unwrap_or_default();
    let (certificate, key) = (part("tls.crt"), part("tls.key"));
    let mut loaded = served.loaded.lock().unwrap_or_else(PoisonError::into_inner);
    if loaded.as_ref() == Some(&certificate) {
        return Ok(());
    }
    let unusable = |problem: String| OperatorError::Refused { what: format!("use Secret {NAME}"), problem };
    let chain: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(&certificate).collect();
    let chain = chain.map_err(|error| unusable(error.to_string()))?;
    let key = PrivateKeyDer::from_pem_slice(&key).map_err(|error| unusable(error.to_string()))?;
    let key = ring::sign::any_supported_type(&key).map_err(|error| unusable(error.to_string()))?;
    let shown = Arc::new(CertifiedKey::new(chain, key));
    *served.shown.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
    *loaded = Some(certificate);
    Ok(())
}

/// Makes sure that there is a certificate which holds for long enough; who signed it, as PEM, and who signed the last.
pub async fn ensure(context: &Context, webhooks: &Webhooks) -> Result<String, OperatorError> {
    let secret = get(context).await?;
    let annotations = secret.as_ref().and_then(|secret| secret.metadata.annotations.clone()).unwrap_or_default();
    let renew_after = annotations.get(RENEW_AFTER).and_then(|moment| moment.parse::<Timestamp>().ok());
    let data = secret.and_then(|secret| secret.data).unwrap_or_default();
    let authority = data.get("ca.crt").map(|part| String::from_utf8_lossy(&part.0).into_owned());
    if webhooks.certified_by == CertifiedBy::CertManager {
        let missing = || OperatorError::Refused {
            what: format!("use Secret {NAME}"),
            problem: "cert-manager has not written tls.crt and ca.crt yet; does its issuer give an authority?"
                .to_owned(),
        };
        return authority.filter(|_| data.contains_key("tls.crt")).ok_or_else(missing);
    }
    let names = names(context, webhooks);
    let is_for_us = annotations.get(NAMES) == Some(&names.join(",")) && data.contains_key("tls.crt");
    if let (Some(authority), Some(renew_after)) = (&authority, renew_after)
        && renew_after > Timestamp::now()
        && is_for_us
    {
        return Ok(authority.clone());
    }
    let failed = |problem: rcgen::Error| OperatorError::Refused {
        what: "make a certificate for the webhooks".to_owned(),
        problem: problem.to_string(),
    };
    let made = make(&names).map_err(failed)?;
    // Replicas that still show the last certificate are still believed.
    let last = authority.as_deref().and_then(first_certificate).unwrap_or_default();
    let authority = format!("{}{last}", made.authority);
    write(context, &made, &authority, &names).await?;
    info!("made a new certificate for the webhooks");
    Ok(authority)
}

async fn get(context: &Context) -> Result<Option<Secret>, OperatorError> {
    let api: Api<Secret> = Api::namespaced(context.client(), &context.settings.namespace);
    let refused = |problem: String| OperatorError::Refused { what: format!("read Secret {NAME}"), problem };
    context.cluster.answer(api.get_opt(NAME)).await.map_err(|refusal| refused(refusal.in_words()))
}

async fn write(context: &Context, made: &Made, authority: &str, names: &[String]) -> Result<(), OperatorError> {
    let api: Api<Secret> = Api::namespaced(context.client(), &context.settings.namespace);
    let renew_after = Timestamp::now() + SignedDuration::from_hours(24 * RENEW_DAYS);
    let part = |name: &str, text: &str| (name.to_owned(), ByteString(text.as_bytes().to_vec()));
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(NAME.to_owned()),
            annotations: Some(BTreeMap::from([
                (RENEW_AFTER.to_owned(), renew_after.to_string()),
                (NAMES.to_owned(), names.join(",")),
            ])),
            ..ObjectMeta::default()
        },
        type_: Some("kubernetes.io/tls".to_owned()),
        data: Some(BTreeMap::from([
            part("ca.crt", authority),
            part("tls.crt", &made.certificate),
            part("tls.key", &made.key),
        ])),
        ..Secret::default()
    };
    let params = PatchParams::apply(FIELD_MANAGER).force();
    let refused = |problem: String| OperatorError::Refused { what: format!("write Secret {NAME}"), problem };
    let written = context.cluster.write(api.patch(NAME, &params, &Patch::Apply(&secret))).await;
    written.map(|_| ()).map_err(|refusal| refused(refusal.in_words()))
}

/// By which names the API server calls the webhooks.
fn names(context: &Context, webhooks: &Webhooks) -> Vec<String> {
    match &webhooks.reached {
        Reached::Service(name) => {
            let namespace = &context.settings.namespace;
            vec![format!("{name}.{namespace}.svc"), format!("{name}.{namespace}.svc.cluster.local")]
        }
        Reached::Host(host) => vec![host.clone()],
    }
}

/// As PEM.
struct Made {
    authority: String,
    certificate: String,
    key: String,
}

fn make(names: &[String]) -> Result<Made, rcgen::Error> {
    let (from, until) = (Timestamp::now() - SignedDuration::from_hours(24), Timestamp::now());
    let until = until + SignedDuration::from_hours(24 * HOLDS_DAYS);
    let date = |moment: Timestamp| {
        let date = moment.to_zoned(jiff::tz::TimeZone::UTC).date();
        date_time_ymd(i32::from(date.year()), date.month().unsigned_abs(), date.day().unsigned_abs())
    };
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "plimsoll-webhook-ca");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    (params.not_before, params.not_after) = (date(from), date(until));
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "plimsoll-webhook");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    (params.not_before, params.not_after) = (date(from), date(until));
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &issuer)?.pem();
    Ok(Made { authority: issuer.pem(), certificate, key: key.serialize_pem() })
}

/// The newest of those that the Secret names.
fn first_certificate(pem: &str) -> Option<String> {
    const END: &str = "-----END CERTIFICATE-----";
    let end = pem.find(END)? + END.len();
    Some(format!("{}\n", &pem[..end]))
}
