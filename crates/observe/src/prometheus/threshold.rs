//! One expression of somebody's own as a threshold: is it crossed now?

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::client::PrometheusClient;
use super::queries::escaped;
use super::{PrometheusError, PrometheusOptions};

/// A threshold is asked while somebody waits for the answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Far more than a sign of trouble should have; a whole metric by mistake is refused.
const LARGEST_ANSWER_BYTES: usize = 1 << 20;
/// So much of a label set is shown.
const LONGEST_LABELS: usize = 200;

/// A result that says that something is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crossing {
    /// The labels of the first sample, as Prometheus writes them; empty for a scalar.
    pub labels: String,
    /// Its value, as Prometheus writes it.
    pub value: String,
    /// Samples beside it.
    pub others: usize,
}

/// Asks as alerts are asked, again where the server is busy: any sample of a vector crosses it, and so does a scalar other than 0. None where it is
/// not crossed; an error where nobody knows. The expression is sent as it is.
pub async fn crossed(options: &PrometheusOptions, expression: &str) -> Result<Option<Crossing>, PrometheusError> {
    let options = PrometheusOptions { timeout: options.timeout.min(TIMEOUT), ..options.clone() };
    let client = PrometheusClient::new(&options, LARGEST_ANSWER_BYTES)?;
    let form = format!("query={}&timeout={}s", escaped(expression), options.timeout.as_secs().max(1));
    client.post("/api/v1/query", &form, read).await
}

#[derive(Deserialize)]
struct Document {
    status: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    warnings: Vec<String>,
    /// VictoriaMetrics: some of its stores did not answer.
    #[serde(default, rename = "isPartial")]
    is_partial: bool,
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(rename = "resultType")]
    kind: String,
    result: Value,
}

#[derive(Deserialize)]
struct Sample {
    #[serde(default)]
    metric: BTreeMap<String, String>,
    value: Option<(f64, String)>,
}

fn read(body: &[u8]) -> Result<Option<Crossing>, String> {
    let document: Document = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let Some(data) = document.data.filter(|_| document.status == "success") else { return Err(document.error) };
    let crossing = match &*data.kind {
        "vector" => of_vector(data.result)?,
        "scalar" => of_scalar(data.result)?,
        other => return Err(format!("a {other}, where a threshold needs a vector or a scalar")),
    };
    // Nothing found in a part of the stores is not nothing found.
    let is_whole = document.warnings.is_empty() && !document.is_partial;
    if crossing.is_none() && !is_whole {
        let why = document.warnings.first().map_or("its answer is partial", String::as_str);
        return Err(format!("nothing, and a warning: {why}"));
    }
    Ok(crossing)
}

fn of_vector(result: Value) -> Result<Option<Crossing>, String> {
    let samples: Vec<Sample> = serde_json::from_value(result).map_err(|error| error.to_string())?;
    let Some(first) = samples.first() else { return Ok(None) };
    let labels: Vec<String> = first.metric.iter().map(|(label, value)| format!("{label}={value:?}")).collect();
    let labels = format!("{{{}}}", labels.join(", "));
    let labels = match labels.char_indices().nth(LONGEST_LABELS) {
        Some((end, _)) => format!("{}…", &labels[..end]),
        None => labels,
    };
    // A native histogram has buckets in place of a value.
    let value = first.value.as_ref().map_or_else(|| "a histogram".to_owned(), |(_, value)| value.clone());
    Ok(Some(Crossing { labels, value, others: samples.len() - 1 }))
}

fn of_scalar(result: Value) -> Result<Option<Crossing>, String> {
    let (_, value): (f64, String) = serde_json::from_value(result).map_err(|error| error.to_string())?;
    match value.parse::<f64>() {
        Ok(0.0) => Ok(None),
        Ok(number) if !number.is_nan() => Ok(Some(Crossing { labels: String::new(), value, others: 0 })),
        _ => Err(format!("the scalar {value}, which is no number")),
    }
}

impl fmt::Display for Crossing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Crossing { labels, value, others } = self;
        if !labels.is_empty() {
            write!(f, "{labels} ")?;
        }
        f.write_str(value)?;
        if *others > 0 {
            write!(f, " and {others} more")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(data: &str) -> Result<Option<String>, String> {
        let body = format!(r#"{{"status":"success","data":{data}}}"#);
        read(body.as_bytes()).map(|crossing| crossing.map(|crossing| crossing.to_string()))
    }

    #[test]
    fn any_sample_crosses_it_and_a_scalar_other_than_zero() {
        let vector = |samples: &str| says(&format!(r#"{{"resultType":"vector","result":[{samples}]}}"#));
        let scalar = |value: &str| says(&format!(r#"{{"resultType":"scalar","result":[1.5,"{value}"]}}"#));
        assert_eq!(vector(""), Ok(None));
        assert_eq!(
            vector(r#"{"metric":{"job":"web","code":"500"},"value":[1,"0"]}"#),
            Ok(Some(r#"{code="500", job="web"} 0"#.to_owned()))
        );
        let two = r#"{"metric":{},"value":[1,"NaN"]},{"metric":{},"value":[1,"2"]}"#;
        assert_eq!(vector(two), Ok(Some("{} NaN and 1 more".to_owned())));
        let histogram = r#"{"metric":{},"histogram":[1,{"count":"3","sum":"2"}]}"#;
        assert_eq!(vector(histogram), Ok(Some("{} a histogram".to_owned())));
        assert_eq!((scalar("0"), scalar("-0")), (Ok(None), Ok(None)));
        assert_eq!(scalar("0.5"), Ok(Some("0.5".to_owned())));
        assert_eq!(scalar("+Inf"), Ok(Some("+Inf".to_owned())));
        assert!(scalar("NaN").is_err() && scalar("many").is_err());
        let long = format!(r#"{{"metric":{{"a":"{}"}},"value":[1,"2"]}}"#, "ä".repeat(1_000));
        assert!(vector(&long).unwrap().unwrap().chars().count() < LONGEST_LABELS + 10);
    }

    #[test]
    fn what_is_no_answer_is_never_fine() {
        assert!(says(r#"{"resultType":"matrix","result":[]}"#).unwrap_err().contains("a matrix"));
        assert!(says(r#"{"resultType":"string","result":[1,"x"]}"#).is_err());
        assert!(says(r#"{"resultType":"vector","result":{}}"#).is_err());
        assert!(says("null").is_err());
        let partly =
            r#"{"status":"success","data":{"resultType":"vector","result":[]},"warnings":["store b is gone"]}"#;
        assert!(read(partly.as_bytes()).unwrap_err().contains("store b is gone"));
        let partly = r#"{"status":"success","isPartial":true,"data":{"resultType":"vector","result":[]}}"#;
        assert!(read(partly.as_bytes()).is_err());
        let wrong = r#"{"status":"error","errorType":"bad_data","error":"unexpected end of input"}"#;
        assert_eq!(read(wrong.as_bytes()).unwrap_err(), "unexpected end of input");
        for body in ["", "[]", "{}", "<html>"] {
            assert!(read(body.as_bytes()).is_err(), "{body}");
        }
    }
}
