//! From one page's address to the next one's (pure).

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use url::Url;

use super::page::Around;
use super::pointer::Pointer;

/// A list of more pages is one without an end.
const MOST_PAGES: usize = 100_000;

/// How a list is paged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Paging {
    /// not at all: one answer is the whole list
    Whole,
    /// each page tells the next one's address: in a `Link` header, or at this place
    Link(Option<Pointer>),
    /// each page tells a cursor, with which the next one is asked for
    Cursor {
        /// where it is
        next: Pointer,
        /// the name that it has in the query
        parameter: String,
    },
    /// pages are counted
    Number {
        /// the name that the number has in the query
        parameter: String,
        /// the first page's
        first: u32,
        /// where it says how many there are; without it the first page without rows is the end
        pages: Option<Pointer>,
    },
}

impl Paging {
    /// Where an answer says how to go on.
    pub(super) fn next(&self) -> Option<&Pointer> {
        match self {
            Self::Link(next) => next.as_ref(),
            Self::Cursor { next, .. } => Some(next),
            Self::Whole | Self::Number { .. } => None,
        }
    }

    /// Where an answer says how many pages there are.
    pub(super) const fn pages(&self) -> Option<&Pointer> {
        match self {
            Self::Number { pages, .. } => pages.as_ref(),
            Self::Whole | Self::Link(_) | Self::Cursor { .. } => None,
        }
    }
}

/// A way through all pages, and what was met on it.
#[derive(Debug)]
pub(super) struct Way {
    paging: Paging,
    base: Url,
    /// the addresses that were asked; of counted pages, what they held
    met: HashSet<u64>,
    /// how many pages were read
    pub(super) pages: usize,
    /// how many there are, as the first page that says so has it
    pub(super) said: Option<u64>,
}

impl Way {
    /// A way that begins at the list's own address.
    pub(super) fn new(paging: Paging, base: Url) -> Self {
        Self { paging, base, met: HashSet::new(), pages: 0, said: None }
    }

    /// The first page's address.
    pub(super) fn first(&self) -> Url {
        match &self.paging {
            Paging::Number { parameter, first, .. } => with(&self.base, parameter, &first.to_string()),
            Paging::Whole | Paging::Link(_) | Paging::Cursor { .. } => self.base.clone(),
        }
    }

    /// The address after a page, or nothing behind the last. `link` is what its `Link` header names as the next.
    ///
    /// # Errors
    /// What is wrong and what to do, without the address.
    pub(super) fn after(&mut self, here: &Url, page: &Around, link: Option<&str>) -> Result<Option<Url>, String> {
        self.pages += 1;
        let next = match &self.paging {
            Paging::Whole => None,
            Paging::Link(None) => link.map(|link| follow(here, link)).transpose()?,
            Paging::Link(Some(_)) => page.next.as_deref().map(|next| follow(here, next)).transpose()?,
            Paging::Cursor { parameter, .. } => page.next.as_ref().map(|cursor| with(&self.base, parameter, cursor)),
            Paging::Number { parameter, first, pages } => {
                if !page.empty && !self.met.insert(page.print) {
                    return Err(format!(
                        "page {} holds the rows of an earlier one; check that the address goes by the parameter {parameter:?}",
                        self.pages
                    ));
                }
                self.said = self.said.or(page.pages);
                let last = match (pages, self.said) {
                    (Some(_), Some(count)) => self.pages as u64 >= count,
                    // without its number no page can be known to be the last but an empty one
                    _ => page.empty,
                };
                let number = u64::from(*first) + self.pages as u64;
                (!last).then(|| with(&self.base, parameter, &number.to_string()))
            }
        };
        if next.is_some() && self.pages >= MOST_PAGES {
            return Err(format!("it has more than {MOST_PAGES} pages; let it give more rows a page"));
        }
        if matches!(self.paging, Paging::Link(_) | Paging::Cursor { .. }) {
            self.met.insert(print(here));
            if next.as_ref().is_some_and(|next| self.met.contains(&print(next))) {
                return Err(format!("page {} leads back to an earlier one; correct the paging", self.pages));
            }
        }
        Ok(next)
    }
}

/// The address that a page names as the next. It must be on the same server: what is sent there would be told to another.
fn follow(here: &Url, next: &str) -> Result<Url, String> {
    let mut url = here.join(next.trim()).map_err(|_| "what it names as the next page is no address; correct `next`")?;
    url.set_fragment(None);
    let login = !url.username().is_empty() || url.password().is_some();
    if url.origin() != here.origin() || login {
        return Err(
            "the next page is on another server, to which the login must not go; let the platform name addresses \
                    of its own, or page by cursor or number"
                .to_owned(),
        );
    }
    Ok(url)
}

/// The address with this value of a parameter, whatever value it has there.
fn with(base: &Url, parameter: &str, value: &str) -> Url {
    let mut url = base.clone();
    let others: Vec<(String, String)> = base.query_pairs().into_owned().filter(|(name, _)| name != parameter).collect();
    if others.len() != base.query_pairs().count() {
        url.query_pairs_mut().clear().extend_pairs(&others);
    }
    url.query_pairs_mut().append_pair(parameter, value);
    url
}

fn print(url: &Url) -> u64 {
    let mut hasher = DefaultHasher::new();
    url.as_str().hash(&mut hasher);
    hasher.finish()
}

/// The target of `rel="next"` in `Link` headers (RFC 8288).
pub(super) fn next_link<'h>(headers: impl IntoIterator<Item = &'h str>) -> Option<&'h str> {
    headers.into_iter().find_map(|header| {
        let mut rest = header;
        loop {
            let (target, behind) = rest.split_once('<')?.1.split_once('>')?;
            let (parameters, behind) = behind.split_at(up_to(behind, b','));
            if is_next(parameters) {
                return Some(target);
            }
            rest = behind;
        }
    })
}

/// Up to the first such byte that stands in no quotation.
fn up_to(text: &str, end: u8) -> usize {
    let mut quoted = false;
    let ends = |byte: u8| {
        quoted ^= byte == b'"';
        byte == end && !quoted
    };
    text.bytes().position(ends).unwrap_or(text.len())
}

fn is_next(parameters: &str) -> bool {
    let mut rest = parameters;
    while !rest.is_empty() {
        let (parameter, behind) = rest.split_at(up_to(rest, b';'));
        rest = behind.strip_prefix(';').unwrap_or_default();
        let Some((name, value)) = parameter.split_once('=') else { continue };
        let mut relations = value.trim().trim_matches('"').split_ascii_whitespace();
        if name.trim().eq_ignore_ascii_case("rel") && relations.any(|rel| rel.eq_ignore_ascii_case("next")) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("an address")
    }

    fn pointer() -> Pointer {
        Pointer::parse("/next").expect("a pointer")
    }

    fn page(next: Option<&str>, print: u64) -> Around {
        Around { next: next.map(str::to_owned), print, ..Around::default() }
    }

    fn numbered(first: u32, pages: Option<Pointer>) -> Way {
        Way::new(
            Paging::Number { parameter: "page".to_owned(), first, pages },
            url("https://api.example.org/v1/keys?size=2"),
        )
    }

    #[test]
    fn the_next_link_is_found_among_others_however_it_is_written() {
        for (header, expected) in [
            (r#"<https://api.example.org/?page=2>; rel="next""#, Some("https://api.example.org/?page=2")),
            (r#"<?page=1>; rel="prev", <?page=3>; rel="next", <?page=9>; rel="last""#, Some("?page=3")),
            (r#"<?a=1,2>; title="a, b; rel=next"; rel=prev, </b>;REL=Next"#, Some("/b")),
            (r#"</b>; rel="last next""#, Some("/b")),
            (r#"</b>; rel="nextish""#, None),
            ("</b>", None),
            ("next", None),
            ("<", None),
            ("", None),
        ] {
            assert_eq!(next_link([header]), expected, "{header}");
        }
        assert_eq!(next_link(["</a>; rel=prev", "</b>; rel=next"]), Some("/b"));
    }

    #[test]
    fn a_next_address_stays_on_its_server() {
        let here = url("https://api.example.org/v1/keys?page=1");
        for (next, expected) in [
            ("?page=2", "https://api.example.org/v1/keys?page=2"),
            ("/v1/keys?page=2#x", "https://api.example.org/v1/keys?page=2"),
            ("https://api.example.org:443/other", "https://api.example.org/other"),
        ] {
            assert_eq!(follow(&here, next).as_ref().map(Url::as_str), Ok(expected), "{next}");
        }
        for foreign in [
            "http://api.example.org/v1/keys",
            "https://api.example.org:444/",
            "https://canary.example.org/",
            "//canary.example.org/",
            "https://api.example.org@canary.example.org/",
            "https://canary@api.example.org/",
            "file:///etc/passwd",
        ] {
            let why = follow(&here, foreign).expect_err(foreign);
            assert!(why.contains("another server") && !why.contains("canary"), "{why}");
        }
        assert!(follow(&here, "https://[").is_err());
    }

    #[test]
    fn a_cursor_takes_the_place_of_the_one_before_and_leaves_the_rest_of_the_query() {
        let base = url("https://api.example.org/v1/keys?filter[x]=1&cursor=begin");
        let mut way = Way::new(Paging::Cursor { next: pointer(), parameter: "cursor".to_owned() }, base.clone());
        assert_eq!(way.first(), base);
        let second = way.after(&base, &page(Some("a&b=c"), 0), None).expect("a page").expect("another");
        let pairs: Vec<_> = second.query_pairs().into_owned().collect();
        assert_eq!(pairs, [("filter[x]".into(), "1".into()), ("cursor".into(), "a&b=c".into())]);
        assert_eq!(way.after(&second, &page(None, 0), None), Ok(None));
    }

    #[test]
    fn a_way_that_leads_back_is_an_error_by_cursor_and_by_link() {
        let base = url("https://api.example.org/");
        for (paging, nexts) in [
            (Paging::Cursor { next: pointer(), parameter: "c".to_owned() }, ["a", "b", "a"]),
            (Paging::Link(Some(pointer())), ["/a", "/b", "/a"]),
            (Paging::Link(Some(pointer())), ["/a", "/b", "/"]),
        ] {
            let mut way = Way::new(paging, base.clone());
            let mut here = way.first();
            for next in &nexts[..2] {
                here = way.after(&here, &page(Some(next), 0), None).expect("a page").expect("another");
            }
            let why = way.after(&here, &page(Some(nexts[2]), 0), None).expect_err("it leads back");
            assert!(why.contains("page 3 leads back"), "{why}");
        }
    }

    #[test]
    fn counted_pages_end_at_an_empty_one_or_at_their_number_and_never_repeat() {
        let mut way = numbered(1, None);
        let first = way.first();
        assert_eq!(first.as_str(), "https://api.example.org/v1/keys?size=2&page=1");
        let second = way.after(&first, &page(None, 10), None).expect("a page").expect("another");
        assert_eq!(second.as_str(), "https://api.example.org/v1/keys?size=2&page=2");
        assert_eq!(way.after(&second, &Around { empty: true, ..page(None, 11) }, None), Ok(None));

        let mut way = numbered(0, Some(pointer()));
        let of_two = |print| Around { pages: Some(2), ..page(None, print) };
        let second = way.after(&way.first(), &of_two(10), None).expect("a page").expect("another");
        assert!(second.as_str().ends_with("page=1"));
        assert_eq!(way.after(&second, &of_two(11), None), Ok(None));

        let mut way = numbered(1, Some(pointer()));
        let second = way.after(&way.first(), &of_two(10), None).expect("a page").expect("another");
        assert_eq!(way.after(&second, &page(None, 11), None), Ok(None), "a page that doesn't say it again");

        let mut way = numbered(1, None);
        let first = way.first();
        assert!(way.after(&first, &page(None, 10), None).is_ok());
        let why = way.after(&first, &page(None, 10), None).expect_err("the same rows");
        assert!(why.contains("\"page\""), "{why}");
    }

    #[test]
    fn a_list_without_an_end_is_given_up() {
        let mut way = numbered(1, None);
        let here = way.first();
        let mut ended = Ok(None);
        for print in 0..=MOST_PAGES as u64 {
            ended = way.after(&here, &page(None, print), None);
        }
        assert!(ended.is_err_and(|why| why.contains("100000 pages")));
    }
}
