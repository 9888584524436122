//! Bars of blocks.

/// A bar of this part of `columns`, padded: at least one block for anything above nothing.
pub fn bar(part: usize, largest: usize, columns: usize) -> String {
    let blocks = if part == 0 || largest == 0 { 0 } else { (part * columns).div_ceil(largest).min(columns) };
    let mut bar = "█".repeat(blocks);
    bar.push_str(&" ".repeat(columns - blocks));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_part() {
        assert_eq!(bar(0, 4, 4), "    ");
        assert_eq!(bar(1, 400, 4), "█   ");
        assert_eq!(bar(2, 4, 4), "██  ");
        assert_eq!(bar(4, 4, 4), "████");
        assert_eq!(bar(0, 0, 2), "  ");
    }
}
