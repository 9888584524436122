//! The words of the tables: what a company says of a workload.

/// One row: a workload and what is special about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct App {
    pub kind: Kind,
    pub namespace: &'static str,
    pub name: &'static str,
    /// Of a CronJob how many Jobs are there; of a DaemonSet nothing.
    pub replicas: usize,
    /// Millicores of the main container.
    pub cpu: i64,
    /// MiB of the main container.
    pub memory: i64,
    pub traits: &'static [Trait],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Deployment,
    StatefulSet,
    DaemonSet,
    CronJob,
    /// A pod that somebody made by hand.
    BarePod,
}

/// What sets a workload apart from a stateless one that may run anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trait {
    // Where it may run.
    /// Only on nodes of this pool.
    Pool(&'static str),
    /// Only on spot nodes.
    Spot,
    /// Never on spot nodes.
    OnDemand,
    /// Rather on spot nodes.
    PrefersSpot,
    /// A DaemonSet's, where it is not every node.
    Reach(Reach),

    // Where it may run beside others.
    /// Hard spread over zones.
    EvenZones,
    /// Soft spread over zones.
    EvenZonesSoft,
    /// Hard spread over hosts, with this skew.
    EvenHosts(i64),
    /// Soft spread over hosts.
    EvenHostsSoft,
    /// Hard anti-affinity to its like on a host.
    OnePerHost,
    /// Hard anti-affinity to its like in a zone.
    OnePerZone,
    /// Preferred anti-affinity to its like on a host.
    ApartSoft,
    /// Required affinity to the zone of another workload of the namespace.
    SameZoneAs(&'static str),
    /// Preferred affinity to the host of another workload of the namespace.
    NearSoft(&'static str),

    // What keeps it.
    MinAvailable(&'static str),
    MaxUnavailable(&'static str),
    /// A second budget that a person forgot, beside the first.
    SecondBudget,
    DoNotDisrupt,
    NotSafeToEvict,

    // What it keeps.
    EmptyDir,
    HostPath(&'static str),
    /// An EBS volume of this many GiB for each replica.
    Disk(i64),
    /// A disk of its node, in GiB, for each replica.
    LocalDisk(i64),
    /// Claims of replicas that are no more.
    LeftClaims(usize),

    // What it asks for.
    /// Nothing at all.
    NoRequests,
    /// Limits equal to requests.
    Guaranteed,
    /// A proxy container of 100m and 128 MiB.
    Proxy,
    /// A sidecar of 50m and 64 MiB that starts before the others.
    Sidecar,
    HostNetwork,
    HostPort(i64),
    Priority(&'static str),
    /// Seconds.
    Grace(i64),

    // How it is doing.
    /// Minimum and maximum replicas.
    Autoscaled(usize, usize),
    /// Of its replicas this many are of the new template.
    MidRollout(usize),
    /// Of its replicas this many have only just been asked for.
    Pending(usize),
    /// Of its Jobs this many are over, one way or the other.
    Finished(usize),
    /// Of those that are over this many have failed.
    Failed(usize),
    Schedule(&'static str),
    /// What it uses of its requests, in per cent of CPU and memory.
    Uses(i64, i64),
    /// Metrics do not have it.
    Unmeasured,
}

/// The nodes of a DaemonSet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// All but the machines outside the cloud.
    Cloud,
    /// The machines outside the cloud.
    OnPremises,
}

pub(super) const fn deployment(
    namespace: &'static str,
    name: &'static str,
    replicas: usize,
    cpu: i64,
    memory: i64,
    traits: &'static [Trait],
) -> App {
    App { kind: Kind::Deployment, namespace, name, replicas, cpu, memory, traits }
}

pub(super) const fn stateful(
    namespace: &'static str,
    name: &'static str,
    replicas: usize,
    cpu: i64,
    memory: i64,
    traits: &'static [Trait],
) -> App {
    App { kind: Kind::StatefulSet, namespace, name, replicas, cpu, memory, traits }
}

pub(super) const fn cron_job(
    namespace: &'static str,
    name: &'static str,
    jobs: usize,
    cpu: i64,
    memory: i64,
    traits: &'static [Trait],
) -> App {
    App { kind: Kind::CronJob, namespace, name, replicas: jobs, cpu, memory, traits }
}

pub(super) const fn daemon(name: &'static str, cpu: i64, memory: i64, traits: &'static [Trait]) -> App {
    let namespace = match name.as_bytes()[0] {
        // node-exporter and fluent-bit belong to the monitoring team, the rest to the cloud.
        b'n' | b'f' => "monitoring",
        _ => "kube-system",
    };
    App { kind: Kind::DaemonSet, namespace, name, replicas: 0, cpu, memory, traits }
}

pub(super) const fn bare_pod(
    namespace: &'static str,
    name: &'static str,
    cpu: i64,
    memory: i64,
    traits: &'static [Trait],
) -> App {
    App { kind: Kind::BarePod, namespace, name, replicas: 1, cpu, memory, traits }
}

impl App {
    pub fn has(&self, one: Trait) -> bool {
        self.traits.contains(&one)
    }

    /// What `pick` takes from the first trait that it takes anything from.
    pub fn get<T>(&self, pick: impl Fn(&Trait) -> Option<T>) -> Option<T> {
        self.traits.iter().find_map(pick)
    }

    /// `namespace/name`, for what depends on nothing else.
    pub fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    pub fn pool(&self) -> Option<&'static str> {
        self.get(|one| if let Trait::Pool(pool) = one { Some(*pool) } else { None })
    }

    /// Minimum and maximum replicas, where it is autoscaled.
    pub fn bounds(&self) -> Option<(usize, usize)> {
        self.get(|one| if let Trait::Autoscaled(low, high) = one { Some((*low, *high)) } else { None })
    }

    /// Per cent of its requests that it uses, of CPU and memory.
    pub fn uses(&self) -> Option<(i64, i64)> {
        self.get(|one| if let Trait::Uses(cpu, memory) = one { Some((*cpu, *memory)) } else { None })
    }

    /// GiB of the EBS volume of each replica.
    pub fn disk(&self) -> Option<i64> {
        self.get(|one| if let Trait::Disk(gib) = one { Some(*gib) } else { None })
    }

    /// GiB of the node's disk of each replica.
    pub fn local_disk(&self) -> Option<i64> {
        self.get(|one| if let Trait::LocalDisk(gib) = one { Some(*gib) } else { None })
    }

    pub fn pending(&self) -> usize {
        self.get(|one| if let Trait::Pending(count) = one { Some(*count) } else { None }).unwrap_or(0)
    }

    pub fn finished(&self) -> usize {
        self.get(|one| if let Trait::Finished(count) = one { Some(*count) } else { None }).unwrap_or(0)
    }

    pub fn failed(&self) -> usize {
        self.get(|one| if let Trait::Failed(count) = one { Some(*count) } else { None }).unwrap_or(0)
    }

    /// How many replicas are of the newest template, where not all are.
    pub fn mid_rollout(&self) -> Option<usize> {
        self.get(|one| if let Trait::MidRollout(updated) = one { Some(*updated) } else { None })
    }

    /// Requests of a pod: millicores and MiB.
    pub fn requests(&self) -> (i64, i64) {
        if self.has(Trait::NoRequests) {
            return (0, 0);
        }
        let (mut cpu, mut memory) = (self.cpu, self.memory);
        if self.has(Trait::Proxy) {
            (cpu, memory) = (cpu + PROXY.0, memory + PROXY.1);
        }
        if self.has(Trait::Sidecar) {
            (cpu, memory) = (cpu + SIDECAR.0, memory + SIDECAR.1);
        }
        (cpu, memory)
    }
}

/// Millicores and MiB of [`Trait::Proxy`].
pub(super) const PROXY: (i64, i64) = (100, 128);
/// Millicores and MiB of [`Trait::Sidecar`].
pub(super) const SIDECAR: (i64, i64) = (50, 64);
