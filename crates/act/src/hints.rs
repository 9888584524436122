//! Where replacements should go: eviction hands the choice to kube-scheduler, so for as long as a plan runs the API
//! server gives each new pod of its workloads a preferred node affinity to its target.
//!
//! That is a MutatingAdmissionPolicy (Kubernetes 1.36; no server of ours that could be down): it fails open, matches
//! nothing but pods of the controllers named in it, and goes when the plan ends. A preference can be outvoted; where
//! the pod lands is looked at afterwards.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kube::Api;
use kube::api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use model::Name;
use serde_json::{Value, json};

use crate::answer::Refusal;
use crate::cluster::Cluster;
use crate::patience::Patience;

/// There is one at a time, as there is one plan at a time.
const POLICY: &str = "plimsoll-placement";
/// Matches our own probe alone, and tells by an annotation which round the API server has learnt of.
const PROBE: &str = "plimsoll-placement-probe";
const ROUND: &str = "optimizer.io/placement-round";
const PLAN: &str = "optimizer.io/plan";
/// API servers learn of a changed policy within a second or two.
const KNOWN_WITHIN: Duration = Duration::from_secs(15);
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Targets of replacements that are about to be made: by the uid of their controller, or, for pods that keep their name,
/// by that uid and name.
pub type Targets = BTreeMap<String, Name>;

/// The key of a pod that keeps its name.
pub fn named(controller: &str, pod: &str) -> String {
    format!("{controller}/{pod}")
}

/// Is it the key of one pod rather than of all that a controller makes?
pub fn is_named(key: &str) -> bool {
    key.contains('/')
}

/// The policy of one plan.
pub struct Hints<'c> {
    cluster: &'c Cluster,
    plan: String,
    /// What rounds are named after, so that one is never taken for that of an earlier run.
    run: String,
    round: u32,
    /// What binds the policies is as it should be.
    is_bound: bool,
}

impl<'c> Hints<'c> {
    /// Hints for this plan; nothing is written yet.
    pub fn new(cluster: &'c Cluster, plan: &str) -> Hints<'c> {
        let run = jiff::Timestamp::now().as_nanosecond().to_string();
        Hints { cluster, plan: plan.to_owned(), run, round: 0, is_bound: false }
    }

    /// A wave begins: what binds the policies is written again, in case that somebody took it away.
    pub fn begin_wave(&mut self) {
        self.is_bound = false;
    }

    /// Gives these targets from now on, and returns when the API server does so. The error says why it will not.
    pub async fn give(&mut self, targets: &Targets, namespaces: &[&str]) -> Result<(), String> {
        self.round += 1;
        let round = format!("{}-{}", self.run, self.round);
        // The probe's policy is written last: once it is known, the other is. What binds them stays the same.
        for (name, spec) in [(POLICY, placement(targets, namespaces)), (PROBE, probe(&round))] {
            self.write("MutatingAdmissionPolicy", name, spec).await?;
            if !self.is_bound {
                self.write("MutatingAdmissionPolicyBinding", name, json!({"policyName": name})).await?;
            }
        }
        self.is_bound = true;
        let start = Instant::now();
        loop {
            let known = self.round_known().await;
            if known.as_ref().is_ok_and(|known| known.as_deref() == Some(&*round)) {
                return Ok(());
            }
            if start.elapsed() > KNOWN_WITHIN {
                return Err(known.err().unwrap_or_else(|| "the API server has not learnt of them in time".to_owned()));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    async fn write(&self, kind: &str, name: &str, spec: Value) -> Result<(), String> {
        let object = json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind,
            "metadata": {"name": name, "annotations": {PLAN: self.plan}},
            "spec": spec,
        });
        // These objects are ours alone: no field of them has another owner.
        let ours = PatchParams::apply("plimsoll").force();
        let (api, mut patience) = (api(self.cluster, kind), Patience::of(KNOWN_WITHIN));
        loop {
            let written = self.cluster.write(api.patch(name, &ours, &Patch::Apply(&object))).await;
            match written {
                Ok(_) => return Ok(()),
                Err(Refusal::Gone) => {
                    return Err(format!("the API server does not serve {kind} (Kubernetes 1.36 and later do)"));
                }
                Err(refusal) if patience.is_left_after(&refusal).await => {}
                Err(refusal) => return Err(refusal.in_words()),
            }
        }
    }

    /// The round that the API server has learnt of: it adds it to an Event that is not stored.
    async fn round_known(&self) -> Result<Option<String>, String> {
        let events: Api<k8s_openapi::api::core::v1::Event> = Api::namespaced(self.cluster.client.clone(), "default");
        let event = json!({
            "metadata": {"name": PROBE, "namespace": "default"},
            "involvedObject": {"kind": "Namespace", "name": "default", "namespace": "default", "apiVersion": "v1"},
            "reason": "Probe", "message": "", "type": "Normal",
        });
        let event = serde_json::from_value(event).map_err(|error| error.to_string())?;
        let dry = PostParams { dry_run: true, ..PostParams::default() };
        let answer = self.cluster.answer(events.create(&dry, &event)).await.map_err(|refusal| refusal.in_words())?;
        Ok(answer.metadata.annotations.and_then(|mut annotations| annotations.remove(ROUND)))
    }
}

/// Takes back the hints of a plan, or of any plan.
pub async fn take_back(cluster: &Cluster, plan: Option<&str>) -> Result<(), String> {
    for kind in ["MutatingAdmissionPolicyBinding", "MutatingAdmissionPolicy"] {
        let api = api(cluster, kind);
        for name in [POLICY, PROBE] {
            let found = match cluster.answer(api.get(name)).await {
                Ok(found) => found,
                Err(Refusal::Gone) => continue,
                Err(refusal) => return Err(refusal.in_words()),
            };
            let its_plan = found.metadata.annotations.and_then(|mut annotations| annotations.remove(PLAN));
            if plan.is_some_and(|plan| its_plan.as_deref() != Some(plan)) {
                continue;
            }
            match cluster.write(api.delete(name, &DeleteParams::default())).await {
                Ok(_) | Err(Refusal::Gone) => {}
                Err(refusal) => return Err(refusal.in_words()),
            }
        }
    }
    Ok(())
}

fn api(cluster: &Cluster, kind: &str) -> Api<DynamicObject> {
    let gvk = GroupVersionKind::gvk("admissionregistration.k8s.io", "v1", kind);
    let plural =
        if kind.ends_with("Binding") { "mutatingadmissionpolicybindings" } else { "mutatingadmissionpolicies" };
    Api::all_with(cluster.client.clone(), &ApiResource::from_gvk_with_plural(&gvk, plural))
}

/// Adds the preferred node affinity, however much of an affinity the pod has.
fn placement(targets: &Targets, namespaces: &[&str]) -> Value {
    const PREFERRED: &str = "Object.spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution";
    const LIST: &str = "preferredDuringSchedulingIgnoredDuringExecution";
    let controllers: std::collections::BTreeSet<&str> =
        targets.keys().map(|key| key.split('/').next().unwrap_or_default()).collect();
    let controllers = cel_list(controllers);
    let key = "has(object.metadata.name) && (variables.controller + '/' + object.metadata.name) in variables.targets \
               ? variables.controller + '/' + object.metadata.name : variables.controller";
    let term = format!(
        "{PREFERRED}{{weight: 100, preference: {PREFERRED}.preference{{matchFields: [{PREFERRED}.preference.matchFields\
         {{key: 'metadata.name', operator: 'In', values: [variables.targets[variables.key]]}}]}}}}"
    );
    let node_affinity = format!("Object.spec.affinity.nodeAffinity{{{LIST}: [{term}]}}");
    let add = |path: &str, value: &str| format!("[JSONPatch{{op: 'add', path: '{path}', value: {value}}}]");
    let patch = [
        "!(variables.key in variables.targets) ? []".to_owned(),
        format!(
            "!has(object.spec.affinity) ? {}",
            add("/spec/affinity", &format!("Object.spec.affinity{{nodeAffinity: {node_affinity}}}"))
        ),
        format!("!has(object.spec.affinity.nodeAffinity) ? {}", add("/spec/affinity/nodeAffinity", &node_affinity)),
        format!(
            "!has(object.spec.affinity.nodeAffinity.{LIST}) ? {}",
            add(&format!("/spec/affinity/nodeAffinity/{LIST}"), &format!("[{term}]"))
        ),
        add(&format!("/spec/affinity/nodeAffinity/{LIST}/-"), &term),
    ]
    .join(" : ");
    json!({
        "failurePolicy": "Ignore",
        "reinvocationPolicy": "Never",
        "matchConstraints": {
            "namespaceSelector": {"matchExpressions": [
                {"key": "kubernetes.io/metadata.name", "operator": "In", "values": namespaces},
            ]},
            "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
        },
        "matchConditions": [{
            "name": "replacement",
            "expression": format!(
                "has(object.metadata.ownerReferences) && object.metadata.ownerReferences.exists(owner, owner.uid in {controllers})"
            ),
        }],
        "variables": [
            {"name": "targets", "expression": cel_map(targets)},
            {"name": "controller", "expression": format!(
                "object.metadata.ownerReferences.filter(owner, owner.uid in {controllers})[0].uid"
            )},
            {"name": "key", "expression": key},
        ],
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": patch}}],
    })
}

fn probe(round: &str) -> Value {
    let patch = format!("[JSONPatch{{op: 'add', path: '/metadata/annotations', value: {{'{ROUND}': '{round}'}}}}]");
    json!({
        "failurePolicy": "Ignore",
        "reinvocationPolicy": "Never",
        "matchConstraints": {
            "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["events"]}],
        },
        "matchConditions": [{"name": "probe", "expression": format!("has(object.metadata.name) && object.metadata.name == '{PROBE}'")}],
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": patch}}],
    })
}

fn cel_map(targets: &Targets) -> String {
    let entries = targets.iter().map(|(key, node)| format!("{}: {}", cel_string(key), cel_string(node)));
    format!("{{{}}}", entries.collect::<Vec<String>>().join(", "))
}

fn cel_list<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    format!("[{}]", texts.into_iter().map(cel_string).collect::<Vec<String>>().join(", "))
}

/// Uids and names of Kubernetes have nothing to escape; what comes from elsewhere may.
fn cel_string(text: &str) -> String {
    let escaped: String = text
        .chars()
        .flat_map(|letter| match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '.' | '/' | '_' => vec![letter],
            other => format!("\\U{:08x}", u32::from(other)).chars().collect(),
        })
        .collect();
    format!("'{escaped}'")
}
