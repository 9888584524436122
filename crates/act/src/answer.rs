//! What the API server's refusals mean for whoever writes.

use std::time::Duration;

use kube::core::Status;

/// The eviction API's words for pods under several budgets, which come with the status of a broken server
/// (k8s.io/kubernetes/pkg/registry/core/pod/storage/eviction.go).
const SEVERAL_BUDGETS: &str = "more than one PodDisruptionBudget";
/// The cause by which a refusal of a budget differs from throttling.
const BUDGET: &str = "DisruptionBudget";
/// The wait where a busy server names none.
const SHORT_WAIT: Duration = Duration::from_secs(1);

/// Why a request was not granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The object is gone.
    Gone,
    /// It is another one by now, or has changed.
    Changed,
    /// A budget allows no disruption now.
    Budget(String),
    /// The server is busy: ask again after this.
    Busy(Duration, String),
    /// It will not be granted however often it is asked.
    Final(String),
}

impl Refusal {
    /// From the client's error.
    pub fn of(error: &kube::Error) -> Refusal {
        match error {
            kube::Error::Api(status) => Refusal::of_status(status),
            other => Refusal::Busy(SHORT_WAIT, other.to_string()),
        }
    }

    fn of_status(status: &Status) -> Refusal {
        let message = status.message.clone();
        let details = status.details.as_ref();
        let wait = details.map_or(0, |details| details.retry_after_seconds);
        let wait = if wait == 0 { SHORT_WAIT } else { Duration::from_secs(u64::from(wait)) };
        match status.code {
            404 => Refusal::Gone,
            409 => Refusal::Changed,
            429 if details.is_some_and(|details| details.causes.iter().any(|cause| cause.reason == BUDGET)) => {
                Refusal::Budget(message)
            }
            500 if message.contains(SEVERAL_BUDGETS) => Refusal::Final(message),
            429 | 500.. => Refusal::Busy(wait, message),
            _ => Refusal::Final(message),
        }
    }

    /// In a word.
    pub fn name(&self) -> &'static str {
        match self {
            Refusal::Gone => "gone",
            Refusal::Changed => "changed",
            Refusal::Budget(_) => "budget",
            Refusal::Busy(..) => "busy",
            Refusal::Final(_) => "refused",
        }
    }

    /// In the server's words.
    pub fn in_words(&self) -> String {
        match self {
            Refusal::Gone => "it is gone".to_owned(),
            Refusal::Changed => "it has changed meanwhile".to_owned(),
            Refusal::Budget(message) | Refusal::Busy(_, message) | Refusal::Final(message) => message.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: &str) -> Refusal {
        Refusal::of(&kube::Error::Api(Box::new(serde_json::from_str(status).unwrap())))
    }

    #[test]
    fn a_budget_differs_from_throttling_by_its_cause() {
        let budget = r#"{"code": 429, "message": "Cannot evict pod", "details": {"causes": [{"reason": "DisruptionBudget", "message": "needs 5"}]}}"#;
        assert_eq!(refusal(budget), Refusal::Budget("Cannot evict pod".to_owned()));
        let busy = r#"{"code": 429, "message": "too many", "details": {"retryAfterSeconds": 7}}"#;
        assert_eq!(refusal(busy), Refusal::Busy(Duration::from_secs(7), "too many".to_owned()));
    }

    #[test]
    fn several_budgets_are_final_and_other_failures_of_the_server_are_not() {
        let several = r#"{"code": 500, "message": "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."}"#;
        assert!(matches!(refusal(several), Refusal::Final(_)));
        assert!(matches!(refusal(r#"{"code": 500, "message": "etcd"}"#), Refusal::Busy(..)));
        assert!(matches!(refusal(r#"{"code": 403, "message": "no"}"#), Refusal::Final(_)));
        assert_eq!(refusal(r#"{"code": 404}"#), Refusal::Gone);
        assert_eq!(refusal(r#"{"code": 409}"#), Refusal::Changed);
    }
}
