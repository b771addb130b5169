//! Lines for people, none wider than the page.

use std::io::{self, Write};

/// No line is wider.
const WIDTH: usize = 100;

/// Where the story is printed.
pub struct Page<W> {
    out: W,
    label: String,
}

impl<W: Write> Page<W> {
    /// An empty page.
    pub const fn new(out: W) -> Self {
        Self { out, label: String::new() }
    }

    /// A heading, after an empty line. The terminal's own stream takes the colour out where none is wanted.
    ///
    /// # Errors
    /// Where the output can't be written.
    pub fn heading(&mut self, text: &str) -> io::Result<()> {
        self.label.clear();
        self.write(&format!("\n\u{1b}[1m{text}\u{1b}[0m\n"))
    }

    /// Text behind a label, which is not repeated below itself; lines that go on are indented to its width.
    ///
    /// # Errors
    /// Where the output can't be written.
    pub fn entry(&mut self, label: &str, text: &str) -> io::Result<()> {
        let indent = label.chars().count();
        let blank = " ".repeat(indent);
        let shown = if self.label == label { &blank } else { label };
        for (at, line) in wrapped(text, WIDTH - indent).iter().enumerate() {
            self.write(&format!("{}{line}\n", if at == 0 { shown } else { &blank }))?;
        }
        label.clone_into(&mut self.label);
        Ok(())
    }

    /// Text with line breaks of its own; what is too wide is folded below its indentation.
    ///
    /// # Errors
    /// Where the output can't be written.
    pub fn text(&mut self, text: &str) -> io::Result<()> {
        text.lines().try_for_each(|line| {
            let words = line.trim_start();
            let indent = line.chars().count() - words.chars().count();
            self.label.clear();
            self.entry(&" ".repeat(indent), words)
        })
    }

    /// A line for a shell, which must stay one line to be pasted.
    ///
    /// # Errors
    /// Where the output can't be written.
    pub fn command(&mut self, line: &str) -> io::Result<()> {
        self.label.clear();
        self.write(&format!("{line}\n"))
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        // People watch it happen, so nothing waits in a buffer.
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
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

    fn printed(print: impl FnOnce(&mut Page<&mut Vec<u8>>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        print(&mut Page::new(&mut out)).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_label_is_said_once() {
        let printed = printed(|page| {
            page.entry("08:00  ", "one")?;
            page.entry("08:00  ", "two")?;
            page.entry("14:00  ", "three")
        });
        assert_eq!(printed, "08:00  one\n       two\n14:00  three\n");
    }

    #[test]
    fn text_keeps_its_lines_and_its_indentation() {
        let wide = format!("a\n\n  {}", "word ".repeat(30).trim());
        let printed = printed(|page| page.text(&wide));
        assert!(printed.starts_with("a\n\n  word"));
        assert!(printed.lines().skip(2).all(|line| line.starts_with("  word") && line.len() <= WIDTH));
    }

    #[test]
    fn a_command_stays_one_line_however_long_it_is() {
        let line = format!("keysweep {}", "--option value ".repeat(20));
        assert_eq!(printed(|page| page.command(&line)), format!("{line}\n"));
    }

    #[test]
    fn no_line_is_wider_than_the_page_and_no_word_is_lost() {
        let text = "word ".repeat(60);
        let printed = printed(|page| page.entry("day  1 08:00  ", text.trim()));
        assert!(printed.lines().all(|line| line.chars().count() <= WIDTH));
        assert_eq!(printed.matches("word").count(), 60);
    }
}
