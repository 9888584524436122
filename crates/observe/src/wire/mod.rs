//! Kubernetes objects as they are written, cut down to the fields that bear on placement, disruption and cost.
//!
//! What is not listed here is never kept: no images, no secrets, of environments only the size of a Java heap. The same structs are written to a
//! saved snapshot, so that it reads back exactly.

pub(crate) mod apps;
pub(crate) mod info;
pub(crate) mod java;
pub(crate) mod meta;
pub(crate) mod node;
pub(crate) mod pod;
pub(crate) mod policy;
pub(crate) mod storage;
pub(crate) mod values;

use serde::{Deserialize, Deserializer};

/// Declares wire structs: camelCase, every field optional, `null` as good as absent, defaults not written.
macro_rules! wire {
    ($($(#[$meta:meta])* struct $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty),* $(,)? })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Deserialize, serde::Serialize)]
        #[serde(default, rename_all = "camelCase")]
        pub(crate) struct $name {
            $(
                $(#[$field_meta])*
                #[serde(
                    deserialize_with = "crate::wire::null_as_default",
                    skip_serializing_if = "crate::wire::is_default"
                )]
                pub $field: $type,
            )*
        }
    )*};
}
pub(crate) use wire;

/// Go writes `null` for what is absent.
pub(crate) fn null_as_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
