//! Lines of the text part, no longer than a mail program shows: pure.

/// Lines are broken before they grow longer; what has no blank in it, such as an address, stays whole.
const WIDTH: usize = 76;

/// The text with its long lines broken between words. A broken line goes on under its own beginning: behind the number or
/// dash of a list, behind a label and its blanks.
pub(super) fn wrap(text: &str) -> String {
    let mut wrapped = String::with_capacity(text.len() + text.len() / 40);
    for line in text.split_inclusive('\n') {
        match line.strip_suffix('\n') {
            Some(line) => {
                wrap_line(line, &mut wrapped);
                wrapped.push('\n');
            }
            None => wrap_line(line, &mut wrapped),
        }
    }
    wrapped
}

fn wrap_line(line: &str, out: &mut String) {
    if line.chars().count() <= WIDTH {
        return out.push_str(line);
    }
    let hang = hanging(line);
    let (mut column, mut fresh) = (0, true);
    let indent = &line[..line.len() - line.trim_start().len()];
    out.push_str(indent);
    column += indent.chars().count();
    // Blanks within the beginning align it: they are kept.
    let (head, rest) = split_at_column(&line[indent.len()..], hang - column);
    out.push_str(head);
    column += head.chars().count();
    for word in rest.split(' ').filter(|word| !word.is_empty()) {
        let length = word.chars().count();
        if !fresh && column + 1 + length > WIDTH {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', hang));
            (column, fresh) = (hang, true);
        }
        if !fresh {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
        fresh = false;
    }
}

fn split_at_column(text: &str, column: usize) -> (&str, &str) {
    let at = text.char_indices().nth(column).map_or(text.len(), |(at, _)| at);
    text.split_at(at)
}

/// The column under which a broken line goes on.
fn hanging(line: &str) -> usize {
    let body = line.trim_start();
    let indent = line.chars().count() - body.chars().count();
    let marker = match body.split_once(' ') {
        Some(("-", _)) => 2,
        Some((number, _)) if is_number(number) => number.len() + 1,
        _ => label(body).unwrap_or(0),
    };
    indent + marker
}

fn is_number(word: &str) -> bool {
    word.strip_suffix('.').is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The width of a label, its colon and at least two blanks.
fn label(body: &str) -> Option<usize> {
    let (label, rest) = body.split_once(':')?;
    let blanks = rest.chars().take_while(|c| *c == ' ').count();
    (blanks >= 2 && label.chars().count() <= 20).then(|| label.chars().count() + 1 + blanks)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_broken_line_goes_on_under_its_own_beginning() {
        let words = "word ".repeat(20);
        let words = words.trim_end();
        for (begin, indent) in [("", ""), ("  - ", "    "), ("  12. ", "      "), ("Key:         ", "             ")] {
            let wrapped = wrap(&format!("{begin}{words}\n"));
            let lines: Vec<&str> = wrapped.lines().collect();
            assert!(
                lines.len() == 2 && lines[0].starts_with(begin) && lines[1].starts_with(&format!("{indent}word")),
                "{wrapped}"
            );
        }
    }

    #[test]
    fn addresses_signatures_and_short_lines_stay_whole() {
        let address = format!("https://keys.example.org/a/{}", "x".repeat(90));
        assert_eq!(wrap(&address), address);
        assert_eq!(wrap(&format!("  at {address}\n")), format!("  at\n  {address}\n"));
        for kept in ["-- \n", "\n\n", "short line", "a  b   c\n"] {
            assert_eq!(wrap(kept), kept);
        }
    }

    proptest! {
        #[test]
        fn no_word_is_lost_or_broken_and_no_line_is_longer_than_it_must_be(text in "[a-zé0-9:. \n-]{0,400}") {
            let wrapped = wrap(&text);
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            prop_assert_eq!(words(&wrapped), words(&text));
            for line in wrapped.lines().filter(|line| line.chars().count() > WIDTH) {
                let rest = line.chars().skip(hanging(line)).collect::<String>();
                prop_assert!(!rest.trim().contains(' '), "{line:?}");
            }
        }
    }
}
