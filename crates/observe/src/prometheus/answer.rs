//! What Prometheus answers.

use model::{Name, Time};
use serde::Deserialize;

use super::Key;
use crate::usage::MeasuredUser;

/// The series of an answer.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) series: Vec<Series>,
    pub(super) warnings: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Series {
    labels: Labels,
    pub(super) points: Vec<Point>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) at: Time,
    pub(super) value: f64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Labels {
    namespace: String,
    pod: String,
    container: String,
}

#[derive(Deserialize)]
struct Document {
    status: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    warnings: Vec<String>,
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    result: Vec<Result_>,
}

#[derive(Deserialize)]
struct Result_ {
    #[serde(default)]
    metric: Labels,
    #[serde(default)]
    values: Vec<(f64, String)>,
    value: Option<(f64, String)>,
}

impl Series {
    /// The container that it is of; nothing where a label is missing.
    pub(super) fn container(&self) -> Option<Key> {
        let Labels { namespace, pod, container } = &self.labels;
        if namespace.is_empty() || pod.is_empty() || container.is_empty() {
            return None;
        }
        let user = MeasuredUser::Pod(Name::from(pod.as_str()));
        Some(Key { namespace: namespace.as_str().into(), user, container: container.as_str().into() })
    }
}

/// Reads an answer; NaN and infinities are no measurements.
pub(super) fn parse(body: &[u8]) -> Result<Answer, String> {
    let document: Document = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if document.status != "success" {
        return Err(document.error);
    }
    let mut answer = Answer { series: Vec::new(), warnings: document.warnings };
    for result in document.data.map(|data| data.result).unwrap_or_default() {
        let points = result.values.into_iter().chain(result.value).filter_map(|(at, value)| {
            let value = value.parse::<f64>().ok().filter(|value| value.is_finite())?;
            Some(Point { at: Time(at as i64), value })
        });
        answer.series.push(Series { labels: result.metric, points: points.collect() });
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_and_missing_labels_are_no_measurements() {
        let body = br#"{"status":"success","data":{"resultType":"matrix","result":[
            {"metric":{"namespace":"a","pod":"b","container":"c"},"values":[[1,"0.5"],[2,"NaN"],[3,"+Inf"],[4,"x"]]},
            {"metric":{"namespace":"a"},"values":[[1,"1"]]}]}}"#;
        let answer = parse(body).unwrap();
        assert_eq!(answer.series[0].points, [Point { at: Time(1), value: 0.5 }]);
        assert!(answer.series[0].container().is_some() && answer.series[1].container().is_none());
    }

    #[test]
    fn an_error_is_told_in_its_own_words() {
        let body = br#"{"status":"error","errorType":"bad_data","error":"too many samples"}"#;
        assert_eq!(parse(body).unwrap_err(), "too many samples");
        for body in ["", "<html>", "{}", "[]", r#"{"status":"success","data":{"result":[{"values":[["a","b"]]}]}}"#] {
            assert!(parse(body.as_bytes()).is_err(), "{body}");
        }
    }
}
