//! The small values that Kubernetes objects are made of: maps of strings, quantities, numbers that may be percentages.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A JSON object with string keys, sorted by key; of two equal keys the last wins, as in Go.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SortedMap<V>(pub Vec<(String, V)>);

/// Labels, selectors' matchLabels and the like.
pub(crate) type StringMap = SortedMap<String>;

/// Resource names and quantities.
pub(crate) type ResourceList = SortedMap<QuantityText>;

impl<V> Default for SortedMap<V> {
    fn default() -> Self {
        SortedMap(Vec::new())
    }
}

impl<V> SortedMap<V> {
    pub(crate) fn get(&self, key: &str) -> Option<&V> {
        self.0.binary_search_by(|(have, _)| have.as_str().cmp(key)).ok().map(|at| &self.0[at].1)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Brings pairs in the order they were read into the order that is promised.
    fn from_read(mut pairs: Vec<(String, V)>) -> Self {
        pairs.reverse();
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        pairs.dedup_by(|later, kept| later.0 == kept.0);
        SortedMap(pairs)
    }
}

struct SortedMapVisitor<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de> + Default> Visitor<'de> for SortedMapVisitor<V> {
    type Value = SortedMap<V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::with_capacity(map.size_hint().unwrap_or(8).min(64));
        while let Some((key, value)) = map.next_entry::<String, Option<V>>()? {
            pairs.push((key, value.unwrap_or_default()));
        }
        Ok(SortedMap::from_read(pairs))
    }
}

impl<'de, V: Deserialize<'de> + Default> Deserialize<'de> for SortedMap<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(SortedMapVisitor(PhantomData))
    }
}

impl<V: Serialize> Serialize for SortedMap<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// Annotations, of which only those are kept that speak of placement, eviction or storage.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct Annotations(pub StringMap);

impl<'de> Deserialize<'de> for Annotations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeptOnly;
        impl<'de> Visitor<'de> for KeptOnly {
            type Value = Annotations;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Annotations, A::Error> {
                let mut pairs = Vec::new();
                while let Some(key) = map.next_key::<String>()? {
                    if is_kept_annotation(&key) {
                        pairs.push((key, map.next_value::<Option<String>>()?.unwrap_or_default()));
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Annotations(SortedMap::from_read(pairs)))
            }
        }
        deserializer.deserialize_map(KeptOnly)
    }
}

/// The batch schedulers' annotations that make a pod a member of a gang.
pub(crate) const GANG_ANNOTATIONS: [&str; 5] = [
    "scheduling.k8s.io/group-name",
    "scheduling.volcano.sh/group-name",
    "pod-group-name",
    "gang.scheduling.koordinator.sh/name",
    "yunikorn.apache.org/task-group-name",
];

fn is_kept_annotation(key: &str) -> bool {
    const PREFIXES: [&str; 5] = [
        "cluster-autoscaler.kubernetes.io/",
        "karpenter.sh/",
        "descheduler.alpha.kubernetes.io/",
        "scheduling.koordinator.sh/",
        "kubernetes.io/config.",
    ];
    const EXACT: [&str; 5] = [
        "controller.kubernetes.io/pod-deletion-cost",
        "pv.kubernetes.io/bind-completed",
        "volume.kubernetes.io/selected-node",
        "volume.beta.kubernetes.io/storage-class",
        "storage.alpha.kubernetes.io/migrated-plugins",
    ];
    PREFIXES.iter().any(|prefix| key.starts_with(prefix)) || EXACT.contains(&key) || GANG_ANNOTATIONS.contains(&key)
}

/// A quantity as written. JSON numbers are quantities too, as Kubernetes reads them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct QuantityText(pub String);

impl<'de> Deserialize<'de> for QuantityText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = QuantityText;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a quantity")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<QuantityText, E> {
                Ok(QuantityText(text.to_owned()))
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<QuantityText, E> {
                Ok(QuantityText(number.to_string()))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<QuantityText, E> {
                Ok(QuantityText(number.to_string()))
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<QuantityText, E> {
                Ok(QuantityText(number.to_string()))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

/// A count or a percentage, as written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum IntOrString {
    Int(i64),
    String(String),
}

impl fmt::Display for IntOrString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IntOrString::Int(number) => number.fmt(f),
            IntOrString::String(text) => f.write_str(text),
        }
    }
}
