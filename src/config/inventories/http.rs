//! `kind = "http"`: lists that the platform gives as JSON.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderName};
use url::{Host, Url};

use super::super::problem::Fault;
use super::super::reader::Section;
use super::super::secret_ref::SecretRef;
use super::super::sections::secret_text;
use super::super::tree::{Node, Value};
use super::super::values::{address, durations, flag, number, one_of, quoted, some_time, text};
use super::{FilesPlace, Place};
use crate::domain::spelling::nearest;
use crate::inventory::FileKind;
use crate::inventory::http::{HttpList, HttpLists, List, Mapping, Paging, Pointer};

/// Lists that a platform gives over HTTP, and the login to it.
#[derive(Clone, Debug)]
pub struct HttpPlace {
    /// what is where
    pub lists: HttpLists,
    /// the token that is sent as `Authorization: Bearer`
    pub bearer: Option<SecretRef>,
    /// other headers, by name
    pub headers: Vec<(String, SecretRef)>,
    /// true where the platform may be asked without TLS though it is on another machine
    pub inside: bool,
    /// how long the platform may be silent
    pub timeout: Duration,
    /// the wait before each further try of a page; never empty
    pub retry: Vec<Duration>,
}

impl HttpPlace {
    /// Where its secrets are.
    pub fn secrets(&self) -> Vec<&SecretRef> {
        self.bearer.iter().chain(self.headers.iter().map(|(_, secret)| secret)).collect()
    }
}

/// How long the platform may be silent, where nothing else is said.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The waits before further tries, where nothing else is said.
const RETRY: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(30)];

/// The words of `paging`.
#[derive(Clone, Copy, Default)]
enum Kind {
    #[default]
    None,
    Link,
    Cursor,
    Page,
}

const KINDS: &[(&str, Kind)] =
    &[("none", Kind::None), ("link", Kind::Link), ("cursor", Kind::Cursor), ("page", Kind::Page)];

pub(super) fn place(section: &Section<'_>, base: &Path) -> Place {
    match http(section, base) {
        Some(lists) => Place::Http(Box::new(lists)),
        // It was noted what is wrong: then nobody reads this.
        None => Place::Files(FilesPlace { kind: FileKind::Jsonl, path: PathBuf::new(), people_path: None }),
    }
}

fn http(section: &Section<'_>, base: &Path) -> Option<HttpPlace> {
    let inside = section.find("dangerous_inside", flag).unwrap_or(false);
    let url = section.find("url", |node| list_address(node, inside));
    let todo = "write e.g. url = \"https://platform.example.org/api/connections\"";
    section.report_missing("url", Fault::new("the address of the connections is missing", todo));
    let people_url = section.find("people_url", |node| list_address(node, inside));
    if people_url.is_none() {
        for key in ["people_rows", "people_fields"].into_iter().filter(|key| section.has(key)) {
            section.report(key, Fault::new("there is no list of people", "set people_url, or leave this out"));
        }
    }
    let rows = section.find("rows", pointer).unwrap_or_default();
    let people_rows = section.find("people_rows", pointer).unwrap_or_else(|| rows.clone());
    let total = section.find("total", pointer);
    let fields = fields(section, "fields", List::Connections);
    let people_fields = self::fields(section, "people_fields", List::People);
    let paging = paging(section);
    let (bearer, headers) = login(section, base);
    let timeout = section.find("timeout", some_time).unwrap_or(TIMEOUT);
    let retry = section.find("retry", durations).unwrap_or_else(|| RETRY.to_vec());
    let people = people_url.map(|url| HttpList { url, rows: people_rows, total: total.clone(), fields: people_fields });
    let lists = HttpLists { connections: HttpList { url: url?, rows, total, fields }, people, paging: paging? };
    Some(HttpPlace { lists, bearer, headers, inside, timeout, retry })
}

/// Settings that only some ways of paging have, and which.
const OF_PAGING: [(&str, &str); 4] = [
    ("next", "\"link\" or \"cursor\""),
    ("parameter", "\"cursor\" or \"page\""),
    ("first_page", "\"page\""),
    ("pages", "\"page\""),
];

fn paging(section: &Section<'_>) -> Option<Paging> {
    let kind = match section.has("paging") {
        true => section.find("paging", one_of(KINDS))?,
        false => Kind::None,
    };
    let allowed: &[&str] = match kind {
        Kind::None => &[],
        Kind::Link => &["next"],
        Kind::Cursor => &["next", "parameter"],
        Kind::Page => &["parameter", "first_page", "pages"],
    };
    for (key, of) in OF_PAGING.into_iter().filter(|(key, _)| section.has(key) && !allowed.contains(key)) {
        section.report(
            key,
            Fault::new(format!("it has a meaning for paging = {of} alone"), "correct paging, or leave it out"),
        );
    }
    let parameter = |usual: &str| section.find("parameter", text).unwrap_or_else(|| usual.to_owned());
    match kind {
        Kind::None => Some(Paging::Whole),
        Kind::Link => Some(Paging::Link(section.find("next", pointer))),
        Kind::Cursor => {
            let todo = "write e.g. next = \"/meta/next\"";
            section.report_missing("next", Fault::new("where an answer has the next cursor is missing", todo));
            Some(Paging::Cursor { parameter: parameter("cursor"), next: section.find("next", pointer)? })
        }
        Kind::Page => Some(Paging::Number {
            parameter: parameter("page"),
            first: section.find("first_page", number(0..=1)).unwrap_or(1),
            pages: section.find("pages", pointer),
        }),
    }
}

fn login(section: &Section<'_>, base: &Path) -> (Option<SecretRef>, Vec<(String, SecretRef)>) {
    let secret = |key: &str, node: &Node| SecretRef::parse(key, &secret_text(node)?, base);
    let bearer = section.find_secret("bearer", secret);
    let headers = section.find_section("headers").map(|headers| headers.each_secret(secret)).unwrap_or_default();
    for (name, _) in &headers {
        let known = HeaderName::from_bytes(name.as_bytes());
        if known.is_err() {
            let what = format!("{} is no header", quoted(name));
            section.report("headers", Fault::new(what, "write e.g. headers = { X-Api-Key = \"env:NAME\" }"));
        } else if known.is_ok_and(|name| name == AUTHORIZATION) && bearer.is_some() {
            let what = "authorization is what bearer sends";
            section.report("headers", Fault::new(what, "set one of the two"));
        }
    }
    (bearer, headers.into_iter().map(|(name, secret)| (name.to_owned(), secret)).collect())
}

/// An address to which secrets may be sent, and which can be shown.
fn list_address(node: &Node, inside: bool) -> Result<Url, Fault> {
    let mut url = address(node)?;
    url.set_fragment(None);
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Fault::new(
            "there is a login in the address",
            "move it to bearer or headers, which are never shown",
        ));
    }
    let here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(v4)) => v4.is_loopback(),
        Some(Host::Ipv6(v6)) => v6.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if here || inside => Ok(url),
        _ => {
            let todo = "write https://, or set dangerous_inside = true for a platform in your own network";
            Err(Fault::new("the address does not begin with https://", todo))
        }
    }
}

/// The fields of a list, each with its pointer.
fn fields(section: &Section<'_>, key: &'static str, list: List) -> Option<Mapping> {
    let table = section.find_section(key)?;
    let known = list.fields();
    let pointers = table.each(|name, node| {
        if known.contains(&name) {
            return pointer(node);
        }
        let meant = nearest(name, known.iter().copied());
        let meant = meant.map_or_else(|| known.join(", "), |meant| format!("did you mean \"{meant}\"?"));
        Err(Fault::new("there is no such field", meant))
    });
    let pointers: BTreeMap<String, Pointer> = pointers.into_iter().map(|(name, at)| (name.to_owned(), at)).collect();
    let missing: Vec<&str> = list.required().iter().copied().filter(|name| !pointers.contains_key(*name)).collect();
    if !missing.is_empty() {
        let what = format!("nothing says where a row has {}", missing.join(", "));
        table.report_here(Fault::new(what, "where there is a table of fields, only what it names is read: add it"));
    }
    Some(Mapping::new(list, &pointers))
}

fn pointer(node: &Node) -> Result<Pointer, Fault> {
    const TODO: &str = "write e.g. \"/data\"; \"\" is the whole";
    let Value::Text(text) = &node.value else {
        return Err(Fault::new(format!("this is {}, not a JSON pointer", node.kind()), TODO));
    };
    Pointer::parse(text.trim()).map_err(|what| Fault::new(what, TODO))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{MANUAL, Settings, Source, Warning, read};

    fn read_text(text: &str) -> Result<(Settings, Vec<Warning>), String> {
        let source = Source { name: "test.toml", text };
        read(Some(source), Path::new("/conf"), &[], &["kit"]).map_err(|problems| problems.to_string())
    }

    fn with(lines: &str) -> String {
        format!("[escrow]\nhold = \"none\"\n[[inventory]]\nname = \"api\"\nkind = \"http\"\n{lines}")
    }

    fn lists(lines: &str) -> HttpPlace {
        let (settings, _) = read_text(&with(lines)).unwrap_or_else(|problems| panic!("{problems}"));
        match settings.inventories.into_iter().next().map(|one| one.place) {
            Some(Place::Http(lists)) => *lists,
            other => panic!("{other:?}"),
        }
    }

    const URL: &str = "url = \"https://platform.example.org/c\"\n";

    #[test]
    fn an_address_is_enough_and_both_lists_are_paged_alike() {
        let least = lists(URL);
        assert_eq!(least.lists.paging, Paging::Whole);
        assert_eq!((least.timeout, least.retry.as_slice()), (TIMEOUT, RETRY.as_slice()));
        assert!(least.lists.people.is_none() && least.lists.connections.fields.is_none() && least.secrets().is_empty());
        let both =
            lists(&format!("{URL}people_url = \"https://platform.example.org/p\"\nrows = \"/data\"\ntotal = \"/n\""));
        let people = both.lists.people.expect("a list of people");
        assert_eq!(people.rows, Pointer::parse("/data").expect("a pointer"));
        assert_eq!(people.total, both.lists.connections.total);
    }

    #[test]
    fn what_does_not_go_together_is_told_by_its_key() {
        for (lines, expected) in [
            ("", "inventory[0].url: the address of the connections is missing"),
            ("url = \"http://platform.example.org/c\"", "inventory[0].url: the address does not begin with https://"),
            ("url = \"https://u:canary@platform.example.org/\"", "inventory[0].url: there is a login"),
            ("paging = \"cursor\"", "inventory[0].next: where an answer has the next cursor is missing"),
            (
                "paging = \"page\"\nnext = \"/n\"",
                "inventory[0].next: it has a meaning for paging = \"link\" or \"cursor\"",
            ),
            ("parameter = \"page\"", "inventory[0].parameter: it has a meaning for paging ="),
            ("paging = \"link\"\npages = \"/n\"", "inventory[0].pages: it has a meaning for paging = \"page\" alone"),
            ("paging = \"offset\"", "inventory[0].paging: \"offset\" is not a choice"),
            ("rows = \"data\"", "inventory[0].rows: a pointer begins with"),
            ("people_rows = \"/x\"", "inventory[0].people_rows: there is no list of people"),
            ("bearer = \"canary\"\nheaders = { authorization = \"canary\" }", "inventory[0].headers: authorization"),
            ("headers = { \"a b\" = \"canary\" }", "inventory[0].headers: \"a b\" is no header"),
            (
                "fields = { connection_id = \"/id\", account_id = \"/a\" }",
                "inventory[0].fields: nothing says where a row has provider",
            ),
            ("fields = { connecton_id = \"/id\" }", "did you mean \"connection_id\"?"),
            ("path = \"x.csv\"", "inventory[0].path: there is no such setting"),
        ] {
            let url = if lines.is_empty() || lines.starts_with("url") { "" } else { URL };
            let told = read_text(&with(&format!("{url}{lines}\n"))).expect_err(lines);
            assert!(told.contains(expected) && !told.contains("canary"), "{lines}:\n{told}");
        }
    }

    #[test]
    fn without_tls_a_platform_is_asked_on_this_machine_or_where_that_is_said_to_be_meant() {
        for here in ["http://localhost:1/c", "http://127.0.0.1:1/c", "http://[::1]/c"] {
            assert!(!lists(&format!("url = {here:?}")).inside, "{here}");
        }
        let (settings, warnings) =
            read_text(&with("url = \"http://10.0.0.7/c\"\ndangerous_inside = true")).expect("settings");
        assert!(
            settings.inventories.len() == 1 && warnings.iter().any(|one| one.key == "inventory[0].dangerous_inside")
        );
    }

    #[test]
    fn a_login_is_never_shown() {
        let lines = format!("{URL}bearer = \"canary-1\"\nheaders = {{ X-Key = \"canary-2\" }}");
        let (settings, warnings) = read_text(&with(&lines)).expect("settings");
        let told = format!("{settings:?}{}{warnings:?}", crate::config::show(&settings));
        assert!(!told.contains("canary") && warnings.len() == 2, "each is warned of: {told}");
        assert_eq!(settings.secrets().len(), 3);
    }

    #[test]
    fn every_setting_of_a_list_over_http_stands_in_the_manual() {
        let told = read_text(&with("url = \"https://platform.example.org/\"\nzzzz = 1")).expect_err("an unknown key");
        let known = told.split("known here: ").nth(1).expect("what is known").lines().next().unwrap_or_default();
        for key in known.split(", ") {
            let stands =
                MANUAL.lines().any(|line| line.trim_start_matches(['#', ' ']).starts_with(&format!("{key} = ")));
            let table = MANUAL.contains(&format!("#[inventory.{key}]"));
            assert!(stands || table, "{key} is read but not in the manual");
        }
    }
}
