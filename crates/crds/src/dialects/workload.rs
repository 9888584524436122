//! WorkloadProfile: the same fields in every dialect.

use serde_json::Value;

use super::taken::Taken;

/// Ours as it is: whatever it does not know, lint says.
pub(super) fn spec(taken: &mut Taken) -> Value {
    let spec = taken.whole("spec");
    if spec["selector"].is_null() {
        taken.note("spec.selector", "names none, so that the workload of the profile's own name is meant");
    }
    spec
}
