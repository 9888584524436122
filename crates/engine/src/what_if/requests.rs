//! Requests at another size, whatever recommended it.

use std::sync::Arc;

use model::{Name, Snapshot, WorkloadRef};

use super::{PremiseError, rules};

/// What one container of a workload would ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The workload.
    pub workload: WorkloadRef,
    /// The container.
    pub container: Name,
    /// Millicores; as now where absent.
    pub cpu: Option<i64>,
    /// Bytes; as now where absent.
    pub memory: Option<i64>,
}

/// What sidecars, init containers and overhead add to a pod stays on top.
pub(super) fn apply(snapshot: &mut Snapshot, rows: &[Request]) -> Result<Option<String>, PremiseError> {
    let mut changed = 0;
    for row in rows {
        let workload = rules::find(snapshot, &row.workload)?;
        let pods = snapshot.pods.iter_mut().filter(|pod| pod.workload == Some(workload));
        let (mut known, mut is_there) = (Vec::new(), false);
        for pod in pods {
            let Some(at) = pod.spec.containers.iter().position(|container| container.name == row.container) else {
                known.extend(pod.spec.containers.iter().map(|container| container.name.to_string()));
                continue;
            };
            is_there = true;
            let now = &pod.spec.containers[at];
            let (cpu, memory) = (row.cpu.or(now.cpu), row.memory.or(now.memory));
            let more = |new: Option<i64>, old: Option<i64>| new.unwrap_or(0).saturating_sub(old.unwrap_or(0));
            let (more_cpu, more_memory) = (more(cpu, now.cpu), more(memory, now.memory));
            if (cpu, memory) == (now.cpu, now.memory) {
                continue;
            }
            changed += 1;
            let amounts =
                if pod.node.is_some() { vec![&mut pod.requests, &mut pod.held] } else { vec![&mut pod.requests] };
            for amounts in amounts {
                amounts.cpu = amounts.cpu.saturating_add(more_cpu).max(0);
                amounts.memory = amounts.memory.saturating_add(more_memory).max(0);
            }
            let container = &mut Arc::make_mut(&mut pod.spec).containers[at];
            (container.cpu, container.memory) = (cpu, memory);
        }
        if !is_there {
            let wrong = format!("{} has no container {}", row.workload, row.container);
            return Err(PremiseError::new(wrong, known));
        }
    }
    Ok((changed > 0).then(|| format!("pods that still ask for other amounts: {changed}")))
}
