//! Codes for the parts of names, in the order of the parts.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

/// Parts that stay as they are: namespaces that Kubernetes itself makes, and values that say yes or no.
const KEPT: [&str; 9] = ["cluster", "critical", "default", "false", "kube", "lease", "node", "public", "true"];
/// The others of `system-node-critical` and the like come after those in the order of letters.
const KEPT_TOO: &str = "system";

/// Digits and consonants in the order of their bytes: no code is a word.
const ALPHABET: &[u8] = b"0123456789bcdfghjklmnpqrstvwxz";

/// Which code each part has.
pub(crate) struct Codes(FxHashMap<Box<str>, Box<str>>);

impl Codes {
    /// Gives codes of one length. A part that comes after a kept one gets a code that begins with it, so that codes
    /// and kept parts stand in the order of what they stand for.
    pub(crate) fn new(parts: BTreeSet<Box<str>>) -> Codes {
        let mut width = 1;
        while ALPHABET.len().pow(width) < parts.len() {
            width += 1;
        }
        let mut kept: Vec<&str> = KEPT.to_vec();
        kept.push(KEPT_TOO);
        kept.sort_unstable();
        let mut codes = FxHashMap::default();
        for (number, part) in parts.into_iter().enumerate() {
            let after = kept.partition_point(|kept| *kept <= &*part);
            let before_it = after.checked_sub(1).map(|at| kept[at]);
            let code = match before_it {
                Some(kept) if kept == &*part => kept.into(),
                Some(kept) => format!("{kept}0{}", code(number, width)).into_boxed_str(),
                None => code(number, width).into_boxed_str(),
            };
            codes.insert(part, code);
        }
        Codes(codes)
    }

    /// The name with each of its parts replaced.
    pub(crate) fn replace(&self, name: &str) -> String {
        let code = |part| self.0.get(part).map_or("", |code| &**code);
        name.split('-').map(code).collect::<Vec<_>>().join("-")
    }
}

fn code(number: usize, width: u32) -> String {
    let mut rest = number;
    let mut digits = vec![ALPHABET[0]; width as usize];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[rest % ALPHABET.len()];
        rest /= ALPHABET.len();
    }
    digits.into_iter().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_keep_the_order_and_the_kept() {
        let names = [
            "api",
            "api-0",
            "api-6f6b",
            "api0",
            "cluster",
            "ip-10-0-0-1.ec2.internal",
            "kube-proxy-x",
            "kube-system",
            "kube-systems",
            "kubernetes",
            "web",
            "web-1",
            "web-10",
            "web-2",
            "Web",
            "zz",
        ];
        let parts = names.iter().flat_map(|name| name.split('-')).map(Into::into).collect();
        let codes = Codes::new(parts);
        assert_eq!(codes.replace("kube-system"), "kube-system");
        let mut sorted = names;
        sorted.sort_unstable();
        let replaced: Vec<String> = sorted.iter().map(|name| codes.replace(name)).collect();
        assert!(replaced.windows(2).all(|pair| pair[0] < pair[1]), "{replaced:?}");
        assert!(!replaced.iter().any(|name| name.contains("api") || name.contains("web")), "{replaced:?}");
    }
}
