//! What a finding is about, as an object reference.

use model::{Subject as Meant, WorkloadRef};

use super::resource::Subject;

impl From<&Meant> for Subject {
    fn from(subject: &Meant) -> Subject {
        let reference =
            |kind: &str| Subject { kind: kind.to_owned(), namespace: "".into(), name: "".into(), source: None };
        match subject {
            Meant::Cluster => reference("Cluster"),
            Meant::Node(name) => Subject { name: name.clone(), ..reference("Node") },
            Meant::Pod { namespace, name } => {
                Subject { namespace: namespace.clone(), name: name.clone(), ..reference("Pod") }
            }
            Meant::Workload(workload) => Subject {
                namespace: workload.namespace.clone(),
                name: workload.name.clone(),
                ..reference(&workload.kind)
            },
            Meant::Object { kind, name, source } => {
                Subject { name: name.as_str().into(), source: Some(source.clone()), ..reference(kind) }
            }
        }
    }
}

impl From<Subject> for Meant {
    fn from(subject: Subject) -> Meant {
        let Subject { kind, namespace, name, source } = subject;
        match (kind.as_str(), source) {
            (_, Some(source)) => Meant::Object { kind, name: name.to_string(), source },
            ("Cluster", None) if namespace.is_empty() && name.is_empty() => Meant::Cluster,
            ("Node", None) if namespace.is_empty() => Meant::Node(name),
            ("Pod", None) => Meant::Pod { namespace, name },
            _ => Meant::Workload(WorkloadRef { kind: kind.into(), namespace, name }),
        }
    }
}
