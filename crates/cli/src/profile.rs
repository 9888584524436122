//! The limits of a plan: those of the threshold, the profile's before them, and the flags' before both.

use std::path::Path;

use crds::OptimizationProfileSpec;
use model::Policy;

use crate::args::PolicyArgs;
use crate::failure::Failure;
use crate::manifests;

/// The limits that these flags ask for.
pub fn policy(args: &PolicyArgs) -> Result<Policy, Failure> {
    policy_and_profile(args).map(|(policy, _)| policy)
}

/// The same, and the profile, where there is one.
pub fn policy_and_profile(args: &PolicyArgs) -> Result<(Policy, Option<OptimizationProfileSpec>), Failure> {
    let threshold = args.threshold();
    let Some(path) = &args.profile else { return Ok((args.override_limits(threshold), None)) };
    let profile = read(path)?;
    Ok((args.override_limits(profile.limit(threshold)), Some(profile)))
}

/// The one profile in a file, which may hold other kinds beside it.
fn read(path: &Path) -> Result<OptimizationProfileSpec, Failure> {
    let failed = |why: String| Failure::new(format!("cannot use the profile {}: {why}", path.display()));
    let objects = manifests::documents(path)?.1.map_err(|error| failed(error.to_string()))?;
    let mut profiles = objects.into_iter().filter(|object| object["kind"] == "OptimizationProfile");
    let Some(profile) = profiles.next() else { return Err(failed("there is no OptimizationProfile in it".to_owned())) };
    if profiles.next().is_some() {
        return Err(failed("there are several in it".to_owned()).hint("give each a file of its own"));
    }
    let wrong = crds::lint(&profile);
    if let Some(first) = wrong.first() {
        let others = if wrong.len() > 1 { format!(" (and {} more)", wrong.len() - 1) } else { String::new() };
        return Err(failed(format!("{first}{others}")).hint(format!("plimsoll lint {}", path.display())));
    }
    let spec: OptimizationProfileSpec = serde_json::from_value(profile["spec"].clone())?;
    Ok(spec)
}
