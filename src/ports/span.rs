//! What the stages tell of one scan as a trace: a span for each part, with counts and outcomes at its end.
//!
//! A span holds names of sources and providers, counts and words of closed lists: no secret, no address, nobody. Where
//! nobody listens, a span costs a glance. The names of attributes begin with `keysweep.`, and each span declares the ones
//! it will have, for what is not declared is not kept.

use futures::future::LocalBoxFuture;
use tracing::instrument::Instrument as _;
use tracing::{Span, field};

/// Where spans and what happens in them are: no line of the log has this target.
pub const TARGET: &str = "keysweep_trace";

/// What happens in one span is told so often at most.
pub const EVENTS_AT_MOST: u32 = 32;

/// Does the work within the span, and notes how it ended: what `counts` makes of it, or that it failed. The error's words
/// stay in the log, for they may quote what others said.
///
/// The work is boxed: a stage within a stage would else be a type within a type, at which the compiler works for minutes.
///
/// # Errors
/// Those of the work.
pub fn traced<'a, T: 'a, E: 'a, const N: usize>(
    span: Span,
    work: impl Future<Output = Result<T, E>> + 'a,
    counts: impl FnOnce(&T) -> [(&'static str, u64); N] + 'a,
) -> LocalBoxFuture<'a, Result<T, E>> {
    let work: LocalBoxFuture<'a, Result<T, E>> = Box::pin(work);
    Box::pin(async move {
        let result = work.instrument(span.clone()).await;
        match &result {
            Ok(done) => counts(done).into_iter().for_each(|(name, count)| note(&span, name, count)),
            Err(_) => failed(&span),
        }
        result
    })
}

/// Does the work of a stage within a span of its own, and notes these counts of what it comes to. Each count is named once: a
/// span keeps no count that it hasn't declared, and says nothing of it.
macro_rules! stage {
    ($name:literal, $work:expr, $sum:ident => { $($field:literal: $count:expr,)+ }) => {{
        let span = tracing::info_span!(
            target: $crate::ports::span::TARGET,
            $name,
            $($field = $crate::ports::span::LATER,)+
            "otel.status_code" = $crate::ports::span::LATER,
        );
        $crate::ports::span::traced(span, $work, |$sum| [$(($field, $count)),+])
    }};
}
pub(crate) use stage;

/// Notes a count of a span. Traces know signed numbers alone.
pub fn note(span: &Span, name: &'static str, count: u64) {
    span.record(name, i64::try_from(count).unwrap_or(i64::MAX));
}

/// Notes that what a span tells of went wrong.
pub fn failed(span: &Span) {
    span.record("otel.status_code", "ERROR");
}

/// A value that comes later.
pub const LATER: field::Empty = field::Empty;
