//! OptimizationProfile: the same rules in every dialect, some with a meaning that had to be chosen.

use serde_json::Value;

use super::taken::Taken;

/// Ours as it is: whatever it does not know, lint says.
pub(super) fn spec(taken: &mut Taken) -> Value {
    let spec = taken.whole("spec");
    for (at, rule) in spec["rules"].as_array().into_iter().flatten().enumerate() {
        let mut note = |field: &str, message: &str| {
            if !rule[field].is_null() {
                taken.note(format!("spec.rules[{at}].{field}"), message);
            }
        };
        note("maxNodesPerDeployment", "means here: a wave takes pods of one workload from at most so many nodes");
        note("errorThreshold", "means here: the percentage of moved pods that may restart or not become ready");
    }
    spec
}
