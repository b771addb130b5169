//! Lines for people, none wider than the page.

use std::io::Write;

use super::DemoError;

/// No line is wider.
pub(super) const WIDTH: usize = 100;

/// Where the story is printed.
pub(super) struct Page<W> {
    out: W,
}

impl<W: Write> Page<W> {
    pub(super) const fn new(out: W) -> Self {
        Self { out }
    }

    /// A heading, after an empty line. The terminal's own stream takes the colour out where none is wanted.
    pub(super) fn heading(&mut self, text: &str) -> Result<(), DemoError> {
        self.write(&format!("\n\u{1b}[1m{text}\u{1b}[0m\n"))
    }

    /// Text behind a label; lines that go on are indented to its width.
    pub(super) fn entry(&mut self, label: &str, text: &str) -> Result<(), DemoError> {
        let indent = label.chars().count();
        let mut lines = wrapped(text, WIDTH - indent).into_iter();
        let first = lines.next().unwrap_or_default();
        self.write(&format!("{label}{first}\n"))?;
        lines.try_for_each(|line| self.write(&format!("{:indent$}{line}\n", "")))
    }

    /// Lines as they are.
    pub(super) fn verbatim(&mut self, text: &str) -> Result<(), DemoError> {
        self.write(text)
    }

    fn write(&mut self, text: &str) -> Result<(), DemoError> {
        // People watch it happen, so nothing waits in a buffer.
        self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()).map_err(DemoError::Output)
    }
}

/// The words in lines of at most `width` characters; a longer word has a line of its own.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let Some(line) = lines.last_mut() else { break };
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_the_page_and_no_word_is_lost() {
        let mut out = Vec::new();
        let text = "word ".repeat(60);
        Page::new(&mut out).entry("day  1 08:00  ", text.trim()).unwrap();
        let printed = String::from_utf8(out).unwrap();
        assert!(printed.lines().all(|line| line.chars().count() <= WIDTH));
        assert_eq!(printed.matches("word").count(), 60);
    }
}
