//! Quantities are read as Kubernetes reads them.

use model::Quantity;
use oracle_tests::scheduler::Scheduler;
use serde_json::Value;

/// What people write, and what nobody should.
const BY_HAND: &[&str] = &[
    "Ei",
    "Pi",
    "Ti",
    "e-9",
    "e-10",
    "1e4294967297",
    "0",
    "00",
    "1",
    "+1",
    "-1",
    "-0",
    "0.5",
    ".5",
    "5.",
    "1.5",
    "-1.5",
    "1e3",
    "1E3",
    "1e-3",
    "1e+3",
    "1.5e2",
    "12E",
    "12e",
    "1E",
    "0E",
    "1Ei",
    "8Ei",
    "7.9Ei",
    "9Ei",
    "100m",
    "1500m",
    "-1500m",
    "1n",
    "1u",
    "999n",
    "1000n",
    "0.1n",
    "0.0000000001",
    "128974848000m",
    "1Ki",
    "1.5Gi",
    "0.1Ki",
    "0.0001Ki",
    "1.1Gi",
    "3.3Ti",
    "0.7Pi",
    "1e18",
    "1e19",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "9223372036854775.807k",
    "9223372036854775807m",
    "9223372036854775807n",
    "99999999999999999999999999",
    "0.000000000000000000000000001",
    "1.000000001",
    "1.0000000001",
    "123456789.987654321",
    "",
    " ",
    "1 ",
    " 1",
    "NaN",
    "Inf",
    "10GB",
    "1K",
    "1ki",
    "1mi",
    "1KI",
    "1Mib",
    "k",
    "m",
    "e3",
    "E",
    ".",
    "+",
    "-",
    "+.",
    "--1",
    "+-1",
    "1.2.3",
    "1..2",
    "1,5",
    "0x10",
    "1_000",
    "1e",
    "1e+",
    "1e1.5",
    "1e3m",
    "1e3Ki",
    "1mm",
    "1Mi1",
    "١",
    "1µ",
    "1r",
    "1 Gi",
    "1\t",
    "1e0",
    "1e00003",
    "000000000000000000000000000001",
    "1.50000000000000000000000000000Gi",
    "1024.000000000000000000001Ki",
    "1e-9",
    "1e-10",
    "4294967296Gi",
    "8589934591Gi",
    "8589934592Gi",
    "9007199254740993",
    "0.9999999999999999999",
    "0m",
    "0Ki",
    "-.5",
    "-.5Gi",
];

#[test]
fn every_quantity_is_read_as_kubernetes_reads_it() {
    let mut random = fastrand::Rng::with_seed(7);
    let mut texts: Vec<String> = BY_HAND.iter().map(|text| (*text).to_owned()).collect();
    texts.extend((0..20_000).map(|_| text(&mut random)));
    let mut oracle = Scheduler::start(&["quantities"]).unwrap();
    let mut wrong = Vec::new();
    for text in &texts {
        let theirs: Value = serde_json::from_str(&oracle.ask(text).unwrap()).unwrap();
        let ours = Quantity::parse(text).ok();
        let is_right = match (theirs["ok"] == true, ours) {
            (false, None) => true,
            // Nobody may ask for less than nothing: callers refuse these, whatever they are worth.
            (true, Some(ours)) if text.starts_with('-') => ours.is_negative() || ours.is_zero(),
            (true, Some(ours)) => {
                let agrees = |field: &str, ours: i64| theirs[field] == ours || go_wraps(ours);
                agrees("value", ours.value()) && agrees("milli", ours.milli_value())
            }
            _ => false,
        };
        if !is_right {
            let ours = ours.map(|ours| (ours.value(), ours.milli_value()));
            wrong.push(format!("{text:?}: Kubernetes {theirs}, we {ours:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} quantities differ:\n{}", wrong.len(), texts.len(), wrong.join("\n"));
}

/// On these Kubernetes itself calculates for hours, so it is not asked.
#[test]
fn absurd_exponents_take_no_time() {
    for text in ["1e2147483647", "1e-2147483648", "1e99999999999"] {
        let _ = Quantity::parse(text);
    }
}

/// The one exception: what does not fit into 64 bits. There Kubernetes' numbers wrap around, so that `12E` is worth a
/// negative number of thousandths; ours stay at the end of the range.
fn go_wraps(ours: i64) -> bool {
    ours == i64::MAX || ours == i64::MIN
}

/// Mostly a quantity; now and then with something in it that does not belong.
fn text(random: &mut fastrand::Rng) -> String {
    const SUFFIXES: [&str; 22] = [
        "", "", "", "n", "u", "m", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "e3", "E-2",
        "e+1",
    ];
    let mut text = String::new();
    if random.u8(0..6) == 0 {
        text.push(if random.bool() { '-' } else { '+' });
    }
    (0..random.usize(0..12)).for_each(|_| text.push(random.digit(10)));
    if random.bool() {
        text.push('.');
        (0..random.usize(0..14)).for_each(|_| text.push(random.digit(10)));
    }
    text.push_str(SUFFIXES[random.usize(0..SUFFIXES.len())]);
    if random.u8(0..12) == 0 {
        let at = random.usize(0..=text.len());
        const STRAY: &[u8] = b" .-+eEkKiMm0_x";
        text.insert(at, char::from(STRAY[random.usize(0..STRAY.len())]));
    }
    text
}
