//! What a query asks for, by a parser of PromQL.

#![expect(clippy::panic, reason = "what can't be read fails the test")]

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{self, Expr, LabelModifier, VectorSelector};

/// What a query asks for.
#[derive(Debug, Default)]
pub struct Query {
    /// the series it reads
    pub selectors: Vec<Selector>,
    /// the labels that it groups or joins by
    pub labels: Vec<String>,
}

/// Series that are read.
#[derive(Debug)]
pub struct Selector {
    /// the metric
    pub metric: String,
    /// what the labels must be
    pub matchers: Vec<Matcher>,
    /// true where all the samples of a time are read
    pub over_time: bool,
    /// the function that they go through first
    pub function: Option<String>,
}

impl Selector {
    /// True where a label must match this regular expression.
    pub fn asks_for(&self, label: &str, expression: &str) -> bool {
        self.matchers.iter().any(|m| m.name == label && m.value == expression && matches!(m.op, MatchOp::Re(_)))
    }

    /// True where the name says that it counts up.
    pub fn is_counter(&self) -> bool {
        ["_total", "_bucket", "_sum", "_count"].iter().any(|end| self.metric.ends_with(end))
    }
}

/// Reads a query; the variables of a dashboard may stand in it.
#[track_caller]
pub fn parsed(text: &str) -> Query {
    let text = text.replace("$__rate_interval", "5m").replace("$__range", "1d");
    let expression = parser::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let mut query = Query::default();
    query.read(&expression, None);
    query
}

impl Query {
    fn read(&mut self, expression: &Expr, function: Option<&str>) {
        match expression {
            Expr::VectorSelector(selector) => self.selector(selector, false, function),
            Expr::MatrixSelector(selector) => self.selector(&selector.vs, true, function),
            Expr::Call(call) => {
                for argument in &call.args.args {
                    self.read(argument, Some(call.func.name));
                }
            }
            Expr::Aggregate(aggregate) => {
                self.modifier(aggregate.modifier.as_ref());
                self.read(&aggregate.expr, None);
            }
            Expr::Binary(binary) => {
                self.modifier(binary.modifier.as_ref().and_then(|modifier| modifier.matching.as_ref()));
                self.read(&binary.lhs, None);
                self.read(&binary.rhs, None);
            }
            Expr::Unary(unary) => self.read(&unary.expr, None),
            Expr::Paren(paren) => self.read(&paren.expr, function),
            Expr::Subquery(query) => self.over_time(&query.expr, function),
            Expr::Extension(_) => panic!("not used here: {expression}"),
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) => {}
        }
    }

    /// What is asked at every step of a time: the function goes over what all its series come to.
    fn over_time(&mut self, expression: &Expr, function: Option<&str>) {
        let before = self.selectors.len();
        self.read(expression, function);
        for inner in self.selectors.iter_mut().skip(before) {
            inner.over_time = true;
            inner.function = inner.function.take().or_else(|| function.map(str::to_owned));
        }
    }

    /// Series of one name, or of each of several.
    fn selector(&mut self, selector: &VectorSelector, over_time: bool, function: Option<&str>) {
        assert!(selector.matchers.or_matchers.is_empty(), "not used here: {selector}");
        let (names, matchers): (Vec<Matcher>, Vec<Matcher>) =
            selector.matchers.matchers.iter().cloned().partition(|matcher| matcher.name == "__name__");
        let metrics = match (&selector.name, &names[..]) {
            (Some(name), []) => vec![name.clone()],
            (None, [Matcher { op: MatchOp::Re(_), value, .. }]) => value.split('|').map(str::to_owned).collect(),
            _ => panic!("a metric by its name, or several by theirs: {selector}"),
        };
        let function = function.map(str::to_owned);
        self.selectors.extend(metrics.into_iter().map(|metric| {
            let (matchers, function) = (matchers.clone(), function.clone());
            Selector { metric, matchers, over_time, function }
        }));
    }

    fn modifier(&mut self, modifier: Option<&LabelModifier>) {
        self.labels.extend(modifier.iter().flat_map(|modifier| modifier.labels().labels.iter().cloned()));
    }
}
