//! Metrics as their reader gets them.

/// Whatever has the metrics.
pub trait Exposition {
    /// All of them in Prometheus' text format, version 0.0.4.
    fn render(&self) -> String;
}
