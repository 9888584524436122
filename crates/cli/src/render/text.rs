//! Text from outside, made safe to show: names and labels are whatever somebody wrote into the cluster.

use std::borrow::Cow;

/// Without terminal escapes, control characters, and marks that turn the reading direction.
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{1b}' => skip_escape(&mut letters),
            // One sentence a line: what was several lines becomes one.
            '\n' | '\t' => kept.push(' '),
            letter if is_unsafe(letter) => {}
            letter => kept.push(letter),
        }
    }
    Cow::Owned(kept)
}

fn is_unsafe(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Skips what belongs to an escape sequence (ECMA-48): CSI up to its final byte, OSC and other strings up to their end.
fn skip_escape(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match letters.next() {
        Some('[') => while letters.next().is_some_and(|letter| !('\u{40}'..='\u{7e}').contains(&letter)) {},
        Some(']' | 'P' | 'X' | '^' | '_') => {
            while let Some(letter) = letters.next() {
                if letter == '\u{7}' || (letter == '\u{1b}' && letters.next_if_eq(&'\\').is_some()) {
                    break;
                }
            }
        }
        _ => {}
    }
}

/// `1 node`, `2 nodes`, `12,345 nodes`.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{} {}", grouped(number as i128), plural(noun)) }
}

fn plural(noun: &str) -> String {
    match noun.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{noun}s"),
    }
}

/// With commas between thousands.
pub fn grouped(number: i128) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if number < 0 {
        text.push('-');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_control_characters_are_stripped() {
        assert_eq!(clean("web-api.1"), "web-api.1");
        assert_eq!(clean("\u{1b}[31mred\u{1b}[0m"), "red");
        assert_eq!(clean("a\u{1b}]0;title\u{7}b\u{1b}]8;;x\u{1b}\\c"), "abc");
        assert_eq!(clean("a\r\n\u{9b}31mb\u{0}"), "a 31mb");
        assert_eq!(clean("abc\u{202e}fdp.exe"), "abcfdp.exe");
        assert_eq!(clean("ends in \u{1b}"), "ends in ");
        assert_eq!(clean("ends in \u{1b}[12"), "ends in ");
    }

    #[test]
    fn counts_read_as_english() {
        assert_eq!(count(1, "node"), "1 node");
        assert_eq!(count(12_345, "entry"), "12,345 entries");
        assert_eq!(grouped(-1_234_567), "-1,234,567");
        assert_eq!(grouped(123), "123");
    }
}
