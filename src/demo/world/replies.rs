//! What each provider answers. Statuses, headers and bodies follow recorded exchanges and the providers' documentation;
//! where neither tells a text, it is made up in the provider's usual shape.

use std::borrow::Cow;
use std::io::Write as _;

use url::form_urlencoded;

use super::server::Head;
use super::{ConvertKitKind, Found, KeyState, Seen, Shared, Simulated, lock};

const JSON: &str = "application/json";
const JSON_UTF8: &str = "application/json; charset=utf-8";
const HTML: &str = "text/html";
const TEXT: &str = "text/plain";

const MAILJET_LISTS: &str = "/v3/REST/contactslist";
const MAILJET_METADATA: &str = "/v3/REST/contactmetadata";
const CONVERTKIT_ACCOUNT: &str = "/v3/account";
const CONVERTKIT_FORMS: &str = "/v3/forms";
const KIT_ACCOUNT: &str = "/v4/account";
const ROUTES: [(Simulated, &str); 5] = [
    (Simulated::Mailjet, MAILJET_LISTS),
    (Simulated::Mailjet, MAILJET_METADATA),
    (Simulated::ConvertKit, CONVERTKIT_ACCOUNT),
    (Simulated::ConvertKit, CONVERTKIT_FORMS),
    (Simulated::Kit, KIT_ACCOUNT),
];

/// An answer, before it is bytes.
pub(super) struct Reply {
    status: u16,
    content_type: &'static str,
    /// whole lines, each with its end
    headers: Cow<'static, str>,
    body: &'static [u8],
    pub(super) framing: Framing,
}

/// How much of an answer is sent, and how its length is told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Whole,
    /// in chunks, as Mailjet sends its empty refusal
    Chunked,
    /// only the first half of the promised body
    Half,
    /// nothing at all
    Never,
}

impl Reply {
    fn new(status: u16, content_type: &'static str, body: &'static str) -> Self {
        let (headers, framing) = (Cow::Borrowed(""), Framing::Whole);
        Self { status, content_type, headers, body: body.as_bytes(), framing }
    }

    /// A plain text, for what isn't a request that the providers know.
    pub(super) fn text(status: u16, body: &'static str) -> Self {
        Self::new(status, TEXT, body)
    }

    fn with(self, headers: impl Into<Cow<'static, str>>) -> Self {
        Self { headers: headers.into(), ..self }
    }

    fn framed(self, framing: Framing) -> Self {
        Self { framing, ..self }
    }

    /// Appends the bytes of the whole answer, as far as its framing sends them.
    pub(super) fn write(&self, keep_alive: bool, to: &mut Vec<u8>) {
        let Self { status, content_type, headers, body, framing } = self;
        let connection = if keep_alive { "" } else { "Connection: close\r\n" };
        let length = match framing {
            Framing::Chunked => "Transfer-Encoding: chunked".to_owned(),
            Framing::Whole | Framing::Half | Framing::Never => format!("Content-Length: {}", body.len()),
        };
        let head = format_args!(
            "HTTP/1.1 {status} {}\r\nContent-Type: {content_type}\r\n{headers}{connection}{length}\r\n\r\n",
            reason(*status)
        );
        // Writing to a vector doesn't fail; a failure would show as a broken answer.
        to.write_fmt(head).ok();
        match framing {
            Framing::Whole => to.extend_from_slice(body),
            Framing::Half => to.extend_from_slice(&body[..body.len() / 2]),
            Framing::Chunked if body.is_empty() => to.extend_from_slice(b"0\r\n\r\n"),
            Framing::Chunked => {
                to.write_fmt(format_args!("{:x}\r\n", body.len())).ok();
                to.extend_from_slice(body);
                to.extend_from_slice(b"\r\n0\r\n\r\n");
            }
            Framing::Never => {}
        }
    }
}

/// The answer of a provider to this request, which is logged.
pub(super) fn answer(provider: Simulated, head: &Head<'_>, shared: &Shared) -> Reply {
    let shown = shown(provider, head);
    let route = ROUTES.iter().find(|(whose, path)| *whose == provider && *path == head.path).map(|(_, path)| *path);
    let found = lock(shared).find(provider, shown.as_deref());
    let reply = match route {
        _ if head.method != "GET" => method_not_allowed(head.method),
        None => unknown_route(provider, head.path),
        Some(route) => reply(provider, route, shown.is_some(), &found),
    };
    let mut state = lock(shared);
    let path = route.map_or_else(|| Cow::Owned(state.loggable(&decoded(head.path))), Cow::Borrowed);
    let status = if reply.framing == Framing::Never { 0 } else { reply.status };
    state.log(Seen { provider: provider.name(), method: method(head.method), path, key: found.key, status });
    match &state.date {
        Some(date) => {
            let headers = format!("{}Date: {date}\r\n", reply.headers);
            reply.with(headers)
        }
        None => reply,
    }
}

/// The credential in the request, as the world keeps it; `None` where the provider finds none.
fn shown<'a>(provider: Simulated, head: &Head<'a>) -> Option<Cow<'a, str>> {
    match provider {
        Simulated::Mailjet => {
            let (scheme, pair) = head.authorization?.split_once(' ')?;
            scheme.eq_ignore_ascii_case("basic").then(|| Cow::Borrowed(pair.trim()))
        }
        Simulated::ConvertKit => {
            let wanted = |name: &str| name == "api_secret" || (name == "api_key" && head.path != CONVERTKIT_ACCOUNT);
            form_urlencoded::parse(head.query.as_bytes()).find(|(name, _)| wanted(name)).map(|(_, value)| value)
        }
        Simulated::Kit => head.kit_key.map(Cow::Borrowed),
    }
}

fn reply(provider: Simulated, route: &str, any_shown: bool, found: &Found) -> Reply {
    match &found.state {
        KeyState::Live | KeyState::Limited if found.kind == ConvertKitKind::ApiKey && route == CONVERTKIT_ACCOUNT => {
            refused(provider, route, any_shown)
        }
        KeyState::Live => live(route),
        KeyState::Refused => refused(provider, route, any_shown),
        KeyState::Limited => limited(provider),
        KeyState::RateLimited { retry_after: None } => rate_limited(provider),
        KeyState::RateLimited { retry_after: Some(seconds) } => {
            rate_limited(provider).with(format!("Retry-After: {seconds}\r\n"))
        }
        KeyState::ServerError => Reply::new(503, HTML, "<html><body><h1>503 Service Unavailable</h1></body></html>"),
        KeyState::HtmlForbidden => Reply::new(403, HTML, "<html><body><h1>403 Forbidden</h1></body></html>"),
        KeyState::Hangs => live(route).framed(Framing::Never),
        KeyState::Redirect(to) => {
            Reply::new(302, HTML, "").with(format!("Location: {}\r\n", to.replace(['\r', '\n'], "")))
        }
        KeyState::Garbage => Reply { body: b"\x00\xff}{ this is no JSON", ..Reply::new(200, JSON, "") },
        KeyState::HalfBody => live(route).framed(Framing::Half),
    }
}

fn live(route: &str) -> Reply {
    match route {
        MAILJET_LISTS => Reply::new(
            200,
            JSON,
            r#"{"Count":1,"Data":[{"Address":"q0list","CreatedAt":"2020-11-04T09:00:00Z","ID":1,"IsDeleted":false,"Name":"Readers","SubscriberCount":3}],"Total":1}"#,
        ),
        MAILJET_METADATA => Reply::new(
            200,
            JSON,
            r#"{"Count":1,"Data":[{"Datatype":"str","ID":1,"Name":"first_name","NameSpace":"static"}],"Total":1}"#,
        ),
        CONVERTKIT_FORMS => Reply::new(200, JSON_UTF8, r#"{"forms":[{"id":1,"name":"Newsletter","type":"embed"}]}"#),
        CONVERTKIT_ACCOUNT => {
            Reply::new(200, JSON_UTF8, r#"{"name":"Example","primary_email_address":"owner@example.org"}"#)
        }
        _ => Reply::new(
            200,
            JSON_UTF8,
            r#"{"user":{"id":1,"email":"owner@example.org"},"account":{"id":1,"name":"Example","plan_type":"free","primary_email_address":"owner@example.org","created_at":"2023-02-17T11:43:55Z","plan":{"interval":"month"},"sending_addresses":[],"timezone":{"name":"Etc/UTC"}}}"#,
        )
        .with("Set-Cookie: _session=simulated; path=/; HttpOnly\r\n"),
    }
}

fn refused(provider: Simulated, route: &str, any_shown: bool) -> Reply {
    match provider {
        Simulated::Mailjet => Reply::new(401, HTML, "")
            .with("WWW-Authenticate: Basic realm=\"Provide an apiKey and secretKey\"\r\n")
            .framed(Framing::Chunked),
        Simulated::ConvertKit => {
            let body = match (any_shown, route) {
                (false, _) => r#"{"error":"Authorization Failed","message":"API Key not present"}"#,
                (true, CONVERTKIT_ACCOUNT) => r#"{"error":"Authorization Failed","message":"API Secret not valid"}"#,
                (true, _) => r#"{"error":"Authorization Failed","message":"API Key not valid"}"#,
            };
            Reply::new(401, JSON_UTF8, body)
        }
        Simulated::Kit => Reply::new(401, JSON_UTF8, r#"{"errors":["The access token is invalid"]}"#),
    }
}

fn limited(provider: Simulated) -> Reply {
    match provider {
        Simulated::Mailjet => {
            Reply::new(401, JSON, r#"{"ErrorInfo":"","ErrorMessage":"Operation not allowed","StatusCode":401}"#)
        }
        Simulated::ConvertKit => {
            Reply::new(403, JSON_UTF8, r#"{"error":"Forbidden","message":"Subscriber limit of the account exceeded"}"#)
        }
        // The account call has no 403: an account without access to the API gets a 401, and its key is alive.
        Simulated::Kit => Reply::new(
            401,
            JSON_UTF8,
            r#"{"errors":["This account has no API access. Upgrade its plan to use the API"]}"#,
        ),
    }
}

fn rate_limited(provider: Simulated) -> Reply {
    match provider {
        Simulated::Mailjet => {
            Reply::new(429, JSON, r#"{"ErrorInfo":"","ErrorMessage":"Too many requests","StatusCode":429}"#)
        }
        Simulated::ConvertKit => Reply::new(429, JSON_UTF8, r#"{"error":"Too Many Requests","message":"Retry later"}"#),
        Simulated::Kit => Reply::text(429, "Retry later"),
    }
}

fn unknown_route(provider: Simulated, path: &str) -> Reply {
    match provider {
        Simulated::Mailjet if path.starts_with("/v3/") => Reply::new(
            500,
            JSON,
            r#"{"ErrorInfo":"EFPWebError","ErrorMessage":"Could not determine HTTP module for this request","StatusCode":500}"#,
        ),
        Simulated::Mailjet => Reply::new(
            404,
            HTML,
            "<html><head><title>404 Not Found</title></head><body><center><h1>404 Not Found</h1></center><hr><center>nginx</center></body></html>",
        ),
        Simulated::ConvertKit => Reply::new(
            404,
            JSON_UTF8,
            r#"{"error":"Not Found","message":"The entity you were trying to find doesn't exist"}"#,
        ),
        Simulated::Kit => Reply::new(404, JSON_UTF8, r#"{"errors":["Not Found"]}"#),
    }
}

/// Nothing that changes anything is simulated: a probe only reads.
fn method_not_allowed(method: &str) -> Reply {
    Reply::text(405, if method == "HEAD" { "" } else { "Method Not Allowed" }).with("Allow: GET\r\n")
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        302 => "Found",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "",
    }
}

/// The method as the log keeps it: a fixed word, so that nothing else can get in.
fn method(method: &str) -> &'static str {
    let usual = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    usual.into_iter().find(|usual| *usual == method).unwrap_or("other")
}

/// The path without percent signs, so that an escaped secret is found in it.
fn decoded(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = tail.get(..2).filter(|_| *first == b'%').and_then(|two| std::str::from_utf8(two).ok());
        let byte = escaped.and_then(|two| u8::from_str_radix(two, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
