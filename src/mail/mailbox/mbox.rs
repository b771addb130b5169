//! A file with one message after the other, each behind a line that begins with `From `. It is never changed: a
//! [`Place`] says how far it was read, and by what it is known that the file is still the same.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek as _, SeekFrom};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{LONGEST, Piece};
use crate::mail::report;

/// So many bytes before a place make the file known again.
const KNOWN_BY: u64 = 4096;
/// A line is taken in pieces of at most this length.
const AT_ONCE: u64 = 64 * 1024;

/// How far a file was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// bytes that were handled
    offset: u64,
    /// a hash of the last of them: a file that was cut, or put in its place, has others there
    mark: String,
    /// how long the file was then
    length: u64,
}

/// The messages of a file, or of whatever else is written like one.
pub struct Messages<R> {
    input: BufReader<R>,
    /// where the next line begins
    at: u64,
    /// where the message begins that is being read
    begin: u64,
    blank_before: bool,
    message: Vec<u8>,
    too_long: bool,
    ended: bool,
}

/// A message and where it ends.
#[derive(Debug, PartialEq, Eq)]
pub struct Taken {
    /// the message
    pub piece: Piece,
    /// where it begins
    pub begin: u64,
    /// where the next one begins
    pub end: u64,
    /// true where nothing follows it: it may still be in the making
    pub last: bool,
}

impl<R: Read> Messages<R> {
    /// Reads from here on; `at` is how much of it was read before.
    pub fn of(input: R, at: u64) -> Self {
        Self {
            input: BufReader::new(input),
            at,
            begin: at,
            blank_before: true,
            message: Vec::new(),
            too_long: false,
            ended: false,
        }
    }

    /// The next message; `None` behind the last. Empty lines alone are none.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn next_message(&mut self) -> io::Result<Option<Taken>> {
        let is_blank = |piece: &Piece| matches!(piece, Piece::Message(message) if message.trim_ascii().is_empty());
        loop {
            match self.next_piece()? {
                Some(taken) if is_blank(&taken.piece) => {}
                other => return Ok(other),
            }
        }
    }

    fn next_piece(&mut self) -> io::Result<Option<Taken>> {
        let mut line = Vec::new();
        let mut begins = true;
        while !self.ended {
            line.clear();
            let length = (&mut self.input).take(AT_ONCE).read_until(b'\n', &mut line)?;
            if length == 0 {
                self.ended = true;
                break;
            }
            let separates = begins && self.blank_before && line.starts_with(b"From ");
            let from = self.at;
            self.at += length as u64;
            self.blank_before = begins && matches!(line.as_slice(), b"\n" | b"\r\n");
            begins = line.ends_with(b"\n");
            if !separates {
                self.keep(&line);
            } else if from > self.begin {
                let taken = self.taken(from, false);
                self.begin = from;
                return Ok(Some(taken));
            }
        }
        let rest = self.at > self.begin;
        let taken = rest.then(|| self.taken(self.at, true));
        self.begin = self.at;
        Ok(taken)
    }

    fn keep(&mut self, line: &[u8]) {
        if self.message.len() + line.len() > LONGEST {
            self.too_long = true;
            self.message = Vec::new();
        }
        if !self.too_long {
            self.message.extend_from_slice(line);
        }
    }

    fn taken(&mut self, end: u64, last: bool) -> Taken {
        let message = std::mem::take(&mut self.message);
        let piece = if std::mem::take(&mut self.too_long) { Piece::Unreadable } else { Piece::Message(message) };
        Taken { piece, begin: self.begin, end, last }
    }
}

/// A file that is read on from where it was left.
pub struct Mbox {
    file: File,
    messages: Messages<File>,
    /// how long it was when it was last read, where it is still the same file
    length_before: Option<u64>,
}

impl Mbox {
    /// Opens it at `place`; at its beginning where that is not a place of this file.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn open(path: &Path, place: Option<&Place>) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let known = match place {
            Some(place) if file.metadata()?.len() >= place.offset && mark(&mut file, place.offset)? == place.mark => {
                Some(place)
            }
            _ => None,
        };
        let offset = known.map_or(0, |place| place.offset);
        let mut reading = file.try_clone()?;
        reading.seek(SeekFrom::Start(offset))?;
        Ok(Self { file, messages: Messages::of(reading, offset), length_before: known.map(|place| place.length) })
    }

    /// The next message. The last one only where it is whole: a report whose last line is there, or a message of a file
    /// that is as long as when it was last read. `None` where nothing is left, or what is left is still being written.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn next_message(&mut self) -> io::Result<Option<Taken>> {
        let taken = self.messages.next_message()?;
        let unchanged = self.length_before == Some(self.messages.at);
        Ok(taken.filter(|taken| !taken.last || unchanged || is_whole(&taken.piece)))
    }

    /// The place behind what was handled up to `offset`.
    ///
    /// # Errors
    /// Where the file can't be read.
    pub fn place(&mut self, offset: u64) -> io::Result<Place> {
        // The reader has its own buffer, but shares the file's position.
        let here = self.file.stream_position()?;
        let place = Place { offset, mark: mark(&mut self.file, offset)?, length: self.messages.at };
        self.file.seek(SeekFrom::Start(here))?;
        Ok(place)
    }

    /// Where reading began.
    pub const fn begins_at(&self) -> u64 {
        self.messages.begin
    }
}

fn mark(file: &mut File, offset: u64) -> io::Result<String> {
    let from = offset.saturating_sub(KNOWN_BY);
    file.seek(SeekFrom::Start(from))?;
    let mut before = Vec::new();
    (&*file).take(offset - from).read_to_end(&mut before)?;
    Ok(Sha256::digest(&before).iter().take(16).map(|byte| format!("{byte:02x}")).collect())
}

/// Whether the line is there that ends a message of several parts. Of any other nothing says where it ends.
fn is_whole(piece: &Piece) -> bool {
    let Piece::Message(message) = piece else { return false };
    let Some(boundary) = report::boundary(message) else { return false };
    let last = format!("--{boundary}--");
    message.split(|byte| *byte == b'\n').any(|line| line.trim_ascii_end() == last.as_bytes())
        && message.ends_with(b"\n")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use proptest::prelude::*;

    use super::*;

    const REPORT: &str = "From MAILER-DAEMON Mon Sep 21 13:46:40 2026\nContent-Type: multipart/report; boundary=\"b\"\n\n\
                          --b\n\ntext\n\n--b--\n\n";
    const PLAIN: &str = "From someone@example.org Mon Sep 21 13:46:40 2026\nSubject: hello\n\nIt comes\nFrom here\n\n";

    struct Case {
        _folder: tempfile::TempDir,
        path: PathBuf,
        place: Option<Place>,
    }

    impl Case {
        fn new(text: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("mbox");
            fs::write(&path, text).unwrap();
            Self { _folder: folder, path, place: None }
        }

        /// What is new since it was last read.
        fn read(&mut self) -> Vec<Piece> {
            let mut mbox = Mbox::open(&self.path, self.place.as_ref()).unwrap();
            let (mut pieces, mut end) = (Vec::new(), mbox.begins_at());
            while let Some(taken) = mbox.next_message().unwrap() {
                end = taken.end;
                pieces.push(taken.piece);
            }
            self.place = Some(mbox.place(end).unwrap());
            pieces
        }

        fn append(&self, text: &str) {
            let whole = fs::read_to_string(&self.path).unwrap() + text;
            fs::write(&self.path, whole).unwrap();
        }
    }

    fn body(text: &str) -> Piece {
        Piece::Message(text.split_once('\n').unwrap().1.as_bytes().to_vec())
    }

    #[test]
    fn each_message_is_taken_once_and_what_comes_later_as_well() {
        let mut case = Case::new(&format!("{PLAIN}{REPORT}"));
        assert_eq!(case.read(), [body(PLAIN), body(REPORT)]);
        assert_eq!(case.read(), []);
        case.append(&format!("{REPORT}{PLAIN}{REPORT}"));
        assert_eq!(case.read(), [body(REPORT), body(PLAIN), body(REPORT)]);
        assert_eq!(case.read(), []);
    }

    #[test]
    fn what_is_still_being_written_waits_until_it_is_whole_or_nothing_is_added() {
        for cut in 1..REPORT.len() {
            let mut case = Case::new(&format!("{PLAIN}{}", &REPORT[..cut]));
            let begun = case.read();
            // A line that is not whole is of the message before, until it is known to begin another.
            assert!(begun.is_empty() || begun == [body(PLAIN)], "{cut}: {begun:?}");
            case.append(&REPORT[cut..]);
            assert_eq!([begun, case.read()].concat(), [body(PLAIN), body(REPORT)], "{cut}");
        }
        let mut case = Case::new(PLAIN);
        assert_eq!(case.read(), [], "nothing says where it ends");
        assert_eq!(case.read(), [body(PLAIN)], "nothing was added");
        assert_eq!(case.read(), []);
    }

    #[test]
    fn a_file_that_was_emptied_cut_or_replaced_is_read_from_its_beginning() {
        let mut case = Case::new(&format!("{PLAIN}{REPORT}"));
        assert_eq!(case.read().len(), 2);
        fs::write(&case.path, "").unwrap();
        assert_eq!(case.read(), []);
        case.append(REPORT);
        assert_eq!(case.read(), [body(REPORT)]);
        let other = REPORT.replace("text", "Text");
        fs::write(&case.path, format!("{other}{REPORT}")).unwrap();
        assert_eq!(case.read(), [body(&other), body(REPORT)], "as long as it was, or longer, but another");
    }

    #[test]
    fn a_message_of_any_length_costs_no_more_than_a_mebibyte_and_the_next_is_taken() {
        let long = format!("From x\n\n{}\n\n", "x".repeat(3 * LONGEST));
        let lines = format!("From x\n\n{}\n", "x\n".repeat(LONGEST));
        let mut case = Case::new(&format!("{long}{lines}{REPORT}"));
        assert_eq!(case.read(), [Piece::Unreadable, Piece::Unreadable, body(REPORT)]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_pieces_that_follow_each_other(
            parts in prop::collection::vec(prop::sample::select(vec!["From ", "\n", "\r\n", "x", "From", " "]), 0..60),
        ) {
            let text = parts.concat();
            let mut messages = Messages::of(text.as_bytes(), 0);
            let mut end = 0;
            while let Some(taken) = messages.next_message().unwrap() {
                prop_assert!(taken.begin >= end && taken.end > taken.begin);
                end = taken.end;
            }
            prop_assert!(end <= text.len() as u64);
        }
    }
}
