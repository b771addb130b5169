//! Other people's text, made harmless before it stands in a mail: pure.

/// More than this of somebody's name says nothing more.
const LONGEST_NAME: usize = 80;

/// Marks that stand on one letter; more of them run over the lines above and below.
const MOST_MARKS: usize = 2;

/// Between two parts of what would look like an address, so that no mail program makes a link of it.
const LINK_BREAK: char = '\u{200b}';

/// Around a name that is written from right to left: what stands beside it keeps its place.
const ISOLATE: char = '\u{2068}';
const ISOLATE_END: char = '\u{2069}';

/// Other people's text as one line of at most 80 characters: no control characters, no line or paragraph separators,
/// nothing that turns the writing direction or hides letters, and nothing that a mail program would turn into a link. White
/// space is single, quotation marks are the simple kind: names stand between others.
pub(super) fn name(text: &str) -> String {
    let (clean, reads_from_right) = without_treachery(text);
    let clean = unlinked(&clean);
    if reads_from_right { format!("{ISOLATE}{clean}{ISOLATE_END}") } else { clean }
}

/// The operator's own text as one line: it may be an address, and is no shorter than they wrote it.
pub(super) fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().filter(|c| !is_treacherous(*c)).collect()
}

fn without_treachery(text: &str) -> (String, bool) {
    let mut clean = String::new();
    let (mut length, mut marks, mut from_right) = (0, 0, false);
    let mut before = ' ';
    for c in text.chars() {
        let c = if c.is_whitespace() || c == '\u{2800}' { ' ' } else { c };
        if is_treacherous(c)
            || (c == ' ' && before == ' ')
            || (is_joiner(c) && (before.is_ascii() || is_joiner(before)))
        {
            continue;
        }
        marks = if is_mark(c) { marks + 1 } else { 0 };
        if marks > MOST_MARKS || (is_mark(c) && before == ' ') {
            continue;
        }
        if length == LONGEST_NAME {
            clean.pop();
            clean.truncate(clean.trim_end().len());
            clean.push('…');
            return (clean, from_right);
        }
        clean.push(if is_quotation_mark(c) { '\'' } else { c });
        from_right |= is_from_right(c);
        before = c;
        length += 1;
    }
    clean.truncate(clean.trim_end_matches([' ', '\u{200c}', '\u{200d}']).len());
    (clean, from_right)
}

/// Breaks up what looks like a host or the beginning of an address, `shop.example`, `https://`, `mailto:a`, and what a mail
/// program would take for an encoded word and decode (RFC 2047): `=?utf-8?q?...?=`.
fn unlinked(text: &str) -> String {
    let mut broken = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        broken.push(c);
        let next = chars.peek().copied().unwrap_or(' ');
        let in_host = is_dot(c) && !before.is_whitespace() && next.is_alphanumeric();
        let in_scheme = c == ':' && before.is_alphanumeric() && !next.is_whitespace();
        let in_address = c == '@' && !before.is_whitespace() && !next.is_whitespace();
        let in_encoded_word = c == '=' && next == '?';
        if in_host || in_scheme || in_address || in_encoded_word {
            broken.push(LINK_BREAK);
        }
        before = c;
    }
    broken
}

/// What ends a part of a host's name, in any script.
const fn is_dot(c: char) -> bool {
    matches!(c, '.' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}')
}

const fn is_quotation_mark(c: char) -> bool {
    matches!(c, '"' | '\u{201c}'..='\u{201f}' | '\u{ab}' | '\u{bb}' | '\u{ff02}')
}

/// Joins or parts letters of some scripts and emoji, and is invisible: harmless between those alone.
const fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe0f}')
}

/// Combining marks of no script in particular, which can be piled up without end.
const fn is_mark(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{34e}' | '\u{350}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}'
            | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// Letters of scripts that are written from right to left.
const fn is_from_right(c: char) -> bool {
    matches!(c,
        '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefe}' | '\u{10800}'..='\u{10fff}'
            | '\u{1e800}'..='\u{1efff}')
}

fn is_treacherous(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' // soft hyphen
            | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}' // direction
            | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' // invisible
            | '\u{200b}' | '\u{2060}'..='\u{2065}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffc}'
            | '\u{fe00}'..='\u{fe0e}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
            | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}') // means something else on every machine
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_hostile_name_comes_out_as_one_short_line() {
        for (hostile, harmless) in [
            ("Shop\r\nBcc: x", "Shop Bcc: x"),
            ("\u{202e}gnp.exe\u{2066}", "gnp.\u{200b}exe"),
            ("a\u{0}b\u{7f}c\u{1b}[31m", "abc[31m"),
            ("two\u{2028}lines\u{2029}", "two lines"),
            ("  \t \u{2800}\u{3164}", ""),
            ("say \"now\" “then” „or“ »never«", "say 'now' 'then' 'or' 'never'"),
            ("zero\u{200b}\u{200d}\u{200c}\u{2060}\u{feff}width", "zerowidth"),
            ("=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0"),
            ("=?utf-8?q?=0ABcc=3A_x?=", "=\u{200b}?utf-8?q?=0ABcc=3A_x?="),
            ("{{ platform }} {title} {% raw %}", "{{ platform }} {title} {% raw %}"),
            ("<b>&amp;</b>", "<b>&amp;</b>"),
            ("tag\u{e0041}\u{e007f}ged", "tagged"),
        ] {
            assert_eq!(name(hostile), harmless, "{hostile:?}");
        }
        let long = name(&"é ".repeat(5_000));
        assert!(long.chars().count() <= 80 && long.ends_with('…'), "{long}");
        assert_eq!(name(&"x".repeat(80)), "x".repeat(80));
    }

    #[test]
    fn letters_of_every_script_and_emoji_stay_what_they_are() {
        for kept in [
            "Größe 42 – Çelik & Søn",
            "株式会社",
            "ร้านค้า",
            "दुकान",
            "👩\u{200d}👩\u{200d}👧 & ❤\u{fe0f}",
            "e\u{301}t\u{e9}",
            "Ünïcödé's",
        ] {
            assert_eq!(name(kept), kept);
        }
        assert_eq!(name("می\u{200c}خواهم"), "\u{2068}می\u{200c}خواهم\u{2069}", "the joiner of Persian, in isolation");
        assert_eq!(name("שלום"), "\u{2068}שלום\u{2069}", "what follows it stays where it is");
    }

    #[test]
    fn piled_up_marks_are_taken_down() {
        let piled = format!("Z{}a", "\u{310}".repeat(40));
        assert_eq!(name(&piled), "Z\u{310}\u{310}a");
        assert_eq!(name("\u{301}x \u{301}y"), "x y", "a mark would stand on the quotation mark, or on nothing");
    }

    #[test]
    fn nothing_in_a_name_becomes_a_link() {
        for (address, broken) in [
            ("visit evil.example", "visit evil.\u{200b}example"),
            ("https://evil/x", "https:\u{200b}//evil/x"),
            ("a@b.test", "a@\u{200b}b.\u{200b}test"),
            ("mailto:a", "mailto:\u{200b}a"),
            ("evil。example", "evil。\u{200b}example"),
            ("10.0.0.1", "10.\u{200b}0.\u{200b}0.\u{200b}1"),
            ("Dr. No, at 5: tea @ home.", "Dr. No, at 5: tea @ home."),
        ] {
            assert_eq!(name(address), broken, "{address}");
        }
        assert_eq!(line(" keys.example.org \n"), "keys.example.org", "the operator's own name may be one");
    }

    proptest! {
        #[test]
        fn no_name_breaks_a_line_or_turns_it(text in any::<String>()) {
            let clean = name(&text);
            let (shown, _) = without_treachery(&text);
            prop_assert!(shown.chars().count() <= 80);
            prop_assert!(!shown.chars().any(|c| is_treacherous(c) || c == '\n' || c == '\r'));
            prop_assert_eq!(name(&clean), clean);
        }

        #[test]
        fn no_host_survives(text in "[a-z]{1,9}(\\.[a-z]{2,9}){1,3}(/[a-z]{0,5})?") {
            let clean = name(&text);
            let breaks = clean.matches(LINK_BREAK).count();
            prop_assert_eq!(breaks, text.matches('.').count());
            prop_assert_eq!(clean.replace(LINK_BREAK, ""), text);
        }
    }
}
