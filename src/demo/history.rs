//! What Prometheus would have scraped during the story: whoever wants to see three weeks in the dashboards need not wait.

use std::io::{self, Write};

use crate::domain::time::Timestamp;
use crate::telemetry::metrics::Metrics;

/// As which job and instance the demo's own `prometheus.yml` would know it.
const TARGET: &str = r#"instance="demo",job="keysweep""#;

/// A file in the making, in OpenMetrics, as `promtool tsdb create-blocks-from openmetrics` reads it.
pub struct History(Box<dyn Write>);

impl History {
    /// One that nothing stands in yet.
    pub fn into(out: impl Write + 'static) -> Self {
        Self(Box::new(out))
    }

    /// Notes what is exported at this instant.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn note(&mut self, at: Timestamp, metrics: &Metrics) -> io::Result<()> {
        for sample in metrics.render().lines().filter(|line| !line.starts_with('#')) {
            writeln!(self.0, "{} {}", of_target(sample), at.as_secs())?;
        }
        Ok(())
    }

    /// Ends it: without its last line it is no whole file.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn end(mut self) -> io::Result<()> {
        writeln!(self.0, "# EOF")?;
        self.0.flush()
    }
}

/// A sample with the labels that Prometheus gives to whatever it scrapes (pure).
fn of_target(sample: &str) -> String {
    match sample.split_once('{') {
        Some((name, rest)) => format!("{name}{{{TARGET},{rest}"),
        None => match sample.split_once(' ') {
            Some((name, value)) => format!("{name}{{{TARGET}}} {value}"),
            None => sample.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_has_the_labels_of_its_target() {
        assert_eq!(of_target("up 1"), r#"up{instance="demo",job="keysweep"} 1"#);
        assert_eq!(of_target(r#"a_total{b="c {d"} 2"#), r#"a_total{instance="demo",job="keysweep",b="c {d"} 2"#);
    }
}
