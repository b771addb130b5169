//! Where a record begins and ends, in bounded memory.
//!
//! The `csv` crate isn't used for reading, for four reasons: it takes an end of file within quotation marks for a
//! whole record, so that a file that was cut short looks complete; it lets a record grow without limit; its line
//! numbers are off after blank lines; and its buffers, which hold secrets, can't be wiped. Tests hold this reader
//! against that crate's writer.

use std::io::{self, Read};

use zeroize::Zeroizing;

/// The longest record that is read, in bytes; more of one is counted, not kept.
pub(super) const LONGEST_RECORD: usize = 1 << 20;

const CHUNK: usize = 1 << 15;
const FIRST_CAPACITY: usize = 1 << 12;

/// Splits bytes into records. Its buffers are wiped when they are dropped or outgrown: the operating system's page
/// cache is the only other place that the file's bytes pass through.
pub(super) struct Frames<R> {
    input: R,
    quoting: bool,
    chunk: Zeroizing<Vec<u8>>,
    read: usize,
    filled: usize,
    record: Zeroizing<Vec<u8>>,
    line: u64,
}

/// One record's place; its bytes are in [`Frames::record`] until the next is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// the line on which it begins, from 1
    pub row: u64,
    /// how it ends
    pub ending: Ending,
    /// true where only its first [`LONGEST_RECORD`] bytes were kept
    pub too_long: bool,
}

/// How a record ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// with a line end
    LineEnd,
    /// with the file
    File,
    /// with the file, within quotation marks
    OpenQuote,
}

/// Where in a CSV record a byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    FieldStart,
    Plain,
    Quoted,
    /// after a quotation mark within quotation marks: the end of the field, or the first half of a doubled one
    QuoteSeen,
}

impl<R: Read> Frames<R> {
    /// `quoting` is whether quotation marks may hold line ends, as in CSV.
    pub(super) fn new(input: R, quoting: bool) -> Self {
        Self {
            input,
            quoting,
            chunk: Zeroizing::new(vec![0; CHUNK]),
            read: 0,
            filled: 0,
            record: Zeroizing::new(Vec::with_capacity(FIRST_CAPACITY)),
            line: 0,
        }
    }

    /// The bytes of the last record, without its line end.
    pub(super) fn record(&self) -> &[u8] {
        &self.record
    }

    /// Reads the next record that isn't blank. `None` is the end of the file.
    ///
    /// # Errors
    /// Where the file can't be read on.
    pub(super) fn advance(&mut self) -> io::Result<Option<Frame>> {
        loop {
            let frame = self.any_record()?;
            if frame.is_none_or(|frame| frame.too_long || !self.record.trim_ascii().is_empty()) {
                return Ok(frame);
            }
        }
    }

    fn any_record(&mut self) -> io::Result<Option<Frame>> {
        self.record.clear();
        let mut frame = Frame { row: self.line + 1, ending: Ending::LineEnd, too_long: false };
        let (mut place, mut begun) = (Place::FieldStart, false);
        loop {
            if self.read == self.filled && !self.refill()? {
                frame.ending = if place == Place::Quoted { Ending::OpenQuote } else { Ending::File };
                return Ok(begun.then_some(frame));
            }
            if !begun && self.line == 0 && self.chunk[self.read..self.filled].starts_with(b"\xef\xbb\xbf") {
                self.read += 3; // a byte order mark is no part of the first column's name
            }
            let rest = &self.chunk[self.read..self.filled];
            let (used, ended, newlines) = scan(rest, self.quoting, &mut place);
            let room = LONGEST_RECORD - self.record.len();
            append(&mut self.record, &rest[..used.min(room)]);
            frame.too_long |= used > room;
            begun |= used > 0;
            self.line += newlines;
            self.read += used;
            if ended {
                if !frame.too_long {
                    strip_line_end(&mut self.record);
                }
                return Ok(Some(frame));
            }
        }
    }

    /// False at the end of the file.
    fn refill(&mut self) -> io::Result<bool> {
        self.read = 0;
        self.filled = loop {
            match self.input.read(&mut self.chunk) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        Ok(self.filled > 0)
    }
}

/// Goes on to the end of the record, at most to the end of `bytes`. Returns how many bytes belong to it, whether it
/// ended, and how many line ends were passed.
fn scan(bytes: &[u8], quoting: bool, place: &mut Place) -> (usize, bool, u64) {
    if !quoting || *place == Place::FieldStart {
        // most records have no quotation marks; for those it is enough to find the line end
        if let Some(end) = bytes.iter().position(|&b| b == b'\n')
            && (!quoting || !bytes[..end].contains(&b'"'))
        {
            return (end + 1, true, 1);
        }
        if !quoting {
            return (bytes.len(), false, 0);
        }
    }
    let mut newlines = 0;
    for (i, &byte) in bytes.iter().enumerate() {
        newlines += u64::from(byte == b'\n');
        *place = match (*place, byte) {
            (Place::Quoted, b'"') => Place::QuoteSeen,
            (Place::Quoted, _) | (Place::FieldStart | Place::QuoteSeen, b'"') => Place::Quoted,
            (_, b'\n') => return (i + 1, true, newlines),
            (_, b',') => Place::FieldStart,
            (_, _) => Place::Plain,
        };
    }
    (bytes.len(), false, newlines)
}

/// Appends without the copy that a growing vector leaves behind.
fn append(record: &mut Zeroizing<Vec<u8>>, bytes: &[u8]) {
    let wanted = record.len() + bytes.len();
    if wanted > record.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity(wanted.max(2 * record.capacity())));
        larger.extend_from_slice(record);
        *record = larger;
    }
    record.extend_from_slice(bytes);
}

fn strip_line_end(record: &mut Vec<u8>) {
    if record.last() == Some(&b'\n') {
        record.pop();
    }
    if record.last() == Some(&b'\r') {
        record.pop();
    }
}
