//! Events on the objects that something happens to: the audit that needs no database.

use act::Refusal;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use tracing::{debug, info};

use crate::context::Context;

/// Publishes events.
pub struct Events {
    recorder: Recorder,
}

/// What an event is about.
pub enum Subject<'s> {
    Plan(&'s str),
    Config(&'s str),
    Node(&'s str),
    Pod { namespace: &'s str, name: &'s str, uid: &'s str },
    Policy { namespace: &'s str, name: &'s str },
    Recommendation { namespace: &'s str, name: &'s str },
}

impl Events {
    pub fn new(client: &Client, identity: &str) -> Events {
        let reporter = Reporter { controller: "plimsoll-operator".to_owned(), instance: Some(identity.to_owned()) };
        Events { recorder: Recorder::new(client.clone(), reporter) }
    }
}

/// Writes down what happens, in the log and on the object. Where the API server takes no event the log has it.
pub async fn tell(context: &Context, subject: Subject<'_>, kind: EventType, reason: &str, note: String) {
    let (event, reference) = event(&subject, kind, reason, note);
    let written = context.cluster.write(context.events.recorder.publish(&event, &reference)).await;
    look_at(written);
}

/// The same, once nothing else has to be written: for what nobody waits for.
pub async fn tell_aside(context: &Context, subject: Subject<'_>, kind: EventType, reason: &str, note: String) {
    let (event, reference) = event(&subject, kind, reason, note);
    let written = context.cluster.write_aside(context.events.recorder.publish(&event, &reference)).await;
    look_at(written);
}

fn event(subject: &Subject<'_>, kind: EventType, reason: &str, note: String) -> (Event, ObjectReference) {
    /// The API server takes a note of a kilobyte.
    const LONGEST: usize = 1_000;
    info!(object = %subject.words(), reason, "{note}");
    let note: String = note.chars().take(LONGEST).collect();
    let event =
        Event { type_: kind, reason: reason.to_owned(), note: Some(note), action: reason.to_owned(), secondary: None };
    (event, subject.reference())
}

fn look_at(written: Result<(), Refusal>) {
    if let Err(refusal) = written {
        debug!(problem = %refusal.in_words(), "event not written");
    }
}

impl Subject<'_> {
    fn reference(&self) -> ObjectReference {
        let text = |text: &str| Some(text.to_owned());
        let of = |version: &str, kind: &str, name: &str| ObjectReference {
            api_version: text(version),
            kind: text(kind),
            name: text(name),
            ..ObjectReference::default()
        };
        match self {
            Subject::Plan(name) => of(crds::API_VERSION, "MigrationPlan", name),
            Subject::Config(name) => of(crds::API_VERSION, "OptimizationConfig", name),
            Subject::Node(name) => of("v1", "Node", name),
            Subject::Policy { namespace, name } => {
                ObjectReference { namespace: text(namespace), ..of(crds::API_VERSION, "OptimizationPolicy", name) }
            }
            Subject::Recommendation { namespace, name } => ObjectReference {
                namespace: text(namespace),
                ..of(crds::API_VERSION, "OptimizationRecommendation", name)
            },
            Subject::Pod { namespace, name, uid } => {
                ObjectReference { namespace: text(namespace), uid: text(uid), ..of("v1", "Pod", name) }
            }
        }
    }

    fn words(&self) -> String {
        match self {
            Subject::Plan(name) => format!("plan {name}"),
            Subject::Config(name) => format!("config {name}"),
            Subject::Node(name) => format!("node {name}"),
            Subject::Policy { namespace, name } => format!("policy {namespace}/{name}"),
            Subject::Recommendation { namespace, name } => format!("recommendation {namespace}/{name}"),
            Subject::Pod { namespace, name, .. } => format!("pod {namespace}/{name}"),
        }
    }
}
