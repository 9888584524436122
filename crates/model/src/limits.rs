//! What a namespace allows its containers to ask for.

use crate::Name;

/// A LimitRange, as far as it speaks of single containers. CPU in millicores first, then memory in bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LimitRange {
    /// metadata.namespace.
    pub namespace: Name,
    /// metadata.name.
    pub name: Name,
    /// By resource.
    pub containers: [Range; 2],
}

/// Least and most of one resource of a container.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Range {
    /// No request is below it.
    pub least: Option<i64>,
    /// No limit is above it, and so no request.
    pub most: Option<i64>,
    /// No limit is more than so many times its request.
    pub limit_to_request: Option<f64>,
}

/// A ResourceQuota, as far as it counts the requests of whatever pods its namespace has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceQuota {
    /// metadata.namespace.
    pub namespace: Name,
    /// metadata.name.
    pub name: Name,
    /// How much more may be asked for: CPU in millicores, memory in bytes. Absent where it does not count the resource, and
    /// where nobody has counted yet.
    pub room: [Option<i64>; 2],
}
