//! From the model's plan to the resource and back, without loss.

use model::{
    AddedNode as MeantNode, BoundCertificate, CapacityType, Finding as MeantFinding, FindingCode, Landing, Method,
    Migration as Step, NodePrices, Plan, PlannedNodes, Risk, Severity, Summary as Figures, Time, WorkloadRef,
};

use super::constraint::Constraint;
use super::error::PlanError;
use super::money::usd_per_hour;
use super::resource::{
    AddedNode, Bound, Finding, Migration, MigrationPlan, MigrationPlanSpec, NodeClass, Nodes, OnePerNode, PodReference,
    SnapshotReference, Summary, WorkloadReference,
};
use super::{ROLLING_DRAIN, check_figures, rollback};
use crate::read::shown;

impl From<&Plan> for MigrationPlan {
    fn from(plan: &Plan) -> MigrationPlan {
        let spec = MigrationPlanSpec {
            snapshot: Some(SnapshotReference {
                cluster: plan.cluster.clone(),
                taken_at: plan.taken_at.to_string(),
                digest: plan.digest.clone(),
            }),
            strategy: ROLLING_DRAIN.to_owned(),
            migrations: plan.migrations.iter().map(Migration::from).collect(),
            nodes: Nodes {
                remove: plan.nodes.remove.clone(),
                add: plan.nodes.add.iter().map(AddedNode::from).collect(),
            },
            summary: Some(Summary { placement_hints: Some(plan.placement_hints()), ..Summary::from(&plan.summary) }),
            bound: plan.bound.as_ref().map(Bound::from),
            findings: plan.findings.iter().map(Finding::from).collect(),
            constraints: plan.constraints.iter().map(Constraint::from).collect(),
            rollback: rollback::rollback(plan),
            approved: false,
            approved_by: String::new(),
        };
        MigrationPlan::new(&plan.name, spec)
    }
}

impl From<&Step> for Migration {
    fn from(step: &Step) -> Migration {
        Migration {
            wave: step.wave,
            pod: Some(PodReference {
                namespace: step.namespace.clone(),
                name: step.pod.clone(),
                uid: step.uid.clone(),
            }),
            workload: (&step.workload).into(),
            from_node: step.from_node.clone(),
            to_node: step.to_node.clone(),
            method: method_name(step.method).to_owned(),
            landing: landing_name(step.landing).to_owned(),
            risk: risk_name(step.risk).to_owned(),
            risk_reasons: step.risk_reasons.clone(),
            reason: step.reason.clone(),
        }
    }
}

impl From<&WorkloadRef> for WorkloadReference {
    fn from(workload: &WorkloadRef) -> WorkloadReference {
        let WorkloadRef { kind, namespace, name } = workload.clone();
        WorkloadReference { kind, namespace, name }
    }
}

impl From<WorkloadReference> for WorkloadRef {
    fn from(workload: WorkloadReference) -> WorkloadRef {
        let WorkloadReference { kind, namespace, name } = workload;
        WorkloadRef { kind, namespace, name }
    }
}

impl From<&MeantNode> for AddedNode {
    fn from(added: &MeantNode) -> AddedNode {
        AddedNode {
            name: added.node.name.clone(),
            instance_type: added.instance_type.clone(),
            capacity_type: added.capacity_type.as_str().to_owned(),
            zone: added.zone.clone(),
            usd_per_hour: added.usd_per_hour.dollars(),
            node: (&added.node).into(),
        }
    }
}

impl From<&Figures> for Summary {
    fn from(figures: &Figures) -> Summary {
        Summary {
            usd_per_hour_before: figures.usd_per_hour_before.dollars(),
            usd_per_hour_after: figures.usd_per_hour_after.dollars(),
            usd_per_hour_lower_bound: figures.usd_per_hour_lower_bound.map(|bound| bound.dollars()),
            gap: figures.gap(),
            usd_per_month_saved: figures.saved().dollars_per_month(),
            nodes_before: figures.nodes_before,
            nodes_after: figures.nodes_after,
            nodes_unpriced: figures.nodes_unpriced,
            migrations: figures.migrations,
            waves: figures.waves,
            minutes_expected: figures.minutes_expected,
            placement_hints: None,
        }
    }
}

impl From<&BoundCertificate> for Bound {
    fn from(bound: &BoundCertificate) -> Bound {
        Bound {
            usd_per_hour: bound.usd_per_hour.dollars(),
            classes: bound.classes.iter().map(NodeClass::from).collect(),
            offers: bound.offers.iter().map(NodeClass::from).collect(),
        }
    }
}

impl From<&NodePrices> for NodeClass {
    fn from(class: &NodePrices) -> NodeClass {
        let one_per_node = class.one_per_node.iter();
        let place =
            |(workload, price): &(WorkloadRef, f64)| OnePerNode { workload: workload.into(), usd_per_hour: *price };
        NodeClass {
            usd_per_hour: class.usd_per_hour.iter().cloned().collect(),
            one_per_node: one_per_node.map(place).collect(),
            nodes: class.nodes.clone(),
        }
    }
}

impl From<NodeClass> for NodePrices {
    fn from(class: NodeClass) -> NodePrices {
        let one_per_node = class.one_per_node.into_iter();
        NodePrices {
            nodes: class.nodes,
            usd_per_hour: class.usd_per_hour.into_iter().collect(),
            one_per_node: one_per_node.map(|one| (one.workload.into(), one.usd_per_hour)).collect(),
        }
    }
}

impl From<&MeantFinding> for Finding {
    fn from(finding: &MeantFinding) -> Finding {
        Finding {
            code: finding.code.as_str(),
            severity: severity_name(finding.severity).to_owned(),
            subject: (&finding.subject).into(),
            message: finding.message.clone(),
            count: finding.count,
            usd_per_hour: finding.usd_per_hour.map(|cost| cost.dollars()),
            hint: finding.hint.clone(),
        }
    }
}

impl TryFrom<MigrationPlan> for Plan {
    type Error = PlanError;

    fn try_from(resource: MigrationPlan) -> Result<Plan, PlanError> {
        let MigrationPlanSpec { snapshot, strategy, migrations, nodes, summary, bound, findings, constraints, .. } =
            resource.spec;
        if strategy != ROLLING_DRAIN {
            let wrong = format!("{:?} is not known, expected {ROLLING_DRAIN}", shown(&strategy));
            return Err(PlanError::field("spec.strategy", wrong));
        }
        let add = nodes.add.into_iter().enumerate();
        let (snapshot, summary) = (whole(snapshot, "spec.snapshot")?, whole(summary, "spec.summary")?);
        let figures = figures(&summary)?;
        check_figures::check(&figures, &summary)?;
        let plan = Plan {
            name: whole(resource.metadata.name, "metadata.name")?,
            cluster: snapshot.cluster,
            taken_at: time(&snapshot.taken_at, "spec.snapshot.takenAt")?,
            digest: snapshot.digest,
            migrations: migrations
                .into_iter()
                .enumerate()
                .map(|(at, migration)| step(at, migration))
                .collect::<Result<_, _>>()?,
            nodes: PlannedNodes {
                remove: nodes.remove,
                add: add.map(|(at, node)| added(at, node)).collect::<Result<_, _>>()?,
            },
            summary: figures,
            bound: bound.map(certificate).transpose()?,
            findings: findings
                .into_iter()
                .enumerate()
                .map(|(at, written)| finding(at, written))
                .collect::<Result<_, _>>()?,
            constraints: constraints
                .into_iter()
                .enumerate()
                .map(|(at, written)| written.cost(&format!("spec.constraints[{at}]")))
                .collect::<Result<_, _>>()?,
        };
        check_figures::check_hints(&plan, summary.placement_hints)?;
        Ok(plan)
    }
}

fn step(at: usize, migration: Migration) -> Result<Step, PlanError> {
    let Migration { wave, pod, workload, from_node, to_node, method, landing, risk, risk_reasons, reason } = migration;
    let field = |name: &str| format!("spec.migrations[{at}].{name}");
    let pod = whole(pod, &field("pod"))?;
    let method = one_of([Method::Evict, Method::Surge], method_name, &method, || field("method"))?;
    let landings = [Landing::Only, Landing::First, Landing::Tied, Landing::Elsewhere, Landing::Unknown];
    let landing = one_of(landings, landing_name, &landing, || field("landing"))?;
    let risk = one_of([Risk::Low, Risk::Medium, Risk::High], risk_name, &risk, || field("risk"))?;
    Ok(Step {
        wave,
        namespace: pod.namespace,
        pod: pod.name,
        uid: pod.uid,
        workload: workload.into(),
        from_node,
        to_node,
        method,
        landing,
        risk,
        risk_reasons,
        reason,
    })
}

fn added(at: usize, added: AddedNode) -> Result<MeantNode, PlanError> {
    let field = |name: &str| format!("spec.nodes.add[{at}].{name}");
    let node = added.node.to_node(&field("node"))?;
    if node.name != added.name {
        let wrong = format!("is {:?} where node.metadata.name is {:?}", shown(&added.name), shown(&node.name));
        return Err(PlanError::field(field("name"), wrong));
    }
    let kinds = [CapacityType::OnDemand, CapacityType::Spot];
    Ok(MeantNode {
        instance_type: added.instance_type,
        capacity_type: one_of(kinds, CapacityType::as_str, &added.capacity_type, || field("capacityType"))?,
        zone: added.zone,
        usd_per_hour: usd_per_hour(added.usd_per_hour, || field("usdPerHour"))?,
        node,
    })
}

fn figures(summary: &Summary) -> Result<Figures, PlanError> {
    let money = |dollars: f64, name: &str| usd_per_hour(dollars, || format!("spec.summary.{name}"));
    let bound = summary.usd_per_hour_lower_bound;
    Ok(Figures {
        usd_per_hour_before: money(summary.usd_per_hour_before, "usdPerHourBefore")?,
        usd_per_hour_after: money(summary.usd_per_hour_after, "usdPerHourAfter")?,
        usd_per_hour_lower_bound: bound.map(|bound| money(bound, "usdPerHourLowerBound")).transpose()?,
        nodes_before: summary.nodes_before,
        nodes_after: summary.nodes_after,
        nodes_unpriced: summary.nodes_unpriced,
        migrations: summary.migrations,
        waves: summary.waves,
        minutes_expected: summary.minutes_expected,
    })
}

fn certificate(bound: Bound) -> Result<BoundCertificate, PlanError> {
    Ok(BoundCertificate {
        usd_per_hour: usd_per_hour(bound.usd_per_hour, || "spec.bound.usdPerHour".to_owned())?,
        classes: bound.classes.into_iter().map(NodePrices::from).collect(),
        offers: bound.offers.into_iter().map(NodePrices::from).collect(),
    })
}

fn finding(at: usize, finding: Finding) -> Result<MeantFinding, PlanError> {
    let field = |name: &str| format!("spec.findings[{at}].{name}");
    let code = FindingCode::parse(&finding.code)
        .ok_or_else(|| PlanError::field(field("code"), format!("{:?} is not known", shown(&finding.code))))?;
    let severities = [Severity::Info, Severity::Warning, Severity::Error];
    let cost = finding.usd_per_hour;
    Ok(MeantFinding {
        code,
        severity: one_of(severities, severity_name, &finding.severity, || field("severity"))?,
        subject: finding.subject.into(),
        message: finding.message,
        usd_per_hour: cost.map(|cost| usd_per_hour(cost, || field("usdPerHour"))).transpose()?,
        count: finding.count,
        hint: finding.hint,
    })
}

/// What only a draft may leave out.
fn whole<T>(part: Option<T>, field: &str) -> Result<T, PlanError> {
    part.ok_or_else(|| PlanError::field(field, "is missing: this is a draft, and plimsoll simulate makes whole plans"))
}

/// A moment in RFC 3339.
pub(super) fn time(text: &str, field: &str) -> Result<Time, PlanError> {
    let parsed: Result<jiff::Timestamp, _> = text.parse();
    let moment = parsed.map_err(|_| {
        PlanError::field(field, format!("{:?} is no moment in RFC 3339, such as 2026-11-21T10:00:00Z", shown(text)))
    })?;
    Ok(Time(moment.as_second()))
}

/// The one of these choices that has this name.
pub(super) fn one_of<T: Copy, const N: usize>(
    choices: [T; N],
    name_of: impl Fn(T) -> &'static str,
    written: &str,
    field: impl FnOnce() -> String,
) -> Result<T, PlanError> {
    choices.into_iter().find(|choice| name_of(*choice) == written).ok_or_else(|| {
        let names: Vec<_> = choices.into_iter().map(name_of).collect();
        PlanError::field(field(), format!("{:?} is none of {}", shown(written), names.join(", ")))
    })
}

fn method_name(method: Method) -> &'static str {
    match method {
        Method::Evict => "evict",
        Method::Surge => "surge",
    }
}

fn landing_name(landing: Landing) -> &'static str {
    match landing {
        Landing::Only => "only",
        Landing::First => "first",
        Landing::Tied => "tied",
        Landing::Elsewhere => "elsewhere",
        Landing::Unknown => "unknown",
    }
}

/// A risk as the resource names it.
fn risk_name(risk: Risk) -> &'static str {
    match risk {
        Risk::Low => "low",
        Risk::Medium => "medium",
        Risk::High => "high",
    }
}

/// A severity as the resource names it.
fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}
