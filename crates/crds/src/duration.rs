//! Durations as Kubernetes writes them: `5m`, `1h30m`, `30s`.

/// What is valid, in words.
pub(crate) const VALID: &str = "write it as 30s, 5m or 1h30m";

/// The seconds it lasts; absent where it is no duration.
pub fn seconds(text: &str) -> Option<u32> {
    let mut rest = text;
    let mut total: u32 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let (number, unit) = rest.split_at(digits);
        let length = match unit.chars().next()? {
            'h' => 3_600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        total = total.checked_add(number.parse::<u32>().ok()?.checked_mul(length)?)?;
        rest = &unit[1..];
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_kubernetes_writes_them() {
        assert_eq!(seconds("5m"), Some(300));
        assert_eq!(seconds("1h30m"), Some(5_400));
        assert_eq!(seconds("0s"), Some(0));
        for text in ["", "5", "m", "-5m", "5 m", "1d", "99999999999h", "5m!", "５m"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
