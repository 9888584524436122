//! `plimsoll rightsize`: what containers should ask for, by what they use. It touches nothing.

mod document;
mod manifests;
mod picture;
mod table;

use std::path::Path;

use engine::rightsizing::{ContainerAdvice, sort_by_urgency};
use model::{Labels, Snapshot, WorkloadRef};

use crate::args::{RightsizeArgs, RightsizeFormat};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::render::document::json;
use crate::scope::Scope;
use crate::{input, usage};

/// Runs it.
pub fn run(mut args: RightsizeArgs, out: &mut Output) -> Result<Exit, Failure> {
    swallowed_workload(&mut args);
    let snapshot = input::snapshot(&args.input)?;
    if !snapshot.has("Pod") {
        let failure = Failure::cannot_judge("cannot say what containers ask for: there is no complete list of Pods");
        return Err(failure.hint(format!("a dump is made by: {}", input::dump_command())));
    }
    let prices = input::prices(&snapshot, &args.prices)?;
    let used = usage::used(&args.usage, args.scope.namespace.as_deref())?;
    let mut advice = usage::advise(&args.usage, &snapshot, &prices, &used)?;
    let scope = args.scope.scope();
    advice.retain(|container| is_meant(&snapshot, &scope, &container.workload));
    if let Some(name) = &args.workload {
        let known: Vec<String> = advice.iter().map(|container| container.workload.to_string()).collect();
        advice.retain(|container| is_called(&container.workload, name));
        if advice.is_empty() {
            return Err(no_such(name, known));
        }
    }
    sort_by_urgency(&mut advice);
    write(&args, &advice, out)?;
    Ok(Exit::Done)
}

fn write(args: &RightsizeArgs, advice: &[ContainerAdvice], out: &mut Output) -> Result<(), Failure> {
    match args.output {
        RightsizeFormat::Json => json(out, &document::documents(advice)),
        RightsizeFormat::Patch => manifests::patches(advice, out),
        RightsizeFormat::Kustomize => manifests::kustomization(advice, out),
        RightsizeFormat::HelmValues => manifests::helm_values(advice, out),
        RightsizeFormat::Table | RightsizeFormat::Wide if args.workload.is_some() => picture::write(advice, out),
        format => table::write(advice, format, out),
    }
}

/// `rightsize --from dump.json deploy/web`: the list of `--from` has taken the workload.
fn swallowed_workload(args: &mut RightsizeArgs) {
    let is_a_path = |path: &Path| path.exists() || path.as_os_str() == "-";
    if args.workload.is_none()
        && args.input.from.len() > 1
        && let Some(last) = args.input.from.pop_if(|last| !is_a_path(last))
    {
        args.workload = Some(last.display().to_string());
    }
}

fn is_meant(snapshot: &Snapshot, scope: &Scope, workload: &WorkloadRef) -> bool {
    let is_it = |reference: &WorkloadRef| reference == workload;
    let at = snapshot.workloads.iter().position(|workload| is_it(&workload.reference));
    let mut pods = snapshot.pods.iter().filter(|pod| at.is_some() && pod.workload.map(|at| at as usize) == at);
    match &scope.selector {
        None => scope.contains(&workload.namespace, &Labels::default()),
        Some(_) => pods.any(|pod| scope.contains(&pod.namespace, &pod.labels)),
    }
}

/// `deploy/web`, `Deployment/web`, `web`: as kubectl takes it.
fn is_called(workload: &WorkloadRef, name: &str) -> bool {
    match name.split_once('/') {
        None => *workload.name == *name,
        Some((kind, name)) => *workload.name == *name && is_kind(&workload.kind, kind),
    }
}

fn is_kind(kind: &str, given: &str) -> bool {
    let (kind, given) = (kind.to_ascii_lowercase(), given.to_ascii_lowercase());
    let short = match &*kind {
        "deployment" => "deploy",
        "statefulset" => "sts",
        "daemonset" => "ds",
        "replicaset" => "rs",
        "cronjob" => "cj",
        _ => "",
    };
    given == kind || given == short || given.strip_suffix('s') == Some(&kind)
}

fn no_such(name: &str, mut known: Vec<String>) -> Failure {
    const SHOWN: usize = 8;
    known.dedup();
    let failure = Failure::new(format!("there is no workload {name} with pods"));
    if known.is_empty() {
        return failure.hint("no workload has pods where -n and -l look");
    }
    let more = if known.len() > SHOWN { format!(" and {} more", known.len() - SHOWN) } else { String::new() };
    known.truncate(SHOWN);
    failure.hint(format!("there is {}{more}", known.join(", ")))
}
