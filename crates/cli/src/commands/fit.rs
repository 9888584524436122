//! `plimsoll fit`: for every pod, the nodes that would take it.

use std::io::Write;

use engine::{Cluster, PodFit};
use model::Snapshot;

use crate::args::{FitArgs, Format};
use crate::failure::{Exit, Failure};
use crate::input;
use crate::output::Output;
use crate::render::grid::{Cell, Column, Grid};
use crate::scope::Scope;

/// Runs it.
pub fn run(args: &FitArgs, out: &mut Output) -> Result<Exit, Failure> {
    let snapshot = input::snapshot(&args.input)?;
    let cluster = Cluster::new(&snapshot);
    let scope = args.scope.scope();
    match args.output {
        Format::Json => json(&snapshot, &cluster, &scope, out)?,
        format => grid(&snapshot, &cluster, &scope).write(out, format)?,
    }
    Ok(Exit::Done)
}

fn rows<'a>(snapshot: &'a Snapshot, cluster: &'a Cluster<'a>, scope: &'a Scope) -> impl Iterator<Item = PodFit> + 'a {
    engine::fit(cluster).filter(|fit| {
        let pod = &snapshot.pods[fit.pod];
        scope.contains(&pod.namespace, &pod.labels)
    })
}

/// `{"namespace/pod": ["node", …], …}`, a pod a line, written as it is found: the whole would be larger than the cluster.
fn json(snapshot: &Snapshot, cluster: &Cluster<'_>, scope: &Scope, out: &mut Output) -> Result<(), Failure> {
    let names: Vec<String> =
        snapshot.nodes.iter().map(|node| serde_json::to_string(&*node.name)).collect::<Result<_, _>>()?;
    out.write_all(b"{")?;
    for (at, fit) in rows(snapshot, cluster, scope).enumerate() {
        out.write_all(if at == 0 { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut *out, &snapshot.pods[fit.pod].key())?;
        out.write_all(b": [")?;
        for (place, node) in fit.nodes.iter().enumerate() {
            if place > 0 {
                out.write_all(b", ")?;
            }
            out.write_all(names[node].as_bytes())?;
        }
        out.write_all(b"]")?;
    }
    out.write_all(b"\n}\n")?;
    Ok(())
}

fn grid(snapshot: &Snapshot, cluster: &Cluster<'_>, scope: &Scope) -> Grid {
    let mut grid = Grid::new(&[
        Column::words("NAMESPACE"),
        Column::words("POD"),
        Column::words("NODE"),
        Column::numbers("NODES THAT FIT"),
        Column::numbers("OF"),
    ]);
    for fit in rows(snapshot, cluster, scope) {
        let pod = &snapshot.pods[fit.pod];
        grid.row(vec![
            pod.namespace.to_string().into(),
            pod.name.to_string().into(),
            Cell::or_none(pod.node.as_ref().map(ToString::to_string)),
            fit.nodes.len().to_string().into(),
            snapshot.nodes.len().to_string().into(),
        ]);
    }
    grid
}
