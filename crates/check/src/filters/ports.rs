//! NodePorts: a host port that another pod on the node has.

use model::Pod;

use crate::rule::{Rejection, Rule};
use crate::state::State;

pub(super) fn rejects(state: &State, pod: &Pod, node: usize) -> Option<Rejection> {
    if pod.spec.host_ports.is_empty() {
        return None;
    }
    for other in &state.nodes[node].pods {
        let other = &state.pods[*other].pod;
        for taken in &other.spec.host_ports {
            if pod.spec.host_ports.iter().any(|port| port.port > 0 && port.conflicts(taken)) {
                let detail = format!("host port {}/{} is taken by {}", taken.port, taken.protocol, other.key());
                return Some(Rejection::new(Rule::NodePorts, detail));
            }
        }
    }
    None
}
