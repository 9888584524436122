//! What somebody meant who wrote something else.

/// The name that takes the fewest changes of letters, where those are few.
pub(crate) fn nearest<'a>(written: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let letters: Vec<char> = written.to_lowercase().chars().take(64).collect();
    let most = (letters.len() / 3).max(1);
    let far = |name: &'a str| (distance(&letters, &name.to_lowercase().chars().collect::<Vec<_>>()), name);
    names.map(far).filter(|(changes, _)| *changes <= most).min().map(|(_, name)| name)
}

/// Letters to insert, remove or replace, and neighbours to swap: Damerau and Levenshtein.
fn distance(one: &[char], other: &[char]) -> usize {
    let mut rows = vec![(0..=other.len()).collect::<Vec<usize>>()];
    for (at, letter) in one.iter().enumerate() {
        let mut row = vec![at + 1];
        for (to, wanted) in other.iter().enumerate() {
            let above = &rows[at];
            let mut least = (above[to] + usize::from(letter != wanted)).min(above[to + 1] + 1).min(row[to] + 1);
            if at > 0 && to > 0 && *letter == other[to - 1] && one[at - 1] == *wanted {
                least = least.min(rows[at - 1][to - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_changes_are_a_slip_and_many_are_another_word() {
        let names = ["mode", "schedule", "safeWindows", "dryRun"];
        let meant = |written: &str| nearest(written, names.into_iter());
        assert_eq!(meant("safeWindow"), Some("safeWindows"));
        assert_eq!(meant("dryrun"), Some("dryRun"));
        assert_eq!(meant("shcedule"), Some("schedule"));
        assert_eq!(meant("mdoe"), Some("mode"));
        assert_eq!(meant("replicas"), None);
        assert_eq!(meant(""), None);
    }
}
