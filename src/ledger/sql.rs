//! Statements in both dialects, written once.
//!
//! [`sql!`](sql) puts a statement together from parts: a text where SQLite and PostgreSQL agree, and between brackets what
//! they say differently. Both texts are constants; placeholders are `$1`, `$2` in both.
//!
//! | part | SQLite | PostgreSQL |
//! |---|---|---|
//! | `["a" \| "b"]` | `a` | `b` |
//! | `[json "k.belief"]` | JSON text as a part of the answer | the same |
//! | `[list "a, b"]` | one row, a JSON list of columns | the same, as text |
//! | `[page "a, b"]` | a packed page: a JSON list of rows, each a JSON list of columns | the same, as text |
//! | `[page by "a": "a, b"]` | the rows as they come | sorted: a join promises no order there |
//! | `[numbers "id"]` | a JSON list of one column | the same, as text |
//! | `[each "$1" w bigint]` | the values of a JSON list as `w.value` | the same |
//! | `[within "$1" bigint]` | the values of a JSON list, behind `IN` | the same |
//! | `[tuples "$1" v (0 id bigint)]` | a JSON list of lists as a table `v` | the same |
//! | `[wide "$1" v (0 id bigint)]` | likewise, for rows of many columns: each parsed once | the same |
//! | `[records "$1" v (id bigint)]` | a JSON list of objects as a table `v`, each parsed once | the same |
//! | `[fill name]` | the parts that another macro of this room gives | the same |
//!
//! Types say what PostgreSQL is to make of a JSON value; `text` keeps a list or an object as its JSON text. SQLite has no
//! need of them. It knows yes and no as 1 and 0, PostgreSQL as `boolean`; those who read a page take either.

/// A statement in both dialects.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sql {
    /// as SQLite takes it
    pub(super) sqlite: &'static str,
    /// as PostgreSQL takes it
    pub(super) postgres: &'static str,
}

/// A statement from its parts (see the head of the module).
macro_rules! sql {
    ($($part:tt)*) => {
        $crate::ledger::sql::Sql { sqlite: dialect!(sqlite $($part)*), postgres: dialect!(postgres $($part)*) }
    };
}

/// The parts in one dialect, as one literal.
macro_rules! dialect {
    ($dialect:ident $($part:tt)*) => { concat!($(part!($dialect $part)),*) };
}

/// One part in one dialect.
macro_rules! part {
    ($dialect:ident $text:literal) => { $text };
    (sqlite [$sqlite:literal | $postgres:literal]) => { $sqlite };
    (postgres [$sqlite:literal | $postgres:literal]) => { $postgres };
    ($dialect:ident [fill $name:ident]) => { $name!($dialect) };
    (sqlite [json $($inner:tt)*]) => { concat!("json(", dialect!(sqlite $($inner)*), ")") };
    (postgres [json $($inner:tt)*]) => { concat!("(", dialect!(postgres $($inner)*), ")::json") };
    (sqlite [array $($inner:tt)*]) => { concat!("json_array(", dialect!(sqlite $($inner)*), ")") };
    (postgres [array $($inner:tt)*]) => { concat!("json_build_array(", dialect!(postgres $($inner)*), ")") };
    ($dialect:ident [list $($inner:tt)*]) => {
        concat!(part!($dialect [array $($inner)*]), part!($dialect ["" | "::text"]))
    };
    (sqlite [page by $order:literal : $($inner:tt)*]) => { part!(sqlite [page $($inner)*]) };
    (postgres [page by $order:literal : $($inner:tt)*]) => {
        concat!("coalesce(json_agg(", part!(postgres [array $($inner)*]), " ORDER BY ", $order, "), '[]')::text")
    };
    (sqlite [page $($inner:tt)*]) => { concat!("json_group_array(", part!(sqlite [array $($inner)*]), ")") };
    (postgres [page $($inner:tt)*]) => {
        concat!("coalesce(json_agg(", part!(postgres [array $($inner)*]), "), '[]')::text")
    };
    (sqlite [numbers $column:literal]) => { concat!("json_group_array(", $column, ")") };
    (postgres [numbers $column:literal]) => { concat!("coalesce(json_agg(", $column, "), '[]')::text") };
    (sqlite [each $bind:literal $name:ident $kind:ident]) => { concat!("json_each(", $bind, ") AS ", stringify!($name)) };
    (postgres [each $bind:literal $name:ident $kind:ident]) => {
        concat!("(SELECT value::", stringify!($kind), " AS value FROM json_array_elements_text(", $bind, "::json)) AS ",
                stringify!($name))
    };
    (sqlite [within $bind:literal $kind:ident]) => { concat!("(SELECT value FROM json_each(", $bind, "))") };
    (postgres [within $bind:literal $kind:ident]) => {
        concat!("(SELECT value::", stringify!($kind), " FROM json_array_elements_text(", $bind, "::json))")
    };
    (sqlite [tuples $bind:literal $name:ident ($at:literal $first:ident $kind:ident $(, $more_at:literal $more:ident $more_kind:ident)*)]) => {
        concat!("(SELECT value ->> ", $at, " AS ", stringify!($first),
                $(", value ->> ", $more_at, " AS ", stringify!($more),)*
                " FROM json_each(", $bind, ")) AS ", stringify!($name))
    };
    (postgres [tuples $bind:literal $name:ident ($at:literal $first:ident $kind:ident $(, $more_at:literal $more:ident $more_kind:ident)*)]) => {
        concat!("(SELECT (value ->> ", $at, ")::", stringify!($kind), " AS ", stringify!($first),
                $(", (value ->> ", $more_at, ")::", stringify!($more_kind), " AS ", stringify!($more),)*
                " FROM json_array_elements(", $bind, "::json)) AS ", stringify!($name))
    };
    (sqlite [wide $bind:literal $name:ident ($at:literal $first:ident $kind:ident $(, $more_at:literal $more:ident $more_kind:ident)*)]) => {
        concat!("(SELECT value ->> ", $at, " AS ", stringify!($first),
                $(", value ->> ", $more_at, " AS ", stringify!($more),)*
                " FROM (SELECT jsonb(value) AS value FROM json_each(", $bind, ") LIMIT -1 OFFSET 0)) AS ", stringify!($name))
    };
    (postgres [wide $bind:literal $name:ident ($at:literal $first:ident $kind:ident $(, $more_at:literal $more:ident $more_kind:ident)*)]) => {
        concat!("(SELECT (value ->> ", $at, ")::", stringify!($kind), " AS ", stringify!($first),
                $(", (value ->> ", $more_at, ")::", stringify!($more_kind), " AS ", stringify!($more),)*
                " FROM jsonb_array_elements(", $bind, "::jsonb)) AS ", stringify!($name))
    };
    // The LIMIT is none, but keeps SQLite's planner from merging the inner query into the outer: it would then parse a
    // row's text anew for every field, which was half of a first load.
    (sqlite [records $bind:literal $name:ident ($first:ident $kind:ident $(, $more:ident $more_kind:ident)*)]) => {
        concat!("(SELECT value ->> '", stringify!($first), "' AS \"", stringify!($first), "\"",
                $(", value ->> '", stringify!($more), "' AS \"", stringify!($more), "\"",)*
                " FROM (SELECT jsonb(value) AS value FROM json_each(", $bind, ") LIMIT -1 OFFSET 0)) AS ", stringify!($name))
    };
    (postgres [records $bind:literal $name:ident ($first:ident $kind:ident $(, $more:ident $more_kind:ident)*)]) => {
        concat!("json_to_recordset(", $bind, "::json) AS ", stringify!($name), " (\"", stringify!($first), "\" ", stringify!($kind),
                $(", \"", stringify!($more), "\" ", stringify!($more_kind),)* ")")
    };
}
