//! A list on a terminal that is too narrow for it: ids, dates and words stand whole, or not at all.
//!
//! Who copies an id out of a table must get all of it. So only the columns that hold sentences and names go over several lines;
//! of the others, the last ones make way, and the list says which.

use std::collections::BTreeSet;

use comfy_table::{ColumnConstraint, Table, Width};

use super::output::{BETWEEN, GAP, drawn, remark};

/// What a cell of several lines has at least, where there is as much in it.
const LEAST: u16 = 16;

/// A table, and the headers of the columns that there was no room for.
pub struct Fitted {
    table: Table,
    left_out: Vec<String>,
}

impl std::fmt::Display for Fitted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.table.fmt(f)?;
        if self.left_out.is_empty() {
            return Ok(());
        }
        let without = self.left_out.join(", ");
        write!(f, "\n{}", remark(&format!("no room for: {without} (a wider terminal or --format csv has them)")))
    }
}

/// The table of a list, whose columns `wrapped` may go over several lines.
pub fn fitted(headers: &[&str], rows: Vec<Vec<String>>, wrapped: &[&str]) -> Fitted {
    let mut words = Table::new();
    words.set_header(headers.iter().map(|header| first_word(header)));
    for row in &rows {
        words.add_row(row.iter().map(|cell| first_word(cell)));
    }
    let (mut table, headers) = drawn(headers, rows);
    let Some(width) = table.width() else { return Fitted { table, left_out: Vec::new() } };
    let (whole, words) = (table.column_max_content_widths(), words.column_max_content_widths());
    let wraps: Vec<bool> = headers.iter().map(|header| wrapped.contains(header)).collect();
    let needs: Vec<u16> = (0..headers.len())
        // An id that takes half of the terminal is broken: without it, nobody would know what the row is of.
        .map(|at| if wraps[at] { words[at].max(whole[at].min(LEAST)).min(width / 2) } else { whole[at] })
        .collect();
    let shown = shown(&needs, &wraps, width);
    let last = shown.last().copied();
    for (at, column) in table.column_iter_mut().enumerate() {
        let padding = if Some(at) == last { 0 } else { GAP };
        column.set_padding((0, padding)).set_constraint(match (shown.contains(&at), wraps[at]) {
            (false, _) => ColumnConstraint::Hidden,
            (true, false) => ColumnConstraint::ContentWidth,
            (true, true) => ColumnConstraint::LowerBoundary(Width::Fixed(needs[at] + padding)),
        });
    }
    let left_out = (0..headers.len()).filter(|at| !shown.contains(at)).map(|at| headers[at].to_owned()).collect();
    Fitted { table, left_out }
}

fn first_word(cell: &str) -> &str {
    cell.split(' ').next().unwrap_or_default()
}

/// The columns that a terminal of this width has room for. The first one stays; of the others those go first that can't wrap,
/// from the last one on.
fn shown(needs: &[u16], wraps: &[bool], width: u16) -> BTreeSet<usize> {
    let mut shown: BTreeSet<usize> = (0..needs.len()).collect();
    let taken = |shown: &BTreeSet<usize>| {
        let between = u32::from(BETWEEN) * (shown.len() as u32).saturating_sub(1);
        shown.iter().map(|at| u32::from(needs[*at])).sum::<u32>() + between
    };
    while taken(&shown) > u32::from(width) {
        let behind_the_first = || shown.iter().rev().copied().filter(|at| *at > 0);
        let Some(goes) = behind_the_first().find(|at| !wraps[*at]).or_else(|| behind_the_first().next()) else { break };
        shown.remove(&goes);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_columns_make_way_and_those_that_wrap_after_all_others() {
        let (needs, wraps) = ([4, 10, 16, 10, 16], [false, false, true, false, true]);
        for (width, expected) in [
            (64, vec![0, 1, 2, 3, 4]),
            (63, vec![0, 1, 2, 4]),
            (52, vec![0, 1, 2, 4]),
            (51, vec![0, 2, 4]),
            (40, vec![0, 2, 4]),
            (39, vec![0, 2]),
            (22, vec![0, 2]),
            (21, vec![0]),
            (1, vec![0]),
        ] {
            assert_eq!(shown(&needs, &wraps, width), expected.into_iter().collect(), "{width}");
        }
    }
}
