//! What the constraints cost, and the change that would lift each.

use model::{ConstraintCost, PatchKind, SavingBasis};

use crate::render::grid::{Cell, Column, Grid};
use crate::render::text::clean;

/// Above the table.
pub const HEADING: &str = "What constraints cost, each lifted alone and planned again:";

/// Dearest first.
pub fn grid(costs: &[ConstraintCost]) -> Grid {
    let mut grid = Grid::new(&[
        Column::numbers("$/MONTH"),
        Column::numbers("NODES"),
        Column::words("CONSTRAINT OF"),
        Column::words("WHAT").wide(),
        Column::words("CHANGE"),
        Column::words("FOUND BY"),
        Column::words("COMMAND").wide(),
    ]);
    for cost in costs {
        grid.row(vec![
            Cell::month(Some(cost.usd_per_hour)),
            cost.nodes.to_string().into(),
            cost.object.to_string().into(),
            cost.kind.as_str().into(),
            cost.change.clone().into(),
            basis(cost.basis).to_owned().into(),
            Cell::or_none(command(cost)),
        ]);
    }
    grid
}

fn basis(basis: SavingBasis) -> &'static str {
    match basis {
        SavingBasis::PlannedAnew => "a new plan",
        SavingBasis::PlannedOn => "planning on",
        SavingBasis::Bound => "an estimate: the bound falls",
    }
}

/// The change as a command, for a reviewer to read before anybody types it.
pub fn command(cost: &ConstraintCost) -> Option<String> {
    let patch = cost.patch.as_ref()?;
    let text = quoted(&patch.text);
    if patch.kind == PatchKind::Apply {
        return Some(format!("kubectl apply -f - <<< {text}"));
    }
    let kind = if patch.kind == PatchKind::Json { "json" } else { "merge" };
    let object = &cost.object;
    let namespace =
        if object.namespace.is_empty() { String::new() } else { format!(" -n {}", quoted(&object.namespace)) };
    let of = format!("{} {}", quoted(&object.kind.to_lowercase()), quoted(&object.name));
    Some(format!("kubectl patch {of}{namespace} --type {kind} -p {text}"))
}

/// One word for a shell, whatever it holds.
fn quoted(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | '_' | '/');
    let text = clean(text);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.into_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use model::{ConstraintKind, ObjectRef, Patch, UsdPerHour};

    use super::*;

    #[test]
    fn a_name_cannot_leave_its_word() {
        let cost = ConstraintCost {
            kind: ConstraintKind::PodAnnotation,
            object: ObjectRef { kind: "Deployment".into(), namespace: "web".into(), name: "a'; rm -rf $HOME".into() },
            usd_per_hour: UsdPerHour::from_nanos(1),
            nodes: 1,
            basis: SavingBasis::PlannedAnew,
            change: String::new(),
            patch: Some(Patch { kind: PatchKind::Merge, text: r#"{"a":"it's"}"#.to_owned() }),
        };
        assert_eq!(
            command(&cost).unwrap(),
            r#"kubectl patch deployment 'a'\''; rm -rf $HOME' -n web --type merge -p '{"a":"it'\''s"}'"#
        );
    }
}
