//! One file, from its first byte to the proof that it was read whole.

use std::collections::HashSet;
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::cells::{Cell, Cells, Contract, row_problem};
use super::file::FileKind;
use super::frames::{Ending, Frame, Frames, LONGEST_RECORD};
use super::lines;
use super::table::Columns;
use crate::domain::record::{FieldProblem, Row};
use crate::domain::time::Timestamp;
use crate::ports::SourceError;

/// Turns the fields of one row into a record; the last argument takes facts that are dropped.
pub(super) type Build<T> = fn(Cells<'_>, Timestamp, &mut Vec<FieldProblem>) -> Result<T, FieldProblem>;

/// A file that is being read.
pub(super) struct Lane {
    frames: Frames<File>,
    format: Format,
    contract: &'static Contract,
    path: PathBuf,
    stamp: Stamp,
    now: Timestamp,
    remarks: Remarks,
    rows: u64,
    state: State,
}

enum Format {
    Csv(Columns),
    Jsonl,
}

/// Whose the rows are that it took in can't be said: none of them may count as missing.
const SWALLOWS: &str = "holds another row, as where a quotation mark is left open; have the export double each quotation mark \
                        within a field";

enum State {
    Reading,
    Ended,
    /// it failed; the error waits for the next call, unless it was told
    Failed(Option<SourceError>),
}

/// A record that gives no fields.
pub(super) struct Bad {
    /// its id, where that could be read all the same
    pub id: Option<String>,
    /// what is wrong
    pub problem: FieldProblem,
    /// what shows that it was cut in its middle, should it be the last
    pub cut: Option<String>,
}

/// Remarks on the file as a whole, each made once.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    /// in the order in which they were made
    pub list: Vec<String>,
    seen: HashSet<String>,
}

/// What shows that a file is still the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    length: u64,
    modified: (i64, i64),
    inode: (u64, u64),
}

impl Lane {
    /// Opens a file and, where it is CSV, reads its header. `setting` is where the path was set, for errors.
    pub(super) fn open(
        path: &Path,
        kind: FileKind,
        contract: &'static Contract,
        now: Timestamp,
        setting: &str,
    ) -> Result<Self, SourceError> {
        let (input, metadata) = input(path, setting)?;
        let stamp = Stamp::of(&metadata);
        let mut lane = Self {
            frames: Frames::new(input, kind == FileKind::Csv),
            format: Format::Jsonl,
            contract,
            path: path.to_owned(),
            stamp,
            now,
            remarks: Remarks::default(),
            rows: 0,
            state: State::Reading,
        };
        if kind == FileKind::Csv {
            lane.format = Format::Csv(lane.header()?);
        }
        Ok(lane)
    }

    /// The next rows, at most `limit`. Rows that were read before a failure are handed on first; the next call then
    /// fails. An empty batch means that the file was read whole.
    pub(super) fn batch<T>(&mut self, limit: usize, build: Build<T>) -> Result<Vec<Row<T>>, SourceError> {
        let mut rows = Vec::new();
        while rows.len() < limit.max(1) && matches!(self.state, State::Reading) {
            match self.row(build) {
                Ok(Some(row)) => rows.push(row),
                Ok(None) => self.state = State::Ended,
                Err(e) => self.state = State::Failed(Some(e)),
            }
        }
        match &mut self.state {
            State::Failed(error) if rows.is_empty() => Err(match error.take() {
                Some(error) => error,
                None => failed(&self.path, "could not be read to its end; it will be read again at the next scan"),
            }),
            State::Reading | State::Ended | State::Failed(_) => Ok(rows),
        }
    }

    /// When the file was last written, by the clock of the file system.
    pub(super) fn written_at(&self) -> Timestamp {
        Timestamp::from_millis(self.stamp.modified.0.saturating_mul(1000))
    }

    /// Remarks made so far.
    pub(super) fn remarks(&self) -> &[String] {
        &self.remarks.list
    }

    fn header(&mut self) -> Result<Columns, SourceError> {
        let Some(frame) = self.frame()? else {
            return Err(failed(&self.path, "has no header; the first line must name the columns"));
        };
        if frame.too_long {
            return Err(failed(&self.path, "has no header: its first line is longer than 1 MiB"));
        }
        let columns = Columns::read(self.frames.record(), self.contract, &mut self.remarks)
            .map_err(|what| failed(&self.path, what))?;
        if frame.ending == Ending::LineEnd {
            return Ok(columns);
        }
        // no rows at all would mean that every connection is gone
        Err(self.cut_short(frame, "the file ends within the header, without a line end".to_owned()))
    }

    fn row<T>(&mut self, build: Build<T>) -> Result<Option<Row<T>>, SourceError> {
        let Some(frame) = self.frame()? else {
            self.still_the_same()?;
            return Ok(None);
        };
        self.rows += 1;
        let record = self.frames.record();
        if self.rows == 1 && matches!(self.format, Format::Jsonl) && record.trim_ascii_start().starts_with(b"[") {
            return Err(failed(&self.path, "holds a JSON list; write one object a line, without a list around them"));
        }
        let row = |id, account, record, dropped| Ok(Some(Row { row: frame.row, id, account, record, dropped }));
        let parsed = match std::str::from_utf8(record) {
            _ if frame.too_long => Err(self.format.too_long(record)),
            Ok(text) => self.format.cells(text, self.contract, &mut self.remarks),
            Err(e) => Err(self.format.not_utf8(record, e.error_len().is_none(), self.contract, &mut self.remarks)),
        };
        let swallows = matches!(&self.format, Format::Csv(columns) if columns.holds_another(record));
        match parsed {
            Ok(cells) if swallows => {
                let problem = build(cells, self.now, &mut Vec::new()).err();
                row(None, None, Err(problem.unwrap_or_else(|| row_problem(SWALLOWS.to_owned()))), Vec::new())
            }
            Ok(cells) => {
                let mut dropped = Vec::new();
                let (id, account) = (cells.row_id(), cells.row_account());
                let record = build(cells, self.now, &mut dropped);
                row(id, account, record, dropped)
            }
            Err(Bad { cut: Some(cut), .. }) if frame.ending == Ending::File => {
                Err(self.cut_short(frame, format!("the last record {cut} and isn't ended by a line end")))
            }
            Err(bad) => row(bad.id.filter(|_| !swallows), None, Err(bad.problem), Vec::new()),
        }
    }

    fn frame(&mut self) -> Result<Option<Frame>, SourceError> {
        match self.frames.advance() {
            Ok(Some(frame)) if frame.ending == Ending::OpenQuote => {
                Err(self.cut_short(frame, "a quotation mark is still open at the end of the file".to_owned()))
            }
            Ok(frame) => Ok(frame),
            Err(e) => {
                Err(failed(&self.path, format!("can't be read on ({e}); it will be read again at the next scan")))
            }
        }
    }

    /// A file that is being rewritten looks cut short as well; that it changes says more.
    fn cut_short(&self, frame: Frame, what: String) -> SourceError {
        match self.still_the_same() {
            Ok(()) => SourceError::CutShort { place: place(&self.path), row: frame.row, what },
            Err(changed) => changed,
        }
    }

    fn still_the_same(&self) -> Result<(), SourceError> {
        match fs::metadata(&self.path) {
            Ok(metadata) if Stamp::of(&metadata) == self.stamp => Ok(()),
            Ok(_) | Err(_) => Err(SourceError::Changed { place: place(&self.path) }),
        }
    }
}

impl Format {
    fn cells<'r>(
        &mut self,
        record: &'r str,
        contract: &'static Contract,
        remarks: &mut Remarks,
    ) -> Result<Cells<'r>, Bad> {
        match self {
            Self::Csv(columns) => columns.cells(record),
            Self::Jsonl => lines::cells(record, contract, remarks),
        }
    }

    fn too_long(&mut self, first_part: &[u8]) -> Bad {
        let id = match self {
            Self::Csv(columns) => columns.id_of_first_part(first_part),
            Self::Jsonl => None,
        };
        let reason = format!("is longer than {LONGEST_RECORD} bytes");
        Bad { id, cut: Some(reason.clone()), problem: row_problem(reason) }
    }

    /// Reads the record with a mark in place of each wrong byte, to learn its id and which field is damaged.
    /// `within` is whether it ends within a character.
    fn not_utf8(&mut self, record: &[u8], within: bool, contract: &'static Contract, remarks: &mut Remarks) -> Bad {
        const REASON: &str = "is not UTF-8; write the file as UTF-8";
        let text = Zeroizing::new(String::from_utf8_lossy(record).into_owned());
        let damaged = |text: &str| text.contains(char::REPLACEMENT_CHARACTER);
        let ends = within.then(|| "ends within a character".to_owned());
        let (id, problem, cut) = match self.cells(&text, contract, remarks) {
            Err(bad) => (bad.id, row_problem(REASON), bad.cut.or(ends)),
            Ok(cells) => {
                let is_damaged = |field: &usize| matches!(cells.get(*field), Cell::Text(text) if damaged(text));
                let field = (0..contract.names.len()).find(is_damaged);
                let problem = field.map_or_else(|| row_problem(REASON), |field| cells.problem(field, REASON));
                (cells.row_id(), problem, ends)
            }
        };
        Bad { id: id.filter(|id| !damaged(id)), problem, cut }
    }
}

impl Remarks {
    /// At most this many names are remembered: a hostile file could have a new one on every line.
    const MOST: usize = 50;
    /// A longer name is nobody's slip.
    const LONGEST: usize = 200;

    /// Remarks that a column or field isn't in the contract.
    pub(super) fn unknown(&mut self, contract: &Contract, noun: &str, name: &str) {
        if self.seen.len() < Self::MOST && !self.seen.contains(name) && name.len() <= Self::LONGEST {
            self.seen.insert(name.to_owned());
            self.list.push(contract.unknown(noun, name));
        }
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            inode: (metadata.dev(), metadata.ino()),
        }
    }
}

/// The file at `path`, open for reading. `setting` is where the path was set, for errors.
pub(super) fn input(path: &Path, setting: &str) -> Result<(File, Metadata), SourceError> {
    let cannot = |e: &io::Error| failed(path, opening_failed(e, setting));
    // asked before opening: opening a named pipe would wait for its writer
    if !fs::metadata(path).map_err(|e| cannot(&e))?.is_file() {
        return Err(failed(path, format!("is not a regular file; name one in {setting}")));
    }
    let input = File::open(path).map_err(|e| cannot(&e))?;
    let metadata = input.metadata().map_err(|e| cannot(&e))?;
    Ok((input, metadata))
}

fn opening_failed(e: &io::Error, setting: &str) -> String {
    match e.kind() {
        ErrorKind::NotFound => format!("there is no such file; check {setting}"),
        ErrorKind::PermissionDenied => "may not be read by the user that keysweep runs as; grant it".to_owned(),
        _ => format!("can't be opened ({e}); check {setting}"),
    }
}

/// The failure to read a file, for people.
pub(super) fn failed(path: &Path, what: impl Into<String>) -> SourceError {
    SourceError::Failed { place: place(path), what: what.into() }
}

fn place(path: &Path) -> String {
    path.display().to_string()
}
