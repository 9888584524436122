//! CPU, memory and parts for people.

/// `250m`, `1.5`, `64` cores of millicores.
pub fn cpu(millicores: i64) -> String {
    if millicores % 1_000 == 0 {
        (millicores / 1_000).to_string()
    } else if millicores.abs() >= 10_000 {
        format!("{:.1}", millicores as f64 / 1_000.0)
    } else if millicores.abs() >= 1_000 {
        format!("{:.2}", millicores as f64 / 1_000.0)
    } else {
        format!("{millicores}m")
    }
}

/// `512Mi`, `1.5Gi` of bytes.
pub fn memory(bytes: i64) -> String {
    const UNITS: [(i64, &str); 4] = [(1 << 40, "Ti"), (1 << 30, "Gi"), (1 << 20, "Mi"), (1 << 10, "Ki")];
    let Some((size, unit)) = UNITS.into_iter().find(|(size, _)| bytes.unsigned_abs() >= size.unsigned_abs()) else {
        return bytes.to_string();
    };
    let amount = bytes as f64 / size as f64;
    if bytes % size == 0 || amount.abs() >= 100.0 { format!("{amount:.0}{unit}") } else { format!("{amount:.1}{unit}") }
}

/// `42 %` of `part / whole`; `-` where there is no whole.
pub fn percent(part: i64, whole: i64) -> String {
    if whole <= 0 { "-".to_owned() } else { format!("{:.0} %", part as f64 * 100.0 / whole as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_as_kubectl_writes_them() {
        assert_eq!(cpu(250), "250m");
        assert_eq!(cpu(4_000), "4");
        assert_eq!(cpu(1_930), "1.93");
        assert_eq!(memory(512 << 20), "512Mi");
        assert_eq!(memory(3 << 29), "1.5Gi");
        assert_eq!(memory(900), "900");
        assert_eq!(percent(1, 3), "33 %");
        assert_eq!(percent(1, 0), "-");
    }
}
