//! LimitRange and ResourceQuota.

use model::limits::{LimitRange, Range, ResourceQuota};

use super::Unreadable;
use super::quantities::{Amounts, amounts};
use crate::intern::Interner;
use crate::wire;

/// Scopes of a quota that pods with requests are within, whatever else they are.
const EVERYDAY_SCOPES: [&str; 2] = ["NotBestEffort", "NotTerminating"];

pub(crate) fn limit_range(wire: &wire::policy::LimitRange, interner: &Interner) -> Result<LimitRange, Unreadable> {
    let mut containers = [Range::default(); 2];
    for (at, item) in wire.spec.limits.iter().enumerate().filter(|(_, item)| item.r#type == "Container") {
        let read = |list, field: &str| amounts(list, || format!("spec.limits[{at}].{field}"));
        let (min, max) = (read(&item.min, "min")?, read(&item.max, "max")?);
        let ratio = read(&item.max_limit_request_ratio, "maxLimitRequestRatio")?;
        for (range, resource) in containers.iter_mut().zip(["cpu", "memory"]) {
            // Of several the strictest holds.
            range.least = range.least.max(whole(&min, resource));
            range.most = [range.most, whole(&max, resource)].into_iter().flatten().min();
            let ratio = ratio.get(resource).map(|ratio| ratio.milli_value() as f64 / 1_000.0);
            range.limit_to_request = [range.limit_to_request, ratio].into_iter().flatten().reduce(f64::min);
        }
    }
    let (namespace, name) = (interner.name(&wire.metadata.namespace), interner.name(&wire.metadata.name));
    Ok(LimitRange { namespace, name, containers })
}

pub(crate) fn quota(wire: &wire::policy::ResourceQuota, interner: &Interner) -> Result<ResourceQuota, Unreadable> {
    let hard = amounts(&wire.spec.hard, || "spec.hard".to_owned())?;
    let used = amounts(&wire.status.used, || "status.used".to_owned())?;
    let is_of_some = wire.spec.scope_selector.is_some()
        || wire.spec.scopes.iter().any(|scope| !EVERYDAY_SCOPES.contains(&scope.as_str()));
    // `cpu` is another name of `requests.cpu`; where both are there both hold.
    let room = [["requests.cpu", "cpu"], ["requests.memory", "memory"]].map(|names| {
        let room = |name: &&str| Some(whole(&hard, name)?.saturating_sub(whole(&used, name)?).max(0));
        names.iter().filter_map(room).min().filter(|_| !is_of_some)
    });
    let (namespace, name) = (interner.name(&wire.metadata.namespace), interner.name(&wire.metadata.name));
    Ok(ResourceQuota { namespace, name, room })
}

/// Millicores or bytes.
fn whole(amounts: &Amounts, resource: &str) -> Option<i64> {
    let amount = amounts.get(resource)?;
    Some(if resource.ends_with("cpu") { amount.milli_value() } else { amount.value() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_strictest_of_a_limit_range_holds() {
        let wire = json!({"metadata": {"namespace": "shop", "name": "limits"}, "spec": {"limits": [
            {"type": "Container", "min": {"cpu": "50m"}, "max": {"cpu": "2", "memory": "1Gi"}},
            {"type": "Container", "min": {"cpu": "100m"}, "max": {"cpu": "1"}, "maxLimitRequestRatio": {"cpu": "2.5"}},
            {"type": "Pod", "max": {"cpu": "1m"}},
        ]}});
        let range = limit_range(&serde_json::from_value(wire).unwrap(), &Interner::default()).unwrap();
        let cpu = Range { least: Some(100), most: Some(1_000), limit_to_request: Some(2.5) };
        assert_eq!(range.containers, [cpu, Range { most: Some(1 << 30), ..Range::default() }]);
    }

    #[test]
    fn a_quota_leaves_what_nobody_uses_and_says_nothing_of_what_nobody_counted() {
        let read = |spec, used| {
            let wire = json!({"metadata": {"namespace": "shop", "name": "q"}, "spec": spec, "status": {"used": used}});
            quota(&serde_json::from_value(wire).unwrap(), &Interner::default()).unwrap().room
        };
        let hard = json!({"requests.cpu": "4", "cpu": "3", "memory": "2Gi"});
        let used = json!({"requests.cpu": "1500m", "cpu": "1500m", "memory": "3Gi"});
        assert_eq!(read(json!({"hard": hard}), used.clone()), [Some(1_500), Some(0)]);
        assert_eq!(read(json!({"hard": hard}), json!({})), [None, None]);
        assert_eq!(read(json!({"hard": hard, "scopes": ["NotTerminating"]}), used.clone()), [Some(1_500), Some(0)]);
        assert_eq!(read(json!({"hard": hard, "scopes": ["BestEffort"]}), used.clone()), [None, None]);
        let of_a_class = json!({"matchExpressions": [{"scopeName": "PriorityClass", "operator": "Exists"}]});
        assert_eq!(read(json!({"hard": hard, "scopeSelector": of_a_class}), used), [None, None]);
    }
}
