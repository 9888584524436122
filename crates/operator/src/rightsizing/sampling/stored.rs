//! The ConfigMaps of what was sampled, in the operator's namespace.

use std::collections::BTreeMap;

use engine::rightsizing::sketch::Sketch;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{DeleteParams, ListParams, ObjectMeta, Patch, PatchParams};
use tracing::warn;

use super::checkpoint::{packed, unpacked};
use super::history::Key;
use crate::clock;
use crate::context::Context;
use crate::record::FIELD_MANAGER;
use act::Refusal;

/// Each part's name begins with it; the moment of its writing and its number follow.
const NAME: &str = "plimsoll-samples";
/// By which they are found again.
const LABEL: (&str, &str) = ("optimizer.io/samples", "metrics-server");
const FIELD: &str = "samples";

/// All that was written down; a part that cannot be read is left out with a warning.
pub async fn read(context: &Context) -> Result<Vec<(Key, Sketch)>, String> {
    let api = api(context);
    let listed = context.cluster.answer(api.list(&ours())).await.map_err(|refusal| refusal.in_words())?;
    let mut all = Vec::new();
    for part in listed.items {
        let name = part.metadata.name.clone().unwrap_or_default();
        let data = part.binary_data.and_then(|mut data| data.remove(FIELD));
        match unpacked(&data.unwrap_or_default().0) {
            Ok(mut sketches) => all.append(&mut sketches),
            Err(problem) => warn!(config_map = %name, problem, "a part of what was sampled is left out"),
        }
    }
    Ok(all)
}

/// Writes all parts beside those that there are, and only then deletes those: whoever is killed between leaves both, and
/// what is known twice is known once. How many there are.
pub async fn write(context: &Context, sketches: &[(Key, Sketch)]) -> Result<usize, String> {
    let api = api(context);
    let parts = packed(sketches);
    let (count, now) = (parts.len(), clock::now().0);
    let names: Vec<String> = (0..count).map(|number| format!("{NAME}-{now}-{number}")).collect();
    for (name, part) in names.iter().zip(parts) {
        let object = ConfigMap {
            metadata: ObjectMeta {
                name: Some(name.clone()),
                labels: Some(BTreeMap::from([
                    (LABEL.0.to_owned(), LABEL.1.to_owned()),
                    ("app.kubernetes.io/managed-by".to_owned(), FIELD_MANAGER.to_owned()),
                ])),
                ..ObjectMeta::default()
            },
            binary_data: Some(BTreeMap::from([(FIELD.to_owned(), ByteString(part))])),
            ..ConfigMap::default()
        };
        let (params, patch) = (PatchParams::apply(FIELD_MANAGER).force(), Patch::Apply(&object));
        let written = context.cluster.write(api.patch(name, &params, &patch)).await;
        written.map_err(|refusal| refusal.in_words())?;
    }
    let listed = context.cluster.answer(api.list_metadata(&ours())).await.map_err(|refusal| refusal.in_words())?;
    for name in listed.items.into_iter().filter_map(|part| part.metadata.name).filter(|name| !names.contains(name)) {
        match context.cluster.write(api.delete(&name, &DeleteParams::default())).await {
            Ok(_) | Err(Refusal::Gone) => {}
            Err(refusal) => return Err(refusal.in_words()),
        }
    }
    Ok(count)
}

fn api(context: &Context) -> Api<ConfigMap> {
    Api::namespaced(context.client(), &context.settings.namespace)
}

fn ours() -> ListParams {
    ListParams::default().labels(&format!("{}={}", LABEL.0, LABEL.1))
}
