//! Requests chosen by an HTTP endpoint of one's own, by the contract of docs/rightsizing.md. Of one wrong answer the others
//! do not suffer: each container's is taken or refused by itself.

use std::collections::BTreeMap;

use model::Quantity;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::http_client::{HttpClient, HttpError};
use crate::usage::EndpointOptions;

/// Containers a request: two weeks of samples of each are some 200 kB.
const BATCH: usize = 50;
const MOST_BYTES: usize = 8 << 20;
/// More is no sentence.
const LONGEST_EXPLANATION: usize = 300;
/// A smaller request is a quantity without its unit.
const LEAST_BYTES: f64 = 65_536.0;
const MOST_CORES: f64 = 1e4;

/// Which container.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ContainerName {
    /// Its namespace.
    pub namespace: String,
    /// The workload's kind.
    pub kind: String,
    /// The workload's name.
    pub name: String,
    /// The container's name.
    pub container: String,
}

/// What is said of a container.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AskedContainer {
    /// Which.
    #[serde(flatten)]
    pub name: ContainerName,
    /// How many unfinished pods have it.
    pub pods: usize,
    /// Cores.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<AskedResource>,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<AskedResource>,
}

/// What is said of one of its resources, in cores or bytes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AskedResource {
    /// What it asks for; null where it asks for nothing.
    pub request: Option<f64>,
    /// Its limit; null where it has none.
    pub limit: Option<f64>,
    /// Half of the samples are at most this.
    pub p50: f64,
    /// Nine in ten are.
    pub p90: f64,
    /// Ninety-nine in a hundred are.
    pub p99: f64,
    /// All are.
    pub highest: f64,
    /// Seconds since 1970 and amounts, of the replica that uses most, oldest first.
    pub samples: Vec<(i64, f64)>,
}

/// What is answered of one resource.
#[derive(Clone, Debug, PartialEq)]
pub struct AnsweredResource {
    /// Cores or bytes.
    pub amount: f64,
    /// 0 to 1.
    pub confidence: f64,
    /// A sentence.
    pub explanation: String,
}

/// By container: CPU and memory, each an answer or what is wrong with it.
pub type Answered = BTreeMap<ContainerName, [Result<AnsweredResource, String>; 2]>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    containers: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Container {
    namespace: String,
    kind: String,
    name: String,
    container: String,
    cpu: Option<Value>,
    memory: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resource {
    request: String,
    confidence: f64,
    explanation: String,
}

/// Whether it is there and well.
pub async fn check_strategy_endpoint(options: &EndpointOptions) -> Result<(), HttpError> {
    client(options)?.get("/health", |_| Ok(())).await
}

/// For callers without a runtime.
pub fn ask_strategy_endpoint_blocking(
    options: &EndpointOptions,
    containers: &[AskedContainer],
) -> Result<Answered, HttpError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|source| HttpError::Start { what: WHAT, source })?;
    runtime.block_on(ask_strategy_endpoint(options, containers))
}

/// Asks for so many containers at a time. Who is not in the answer was not answered.
pub async fn ask_strategy_endpoint(
    options: &EndpointOptions,
    containers: &[AskedContainer],
) -> Result<Answered, HttpError> {
    let client = client(options)?;
    let mut answered = Answered::new();
    for batch in containers.chunks(BATCH) {
        let asked = serde_json::json!({ "windowSeconds": options.window_seconds, "containers": batch });
        let body = asked.to_string();
        answered.append(&mut client.post("/requests", "application/json", body.as_bytes(), parse).await?);
    }
    Ok(answered)
}

const WHAT: &str = "the strategy endpoint";

fn client(options: &EndpointOptions) -> Result<HttpClient, HttpError> {
    options.client(WHAT, MOST_BYTES)
}

fn parse(body: &[u8]) -> Result<Answered, String> {
    let document: Document = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let mut answered = Answered::new();
    for (at, value) in document.containers.into_iter().enumerate() {
        // Without a name it cannot be said whose answer is wrong.
        let container: Container =
            serde_json::from_value(value).map_err(|error| format!("containers[{at}]: {error}"))?;
        let answer = |field: &str, value: Option<Value>, range: (f64, f64)| {
            let value = value.ok_or_else(|| format!("the strategy's endpoint said nothing of {field}"))?;
            resource(value, range).map_err(|wrong| format!("the strategy's endpoint was wrong: {field}{wrong}"))
        };
        let of = [
            answer("cpu", container.cpu, (0.0, MOST_CORES)),
            answer("memory", container.memory, (LEAST_BYTES, f64::MAX)),
        ];
        let Container { namespace, kind, name, container, .. } = container;
        answered.insert(ContainerName { namespace, kind, name, container }, of);
    }
    Ok(answered)
}

fn resource(value: Value, (least, most): (f64, f64)) -> Result<AnsweredResource, String> {
    let resource: Resource = serde_json::from_value(value).map_err(|error| format!(": {error}"))?;
    let Resource { request, confidence, explanation } = resource;
    let quantity = Quantity::parse(&request).map_err(|error| format!(".request: {error}"))?;
    let amount = quantity.as_f64();
    if quantity.is_negative() || quantity.is_zero() {
        return Err(format!(".request: {request} is nothing to ask for"));
    }
    if amount < least || amount > most {
        return Err(format!(".request: {request} is no amount of it: is the unit wrong?"));
    }
    if !(0.0..=1.0).contains(&confidence) {
        return Err(format!(".confidence: {confidence} is not from 0 to 1"));
    }
    let explanation: String = explanation.chars().filter(|letter| !letter.is_control()).collect();
    let explanation = explanation.chars().take(LONGEST_EXPLANATION).collect();
    Ok(AnsweredResource { amount, confidence, explanation })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(cpu: Value, memory: Value) -> [Result<AnsweredResource, String>; 2] {
        let document = json!({"containers": [
            {"namespace": "shop", "kind": "Deployment", "name": "web", "container": "main", "cpu": cpu, "memory": memory}
        ]});
        parse(document.to_string().as_bytes()).unwrap().into_values().next().unwrap()
    }

    fn of(request: &str) -> Value {
        json!({"request": request, "confidence": 0.9, "explanation": "as always\n"})
    }

    #[test]
    fn a_right_answer_is_an_amount_with_a_sentence() {
        let [cpu, memory] = answer(of("250m"), of("300Mi"));
        let expected = |amount| AnsweredResource { amount, confidence: 0.9, explanation: "as always".to_owned() };
        assert_eq!((cpu, memory), (Ok(expected(0.25)), Ok(expected(314_572_800.0))));
    }

    #[test]
    fn a_wrong_answer_is_refused_by_itself_and_named() {
        for (wrong, why) in [
            (of("NaN"), "cpu.request"),
            (of("-1"), "cpu.request: -1 is nothing to ask for"),
            (of("0"), "cpu.request: 0 is nothing to ask for"),
            (of("300Mi"), "is the unit wrong?"),
            (json!({"request": 0.25, "confidence": 0.9, "explanation": ""}), "cpu: invalid type"),
            (json!({"request": "1", "confidence": 7, "explanation": ""}), "cpu.confidence: 7 is not from 0 to 1"),
            (json!({"request": "1", "confidence": null, "explanation": ""}), "cpu: invalid type"),
            (json!({"request": "1", "confidence": 1, "explanation": "", "limit": "2"}), "unknown field `limit`"),
            (Value::Null, "said nothing of cpu"),
        ] {
            let [cpu, memory] = answer(wrong.clone(), of("300Mi"));
            let said = cpu.unwrap_err();
            assert!(said.contains(why), "{wrong}: {said}");
            assert!(memory.is_ok());
        }
        assert!(answer(of("1"), of("300m"))[1].as_ref().unwrap_err().contains("is the unit wrong?"));
    }

    #[test]
    fn what_names_nobody_is_no_answer_at_all() {
        for body in ["", "[]", r#"{"containers": [{"name": "web"}]}"#, r#"{"containers": [], "more": 1}"#] {
            assert!(parse(body.as_bytes()).is_err(), "{body}");
        }
    }
}
