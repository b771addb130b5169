//! The one table.

use comfy_table::{CellAlignment, Table, presets};

/// One row: a work held against a yardstick, or a detail of one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    /// what was done
    pub(crate) work: String,
    /// what it is held against
    pub(crate) yardstick: String,
    /// the work in the yardstick's terms
    pub(crate) ratio: Option<f64>,
    /// absolute figures, for the record
    pub(crate) detail: String,
    /// microseconds of CPU an operation
    pub(crate) micros: Option<f64>,
    /// those of the yardstick
    pub(crate) yardstick_micros: Option<f64>,
    /// the most memory held
    pub(crate) peak_kib: Option<u64>,
    /// what is asked of it
    pub(crate) bar: String,
    /// whether it does what is asked
    pub(crate) met: Option<bool>,
    /// whether the wider gate is met, which leaves room for a busy machine
    pub(crate) gate_met: bool,
}

impl Line {
    /// A row that nothing is held against yet.
    pub(crate) fn new(work: String, yardstick: &str) -> Self {
        Self { work, yardstick: yardstick.to_owned(), gate_met: true, ..Self::default() }
    }

    /// More is better.
    pub(crate) fn at_least(self, bar: f64, gate: f64, value: f64) -> Self {
        Self { bar: format!("{value:.2} >= {bar}"), met: Some(value >= bar), gate_met: value >= gate, ..self }
    }

    /// Less is better.
    pub(crate) fn at_most(self, bar: f64, gate: f64, value: f64) -> Self {
        Self { bar: format!("{value:.3} <= {bar}"), met: Some(value <= bar), gate_met: value <= gate, ..self }
    }
}

/// The table as text.
pub(crate) fn render(lines: &[Line]) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header([
        "work",
        "yardstick",
        "ratio",
        "CPU us/op",
        "its",
        "peak MiB",
        "bar",
        "met",
        "absolute",
    ]);
    for line in lines {
        let number = |value: Option<f64>, digits: usize| value.map(|v| format!("{v:.digits$}")).unwrap_or_default();
        table.add_row([
            line.work.clone(),
            line.yardstick.clone(),
            number(line.ratio, 3),
            number(line.micros, 1),
            number(line.yardstick_micros, 1),
            number(line.peak_kib.map(|kib| kib as f64 / 1024.0), 1),
            line.bar.clone(),
            line.met.map(|met| if met { "yes" } else { "NO" }).unwrap_or_default().to_owned(),
            line.detail.clone(),
        ]);
    }
    for column in 2..=5 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}
