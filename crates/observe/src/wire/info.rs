//! What a saved snapshot says of itself, so that it reads back as what was seen.

use super::values::SortedMap;
use super::wire;

/// The kind of that one item.
pub(crate) const SNAPSHOT_INFO: &str = "SnapshotInfo";
/// Its apiVersion.
pub(crate) const SNAPSHOT_INFO_VERSION: &str = "optimizer.io/v1alpha1";

wire! {
    struct SnapshotInfo {
        api_version: String,
        kind: String,
        cluster: String,
        taken_at: Option<String>,
        kinds: SortedMap<KindInfo>,
        notes: Vec<Note>,
    }

    struct KindInfo {
        objects: usize,
        state: String,
        missing_right: Option<String>,
    }

    /// An object that was left out when the snapshot was taken.
    struct Note {
        code: String,
        kind: String,
        name: String,
        source: String,
        message: String,
        node: Option<String>,
        count: u32,
    }
}
