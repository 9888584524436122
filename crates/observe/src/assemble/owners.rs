//! Who stands at the top of a pod's owners: Pod → ReplicaSet → Deployment, Job → CronJob, and whatever is above.

use std::collections::BTreeMap;

use model::snapshot::KindRead;
use model::{Finding, FindingCode, Name, Owner, Pod, ReadState, Rollout, Severity, Subject, Workload, WorkloadRef};
use rustc_hash::FxHashMap;

use crate::convert::controller::{Autoscaler, Controller};
use crate::kinds::Kind;

/// The workloads, sorted, and what was odd about their owners.
pub(crate) struct Owners {
    pub workloads: Vec<Workload>,
    pub findings: Vec<Finding>,
}

/// Longer chains of owners than this are taken for a circle; real ones have three or four links.
const LONGEST_CHAIN: usize = 16;

/// Finds the workload of every pod, and lists those without pods.
pub(crate) fn resolve(
    pods: &mut [Pod],
    controllers: &[Controller],
    autoscalers: &[Autoscaler],
    kinds: &BTreeMap<&'static str, KindRead>,
) -> Owners {
    let mut resolver = Resolver {
        controllers: controllers.iter().map(|one| ((one.kind, one.namespace.clone(), one.name.clone()), one)).collect(),
        kinds,
        workloads: BTreeMap::new(),
        circles: BTreeMap::new(),
    };
    let mut top_of: FxHashMap<(Name, Owner, Name), WorkloadRef> = FxHashMap::default();
    let mut references = Vec::with_capacity(pods.len());
    for pod in pods.iter() {
        let Some(owner) = pod.controller.clone().filter(|owner| &*owner.kind != "Node") else {
            references.push(None);
            continue;
        };
        let hash = pod.labels.get("pod-template-hash").cloned().unwrap_or_default();
        let key = (pod.namespace.clone(), owner, hash);
        let top = match top_of.get(&key) {
            Some(top) => top.clone(),
            None => {
                let top = resolver.climb(&key.0, &key.1, &key.2);
                top_of.insert(key, top.clone());
                top
            }
        };
        references.push(Some(top));
    }
    for controller in controllers {
        resolver.climb_from(controller);
    }
    resolver.mark_several_replica_sets(controllers);
    resolver.mark_autoscaled(autoscalers);

    let findings = resolver.circles.into_values().collect();
    let workloads: Vec<Workload> = resolver.workloads.into_values().collect();
    for (pod, reference) in pods.iter_mut().zip(references) {
        pod.workload = reference.and_then(|reference| {
            let at = workloads.binary_search_by(|workload| workload.reference.cmp(&reference)).ok()?;
            u32::try_from(at).ok()
        });
    }
    Owners { workloads, findings }
}

struct Resolver<'a> {
    controllers: FxHashMap<(Kind, Name, Name), &'a Controller>,
    kinds: &'a BTreeMap<&'static str, KindRead>,
    workloads: BTreeMap<WorkloadRef, Workload>,
    circles: BTreeMap<WorkloadRef, Finding>,
}

/// What is known of the way up so far.
#[derive(Default)]
struct Climb {
    is_job: bool,
    owner_gone: bool,
}

impl<'a> Resolver<'a> {
    /// From a pod's controller to the top.
    fn climb(&mut self, namespace: &Name, owner: &Owner, template_hash: &str) -> WorkloadRef {
        let mut climb = Climb::default();
        match self.find(namespace, owner) {
            Found::Here(controller) => self.climb_on(controller, climb),
            Found::Gone => {
                climb.owner_gone = true;
                climb.is_job = is_job(owner);
                self.add(reference(namespace, owner), None, climb)
            }
            Found::Unknown => {
                climb.is_job = is_job(owner);
                match deployment_of(owner, template_hash) {
                    // The ReplicaSets were not saved; a Deployment names them after itself.
                    Some(deployment) => match self.find(namespace, &deployment) {
                        Found::Here(controller) => self.climb_on(controller, climb),
                        Found::Gone | Found::Unknown => self.add(reference(namespace, &deployment), None, climb),
                    },
                    None => self.add(reference(namespace, owner), None, climb),
                }
            }
        }
    }

    /// From a controller that may have no pod.
    fn climb_from(&mut self, controller: &'a Controller) -> WorkloadRef {
        self.climb_on(controller, Climb::default())
    }

    fn climb_on(&mut self, start: &'a Controller, mut climb: Climb) -> WorkloadRef {
        let mut controller = start;
        for _ in 0..LONGEST_CHAIN {
            climb.is_job |= matches!(controller.kind, Kind::Job | Kind::CronJob);
            climb.owner_gone |= controller.terminating;
            let Some(owner) = &controller.owner else {
                return self.add(own_reference(controller), Some(controller), climb);
            };
            match self.find(&controller.namespace, owner) {
                Found::Here(above) => controller = above,
                found => {
                    climb.owner_gone |= matches!(found, Found::Gone);
                    return self.add(reference(&controller.namespace, owner), None, climb);
                }
            }
        }
        let reference = own_reference(start);
        self.circles.entry(reference.clone()).or_insert_with(|| {
            Finding::new(
                FindingCode::OwnerCycle,
                Subject::Workload(reference.clone()),
                format!("the owners of {reference} form a circle; it is taken for its own workload"),
            )
            .severity(Severity::Error)
            .hint("look at metadata.ownerReferences of these objects")
        });
        self.add(reference, Some(start), climb)
    }

    fn find(&self, namespace: &Name, owner: &Owner) -> Found<'a> {
        let Some(kind) = Kind::of(&owner.api_version, &owner.kind) else { return Found::Unknown };
        match self.controllers.get(&(kind, namespace.clone(), owner.name.clone())) {
            Some(controller) if is_same(&controller.uid, &owner.uid) => Found::Here(controller),
            // One of this name was made anew; the owner itself is gone.
            Some(_) => Found::Gone,
            None if self.kinds.get(kind.name()).is_some_and(|read| read.state == ReadState::Complete) => Found::Gone,
            None => Found::Unknown,
        }
    }

    fn add(&mut self, reference: WorkloadRef, object: Option<&Controller>, climb: Climb) -> WorkloadRef {
        let workload = self
            .workloads
            .entry(reference.clone())
            .or_insert_with(|| Workload { reference: reference.clone(), ..Workload::default() });
        if let Some(object) = object {
            workload.labels = object.labels.clone();
            workload.replicas = object.replicas;
            workload.rollout = object.rollout.clone();
            workload.created = object.created;
            workload.surges = object.surges;
        }
        workload.is_job |= climb.is_job;
        workload.owner_gone |= climb.owner_gone;
        reference
    }

    /// Two ReplicaSets with replicas under one owner: a rollout is under way, whatever the owner's status says.
    fn mark_several_replica_sets(&mut self, controllers: &[Controller]) {
        let mut with_replicas: BTreeMap<WorkloadRef, usize> = BTreeMap::new();
        for controller in controllers {
            let has_replicas = controller.current_replicas > 0 || controller.replicas.is_some_and(|wanted| wanted > 0);
            if let (Kind::ReplicaSet, Some(owner), true) = (controller.kind, &controller.owner, has_replicas) {
                *with_replicas.entry(reference(&controller.namespace, owner)).or_default() += 1;
            }
        }
        for (reference, count) in with_replicas {
            let Some(workload) = self.workloads.get_mut(&reference) else { continue };
            if count > 1 && !matches!(workload.rollout, Rollout::InProgress(_)) {
                workload.rollout = Rollout::InProgress(format!("{count} of its ReplicaSets have replicas"));
            }
        }
    }

    fn mark_autoscaled(&mut self, autoscalers: &[Autoscaler]) {
        let mut sorted: Vec<&Autoscaler> = autoscalers.iter().collect();
        sorted.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        for autoscaler in sorted {
            let reference = WorkloadRef {
                kind: autoscaler.target_kind.clone(),
                namespace: autoscaler.namespace.clone(),
                name: autoscaler.target_name.clone(),
            };
            if let Some(workload) = self.workloads.get_mut(&reference) {
                workload.autoscaled.get_or_insert((autoscaler.min, autoscaler.max));
                workload.autoscaled_on.extend(autoscaler.metrics.iter().cloned());
                workload.autoscaled_on.sort();
                workload.autoscaled_on.dedup();
            }
        }
    }
}

enum Found<'a> {
    Here(&'a Controller),
    /// All objects of its kind were read, and it is not among them.
    Gone,
    /// It was not saved, or is of a kind that is not read.
    Unknown,
}

/// A ReplicaSet is named after its Deployment and the hash of its template.
fn deployment_of(owner: &Owner, template_hash: &str) -> Option<Owner> {
    if &*owner.kind != "ReplicaSet" || template_hash.is_empty() {
        return None;
    }
    let name = owner.name.strip_suffix(template_hash)?.strip_suffix('-').filter(|name| !name.is_empty())?;
    Some(Owner {
        api_version: owner.api_version.clone(),
        kind: "Deployment".into(),
        name: name.into(),
        uid: Name::default(),
    })
}

fn is_job(owner: &Owner) -> bool {
    matches!(Kind::of(&owner.api_version, &owner.kind), Some(Kind::Job | Kind::CronJob))
}

/// Objects written by hand have no uid; where both sides have one they must agree.
fn is_same(have: &str, named: &str) -> bool {
    have.is_empty() || named.is_empty() || have == named
}

fn reference(namespace: &Name, owner: &Owner) -> WorkloadRef {
    WorkloadRef { kind: owner.kind.clone(), namespace: namespace.clone(), name: owner.name.clone() }
}

fn own_reference(controller: &Controller) -> WorkloadRef {
    WorkloadRef {
        kind: controller.kind.name().into(),
        namespace: controller.namespace.clone(),
        name: controller.name.clone(),
    }
}
