//! What a pod asks for and what it holds, as Kubernetes computes it
//! (`k8s.io/component-helpers/resource`, with the defaults of `pkg/apis/core/v1/defaults.go`).

use model::pod::ContainerRequests;
use model::{NonZeroRequests, Quantity, Resources};

use super::Unreadable;
use super::quantities::{Amounts, amounts};
use crate::intern::Interner;
use crate::wire::pod::{Container, ContainerStatus, Pod, ResourceRequirements};

/// The answers for one pod.
pub(crate) struct PodRequests {
    /// From the spec alone, as the scheduler reads a pending pod.
    pub requests: Resources,
    /// With in-place resizes under way, as the scheduler counts a pod on its node.
    pub held: Resources,
    /// `requests` as scores count them.
    pub nonzero_requests: NonZeroRequests,
    /// `held` as scores count it.
    pub nonzero_held: NonZeroRequests,
    /// Per container.
    pub containers: Vec<ContainerRequests>,
}

pub(crate) fn pod_requests(pod: &Pod, interner: &Interner) -> Result<PodRequests, Unreadable> {
    let spec = &pod.spec;
    let containers = read_containers(&spec.containers, "spec.containers")?;
    let init_containers = read_containers(&spec.init_containers, "spec.initContainers")?;
    let from_spec = aggregate(&containers, &init_containers, |container| &container.requests);
    let pod_level = match &spec.resources {
        Some(resources) => pod_level_requests(resources, &from_spec, &containers, &init_containers)?,
        None => Amounts::default(),
    };
    let overhead = amounts(&spec.overhead, || "spec.overhead".to_owned())?;

    let pending = with_pod_level(from_spec.clone(), &pod_level, &overhead, None);
    let mut requests = pending.to_resources(interner);
    requests.pods = 0;

    // The plugin that scores by what a waiting pod asks for does not look at what it asks for as a whole
    // (`noderesources.NewFit` sets no enablePodLevelResources on its scorer).
    let of_containers = |total| with_pod_level(total, &Amounts::default(), &overhead, None);
    let nonzero_requests = nonzero(&containers, &init_containers, &of_containers(from_spec), NO_REQUEST, of_containers);
    let (held, nonzero_held) = held_containers(pod, containers.clone(), init_containers.clone(), &pod_level)?
        .total(&pod_level, &overhead, interner);

    let sidecars = init_containers.iter().filter(|container| container.is_sidecar);
    let containers = containers
        .iter()
        .chain(sidecars)
        .map(|container| ContainerRequests {
            name: interner.name(container.name),
            cpu: container.requests.get("cpu").map(Quantity::milli_value),
            memory: container.requests.get("memory").map(Quantity::value),
            cpu_limit: container.limits.get("cpu").map(Quantity::milli_value),
            memory_limit: container.limits.get("memory").map(Quantity::value),
            is_sidecar: container.is_sidecar,
            java_heap: container.java_heap,
        })
        .collect();
    Ok(PodRequests { requests, held, nonzero_requests, nonzero_held, containers })
}

/// One container's amounts, defaults filled in.
#[derive(Clone)]
struct ContainerAmounts<'a> {
    name: &'a str,
    is_sidecar: bool,
    java_heap: Option<i64>,
    requests: Amounts<'a>,
    limits: Amounts<'a>,
}

fn read_containers<'a>(containers: &'a [Container], field: &str) -> Result<Vec<ContainerAmounts<'a>>, Unreadable> {
    let read = containers.iter().enumerate().map(|(at, container)| {
        let resources = &container.resources;
        let limits = amounts(&resources.limits, || format!("{field}[{at}].resources.limits"))?;
        let mut requests = amounts(&resources.requests, || format!("{field}[{at}].resources.requests"))?;
        for (name, amount) in limits.iter() {
            requests.set_if_absent(name, amount);
        }
        let memory_limit = limits.get("memory").map(Quantity::value);
        let options = [&container.command, &container.args, &container.env];
        let java_heap = options.into_iter().filter_map(|options| options.heap(memory_limit)).max();
        Ok(ContainerAmounts { name: &container.name, is_sidecar: container.is_sidecar(), java_heap, requests, limits })
    });
    read.collect()
}

/// All containers together: the running ones summed, or what the most demanding moment of starting up needs.
fn aggregate<'c, 'a: 'c>(
    containers: &'c [ContainerAmounts<'a>],
    init_containers: &'c [ContainerAmounts<'a>],
    of: impl Fn(&'c ContainerAmounts<'a>) -> &'c Amounts<'a>,
) -> Amounts<'a> {
    let mut total = Amounts::default();
    for container in containers {
        total.add(of(container));
    }
    let mut sidecars_so_far = Amounts::default();
    let mut starting_up = Amounts::default();
    for container in init_containers {
        if container.is_sidecar {
            total.add(of(container));
            sidecars_so_far.add(of(container));
            starting_up.max(&sidecars_so_far);
        } else {
            let mut moment = of(container).clone();
            moment.add(&sidecars_so_far);
            starting_up.max(&moment);
        }
    }
    total.max(&starting_up);
    total
}

fn is_pod_level_resource(name: &str) -> bool {
    matches!(name, "cpu" | "memory") || is_huge_pages(name)
}

fn is_huge_pages(name: &str) -> bool {
    name.starts_with("hugepages-")
}

/// The pod's own `spec.resources.requests` after defaulting; what they name replaces the containers' sum.
fn pod_level_requests<'a>(
    resources: &'a ResourceRequirements,
    from_containers: &Amounts<'a>,
    containers: &[ContainerAmounts<'a>],
    init_containers: &[ContainerAmounts<'a>],
) -> Result<Amounts<'a>, Unreadable> {
    let mut requests = amounts(&resources.requests, || "spec.resources.requests".to_owned())?;
    let mut limits = amounts(&resources.limits, || "spec.resources.limits".to_owned())?;
    if !requests.is_empty() || !limits.is_empty() {
        for (name, amount) in aggregate(containers, init_containers, |container| &container.limits).iter() {
            if is_huge_pages(name) && requests.get(name).is_none() {
                limits.set_if_absent(name, amount);
            }
        }
    }
    if !limits.is_empty() {
        // Huge pages cannot be overcommitted and so do not take the containers' sum.
        for (name, amount) in from_containers.iter() {
            if is_pod_level_resource(name) && !is_huge_pages(name) {
                requests.set_if_absent(name, amount);
            }
        }
        for (name, amount) in limits.iter() {
            if is_pod_level_resource(name) {
                requests.set_if_absent(name, amount);
            }
        }
    }
    Ok(requests)
}

/// `effective` are the pod-level amounts that count instead while a pod-level resize is under way.
fn with_pod_level<'a>(
    mut total: Amounts<'a>,
    pod_level: &Amounts<'a>,
    overhead: &Amounts<'a>,
    effective: Option<&Amounts<'a>>,
) -> Amounts<'a> {
    for (name, amount) in pod_level.iter() {
        if is_pod_level_resource(name) {
            total.set(name, effective.map_or(amount, |effective| effective.get(name).unwrap_or_default()));
        }
    }
    total.add(overhead);
    total
}

/// What containers and the pod as a whole hold with the status taken into account.
struct Held<'a> {
    containers: Vec<ContainerAmounts<'a>>,
    init_containers: Vec<ContainerAmounts<'a>>,
    effective: Option<Amounts<'a>>,
}

impl<'a> Held<'a> {
    fn total(
        &self,
        pod_level: &Amounts<'a>,
        overhead: &Amounts<'a>,
        interner: &Interner,
    ) -> (Resources, NonZeroRequests) {
        let finish = |total: Amounts<'a>| with_pod_level(total, pod_level, overhead, self.effective.as_ref());
        let held = finish(aggregate(&self.containers, &self.init_containers, |container| &container.requests));
        // On its node, a pod that says what it asks for as a whole counts its containers as they are.
        let is_set = pod_level.iter().any(|(name, _)| is_pod_level_resource(name));
        let defaults = NO_REQUEST.map(|(name, amount)| (name, amount.filter(|_| !is_set || held.get(name).is_none())));
        let nonzero = nonzero(&self.containers, &self.init_containers, &held, defaults, finish);
        (Resources { pods: 0, ..held.to_resources(interner) }, nonzero)
    }
}

/// What a container counts as that does not ask for one of these (`pkg/scheduler/util/pod_resources.go`).
const NO_REQUEST: [(&str, Option<&str>); 2] = [("cpu", Some("100m")), ("memory", Some("200Mi"))];

/// CPU and memory with these defaults filled in; `total` is what the pod asks for without them.
fn nonzero<'a>(
    containers: &[ContainerAmounts<'a>],
    init_containers: &[ContainerAmounts<'a>],
    total: &Amounts<'a>,
    defaults: [(&'static str, Option<&str>); 2],
    finish: impl FnOnce(Amounts<'a>) -> Amounts<'a>,
) -> NonZeroRequests {
    let of = |total: &Amounts<'_>| NonZeroRequests {
        cpu: total.get("cpu").unwrap_or_default().milli_value(),
        memory: total.get("memory").unwrap_or_default().value(),
    };
    let lacks =
        |container: &ContainerAmounts<'a>| defaults.iter().any(|(name, _)| container.requests.get(name).is_none());
    if !containers.iter().chain(init_containers).any(lacks) {
        return of(total);
    }
    let filled = |containers: &[ContainerAmounts<'a>]| -> Vec<ContainerAmounts<'a>> {
        let mut containers = containers.to_vec();
        for container in &mut containers {
            for (name, amount) in defaults {
                if let Some(amount) = amount.and_then(|amount| Quantity::parse(amount).ok()) {
                    container.requests.set_if_absent(name, amount);
                }
            }
        }
        containers
    };
    let (containers, init_containers) = (filled(containers), filled(init_containers));
    of(&finish(aggregate(&containers, &init_containers, |container| &container.requests)))
}

/// With the status taken into account, where it says anything.
fn held_containers<'a>(
    pod: &'a Pod,
    mut containers: Vec<ContainerAmounts<'a>>,
    mut init_containers: Vec<ContainerAmounts<'a>>,
    pod_level: &Amounts<'a>,
) -> Result<Held<'a>, Unreadable> {
    let status = &pod.status;
    let has_resources = |statuses: &[ContainerStatus]| statuses.iter().any(|status| status.resources.is_some());
    if status.resources.is_none()
        && !has_resources(&status.container_statuses)
        && !has_resources(&status.init_container_statuses)
    {
        return Ok(Held { containers, init_containers, effective: None });
    }
    let resize = status.conditions.get("PodResizePending");
    let is_infeasible = resize.is_some_and(|condition| condition.reason == "Infeasible");
    for container in containers.iter_mut().chain(init_containers.iter_mut().filter(|one| one.is_sidecar)) {
        // Of two statuses of one name the later counts, and init containers come later.
        let named = |one: &&ContainerStatus| one.name == container.name;
        let init = status.init_container_statuses.iter().rev().find(named);
        let Some(found) = init.or_else(|| status.container_statuses.iter().rev().find(named)) else { continue };
        let Some(resources) = &found.resources else { continue };
        let actuated = amounts(&resources.requests, || "status.containerStatuses resources.requests".to_owned())?;
        let allocated =
            amounts(&found.allocated_resources, || "status.containerStatuses allocatedResources".to_owned())?;
        container.requests = effective(&container.requests, actuated, &allocated, is_infeasible);
    }
    let pod_effective = match &status.resources {
        Some(resources) => {
            let actuated = amounts(&resources.requests, || "status.resources.requests".to_owned())?;
            let allocated = amounts(&status.allocated_resources, || "status.allocatedResources".to_owned())?;
            Some(effective(pod_level, actuated, &allocated, is_infeasible))
        }
        None => None,
    };
    Ok(Held { containers, init_containers, effective: pod_effective })
}

fn effective<'a>(
    spec: &Amounts<'a>,
    actuated: Amounts<'a>,
    allocated: &Amounts<'a>,
    is_infeasible: bool,
) -> Amounts<'a> {
    let mut effective = actuated;
    effective.max(allocated);
    if !is_infeasible {
        effective.max(spec);
    }
    effective
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(pod: Value) -> PodRequests {
        pod_requests(&serde_json::from_value(pod).unwrap(), &Interner::default()).unwrap()
    }

    fn container(cpu: &str) -> Value {
        json!({ "name": "a", "resources": { "requests": { "cpu": cpu } } })
    }

    fn sidecar(cpu: &str) -> Value {
        json!({ "name": "s", "restartPolicy": "Always", "resources": { "requests": { "cpu": cpu } } })
    }

    fn cpu(containers: Value, init: Value) -> i64 {
        of(json!({ "spec": { "containers": containers, "initContainers": init } })).requests.cpu
    }

    #[test]
    fn the_most_demanding_moment_counts() {
        assert_eq!(cpu(json!([container("1"), container("500m")]), json!([])), 1_500);
        assert_eq!(cpu(json!([container("1")]), json!([container("3"), container("2")])), 3_000);
        assert_eq!(cpu(json!([container("1")]), json!([sidecar("1"), container("3"), sidecar("1")])), 4_000);
        assert_eq!(cpu(json!([container("3")]), json!([container("3"), sidecar("1")])), 4_000);
    }

    #[test]
    fn limits_become_requests_where_none_are_given() {
        let one = json!({ "name": "a", "resources": { "limits": { "cpu": "2", "memory": "1Gi" }, "requests": { "cpu": "1" } } });
        let found = of(json!({ "spec": { "containers": [one] } }));
        assert_eq!((found.requests.cpu, found.requests.memory), (1_000, 1 << 30));
        assert_eq!((found.containers[0].cpu, found.containers[0].memory), (Some(1_000), Some(1 << 30)));
    }

    #[test]
    fn pod_level_resources_replace_the_sum() {
        let pod = |resources: Value| {
            let huge = json!({ "name": "b", "resources": { "limits": { "hugepages-2Mi": "4Mi" } } });
            of(
                json!({ "spec": { "containers": [container("1"), huge], "resources": resources, "overhead": { "cpu": "10m" } } }),
            )
        };
        assert_eq!(pod(json!({ "requests": { "cpu": "3", "nvidia.com/gpu": "1" } })).requests.cpu, 3_010);
        assert_eq!(pod(json!({ "limits": { "cpu": "5", "memory": "1Gi" } })).requests.cpu, 1_010);
        assert_eq!(pod(json!({ "limits": { "memory": "1Gi" } })).requests.memory, 1 << 30);
        assert_eq!(pod(json!({ "limits": { "memory": "1Gi" } })).requests.scalar("hugepages-2Mi"), 4 << 20);
        assert_eq!(pod(json!({ "requests": { "nvidia.com/gpu": "1" } })).requests.scalar("nvidia.com/gpu"), 0);
    }

    #[test]
    fn a_resize_under_way_holds_the_larger() {
        let pod = |conditions: Value| {
            of(json!({ "spec": { "containers": [container("1")] }, "status": {
                "conditions": conditions,
                "containerStatuses": [{ "name": "a", "resources": { "requests": { "cpu": "500m" } },
                    "allocatedResources": { "cpu": "700m" } }] } }))
        };
        let infeasible = json!([{ "type": "PodResizePending", "reason": "Infeasible" }]);
        assert_eq!((pod(json!([])).held.cpu, pod(json!([])).requests.cpu), (1_000, 1_000));
        assert_eq!((pod(infeasible.clone()).held.cpu, pod(infeasible).requests.cpu), (700, 1_000));
    }

    #[test]
    fn amounts_below_a_thousandth_round_up_each() {
        assert_eq!(cpu(json!([container("100u"), container("100u")]), json!([])), 2);
    }
}
