use std::io::Read;

use proptest::prelude::*;

use super::super::cells::Cell;
use super::super::connection::CONTRACT;
use super::super::frames::{Ending, Frame, Frames};
use super::super::lane::Remarks;
use super::super::table::Columns;

/// Gives its bytes in pieces of a few.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.1.min(self.0.len()).min(buffer.len());
        buffer[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

fn all(bytes: &[u8], piece: usize, quoting: bool) -> Vec<(Frame, Vec<u8>)> {
    let mut frames = Frames::new(Trickle(bytes, piece), quoting);
    let mut found = Vec::new();
    while let Some(frame) = frames.advance().expect("a reader that doesn't fail") {
        found.push((frame, frames.record().to_vec()));
    }
    found
}

#[test]
fn records_end_where_csv_says_so() {
    for (text, wanted) in [
        ("a,b\nc\n", vec![(1, "a,b", Ending::LineEnd), (2, "c", Ending::LineEnd)]),
        ("a\r\n\r\nb", vec![(1, "a", Ending::LineEnd), (3, "b", Ending::File)]),
        ("\"a\nb\",c\nd\n", vec![(1, "\"a\nb\",c", Ending::LineEnd), (3, "d", Ending::LineEnd)]),
        ("a\"b\nc\"\n", vec![(1, "a\"b", Ending::LineEnd), (2, "c\"", Ending::LineEnd)]),
        ("\"a\"\"\n\"\n", vec![(1, "\"a\"\"\n\"", Ending::LineEnd)]),
        ("a,\"b\n", vec![(1, "a,\"b\n", Ending::OpenQuote)]),
        ("\"a\"", vec![(1, "\"a\"", Ending::File)]),
    ] {
        for piece in [1, 2, 3, 1000] {
            let found = all(text.as_bytes(), piece, true);
            let brief: Vec<_> = found
                .iter()
                .map(|(frame, record)| (frame.row, std::str::from_utf8(record).expect("text"), frame.ending))
                .collect();
            assert_eq!(brief, wanted, "{text:?} in pieces of {piece}");
        }
    }
}

proptest! {
    #[test]
    fn how_the_bytes_arrive_makes_no_difference(
        text in "[ab,\"\r\n]{0,60}",
        piece in 1_usize..9,
        quoting in any::<bool>(),
    ) {
        prop_assert_eq!(all(text.as_bytes(), piece, quoting), all(text.as_bytes(), 1000, quoting));
    }

    #[test]
    fn what_the_csv_crate_writes_is_read_back(
        rows in proptest::collection::vec(["[ -~é\n\r]{0,12}", "[a-z,\"\n]{1,12}", "[ -~]{0,12}"], 0..8),
        crlf in any::<bool>(),
        always in any::<bool>(),
        piece in 1_usize..99,
    ) {
        let terminator = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let style = if always { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
        let mut writer = csv::WriterBuilder::new().terminator(terminator).quote_style(style).from_writer(Vec::new());
        writer.write_record(["connection_id", "account_id", "provider"]).expect("memory");
        for row in &rows {
            writer.write_record(row).expect("memory");
        }
        let bytes = writer.into_inner().expect("memory");

        let mut frames = Frames::new(Trickle(&bytes, piece), true);
        frames.advance().expect("memory").expect("a header");
        let mut columns = Columns::read(frames.record(), &CONTRACT, &mut Remarks::default()).expect("a header");
        let mut found = Vec::new();
        while let Some(frame) = frames.advance().expect("memory") {
            prop_assert_eq!(frame.ending, Ending::LineEnd);
            let record = std::str::from_utf8(frames.record()).expect("text");
            let cells = columns.cells(record).ok().expect("a whole record");
            found.push([0, 1, 2].map(|field| match cells.get(field) {
                Cell::Text(text) => text.to_string(),
                other => panic!("{other:?}"),
            }));
        }
        prop_assert_eq!(found, rows);
    }
}
