//! Options of Java virtual machines, found in command lines and environments, of which nothing else is kept.

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Those that say how large a heap may grow, as they were written.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct HeapOptions(Vec<String>);

/// In bytes, whichever way it is said.
const SIZES: [&str; 2] = ["-Xmx", "-XX:MaxHeapSize="];
/// Of the container's memory limit, in percent.
const PERCENTAGE: &str = "-XX:MaxRAMPercentage=";

impl HeapOptions {
    /// The most bytes that any of them allows a container with this limit.
    pub(crate) fn heap(&self, memory_limit: Option<i64>) -> Option<i64> {
        let bytes = |option: &String| match option.strip_prefix(PERCENTAGE) {
            Some(percent) => Some((memory_limit? as f64 * percent.parse::<f64>().ok()?.min(100.0) / 100.0) as i64),
            None => SIZES.iter().find_map(|prefix| size(option.strip_prefix(prefix)?)),
        };
        self.0.iter().filter_map(bytes).max()
    }
}

/// `512m` as `java(1)` reads it.
fn size(text: &str) -> Option<i64> {
    let number = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let shift = match text[number.len()..].to_ascii_lowercase().as_str() {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(1 << shift)
}

/// Is it such an option, and nothing that somebody hid in one?
fn is_heap_option(word: &str) -> bool {
    match word.strip_prefix(PERCENTAGE) {
        Some(percent) => percent.parse::<f64>().is_ok_and(|percent| percent.is_finite() && percent > 0.0),
        None => SIZES.iter().any(|prefix| word.strip_prefix(prefix).and_then(size).is_some_and(|size| size > 0)),
    }
}

/// Entries of an environment; a list of words is `HeapOptions` itself.
pub(crate) fn as_environment<S: Serializer>(options: &HeapOptions, serializer: S) -> Result<S::Ok, S::Error> {
    let mut list = serializer.serialize_seq(Some(1))?;
    list.serialize_element(&serde_json::json!({"name": "JAVA_TOOL_OPTIONS", "value": options.0.join(" ")}))?;
    list.end()
}

impl Serialize for HeapOptions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for HeapOptions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<HeapOptions, D::Error> {
        deserializer.deserialize_any(Words)
    }
}

/// Takes a text, a list of texts, or a list of `{name, value}`; whatever else it finds says nothing of a heap.
struct Words;

impl<'de> Visitor<'de> for Words {
    type Value = HeapOptions;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a command line or an environment")
    }

    fn visit_str<E>(self, text: &str) -> Result<HeapOptions, E> {
        Ok(HeapOptions(text.split_whitespace().filter(|word| is_heap_option(word)).map(str::to_owned).collect()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<HeapOptions, A::Error> {
        let mut options = HeapOptions::default();
        while let Some(HeapOptions(found)) = list.next_element()? {
            options.0.extend(found);
        }
        Ok(options)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<HeapOptions, A::Error> {
        let mut options = HeapOptions::default();
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            if key == "value" {
                options = map.next_value()?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(options)
    }

    fn visit_bool<E>(self, _: bool) -> Result<HeapOptions, E> {
        Ok(HeapOptions::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<HeapOptions, E> {
        Ok(HeapOptions::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<HeapOptions, E> {
        Ok(HeapOptions::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<HeapOptions, E> {
        Ok(HeapOptions::default())
    }

    fn visit_unit<E>(self) -> Result<HeapOptions, E> {
        Ok(HeapOptions::default())
    }

    fn visit_none<E>(self) -> Result<HeapOptions, E> {
        Ok(HeapOptions::default())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(value: Value) -> HeapOptions {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn the_largest_heap_counts_wherever_it_is_said() {
        let heap = |value: Value| read(value).heap(Some(1_000));
        assert_eq!(heap(json!(["java", "-Xms1g", "-Xmx2g", "-jar", "a.jar"])), Some(2 << 30));
        assert_eq!(heap(json!(["sh", "-c", "exec java -Xmx512M -XX:MaxHeapSize=100k -jar a.jar"])), Some(512 << 20));
        assert_eq!(heap(json!([{"name": "KAFKA_HEAP_OPTS", "value": "-Xmx4096"}])), Some(4_096));
        assert_eq!(heap(json!([{"name": "JAVA_OPTS", "value": "-XX:MaxRAMPercentage=75.0"}])), Some(750));
        assert_eq!(read(json!(["-XX:MaxRAMPercentage=75"])).heap(None), None);
        assert_eq!(heap(json!(["-Xmx9223372036854775807t"])), None);
    }

    /// Whatever else is there may be a secret, and whatever shape it has is for the API server to refuse.
    #[test]
    fn nothing_else_is_kept() {
        for other in [
            json!([{"name": "PASSWORD", "value": "-Xmxhunter2"}, {"name": "TOKEN", "valueFrom": {"x": [1]}}]),
            json!(["-Xmx1gsecret", "-XX:MaxRAMPercentage=inf", "--password=-Xmx1g"]),
            json!({"value": {"value": ["x", null, 7, true, 1.5]}}),
            Value::Null,
            json!(17),
        ] {
            assert_eq!(read(other.clone()), HeapOptions::default(), "{other}");
        }
    }
}
