//! The document of the API: put together from the routes, with what holds for all of them said once, here.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use utoipa::OpenApi as _;
use utoipa::openapi::path::{Operation, Parameter};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, PathItem, Ref, RefOr, ResponseBuilder};

use super::findings::Sort;
use super::log::LogSort;
use super::query::{Back, CredentialName, Limit, Number, Onward, Place, Text, Way};
use super::reports::ReportForm;
use super::subject::Subject;
use crate::http::access::{Right, Role};
use crate::http::problem::ProblemDocument;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "keysweep",
        description = "What keysweep knows of an estate of API keys: findings, connections, credentials, and what was done about \
                       them. Every path takes a token as a bearer, or as the password of any user. Lists are read page by \
                       page: `next` of an answer is the `cursor` of the request for the rest. Errors are problem documents \
                       (RFC 9457). Instants are RFC 3339 in UTC.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    servers((url = "/", description = "the listener of [http] that the document comes from")),
    components(schemas(
        Back, CredentialName, Limit, LogSort, Number, Onward, Place, ProblemDocument, ReportForm, Sort, Subject, Text, Way
    )),
    tags(
        (name = "estate", description = "the estate in numbers"),
        (name = "findings", description = "what is wrong with keys"),
        (name = "inventory", description = "connections and their credentials"),
        (name = "sources", description = "where the inventory comes from"),
        (name = "log", description = "what keysweep did"),
        (name = "work", description = "what operators do: set work going, and say what keysweep can't see"),
        (name = "about", description = "the API itself"),
    ),
)]
struct Frame;

/// The document without its paths.
pub(super) fn empty() -> OpenApi {
    let mut document = Frame::openapi();
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    let schemes = [("bearer", HttpAuthScheme::Bearer), ("basic", HttpAuthScheme::Basic)];
    for (name, scheme) in schemes {
        document.components.get_or_insert_default().add_security_scheme(name, http(scheme));
        document.security.get_or_insert_default().push(SecurityRequirement::new::<_, _, &str>(name, []));
    }
    document
}

fn http(scheme: HttpAuthScheme) -> SecurityScheme {
    SecurityScheme::Http(HttpBuilder::new().scheme(scheme).build())
}

/// Says of a group of paths who may ask for them, and how they are refused.
pub(super) fn says_who(group: &mut OpenApi, right: Right) {
    let roles = Role::ALL.into_iter().filter(|role| role.may(right)).map(Role::as_str).collect::<Vec<_>>();
    let who = match roles.as_slice() {
        [one] => format!("Takes the role {one}."),
        several => format!("Takes one of the roles {}.", several.join(", ")),
    };
    for (path, item) in &mut group.paths.paths {
        for operation in operations(item) {
            let description = operation.description.take().map(|said| format!("{said}\n\n")).unwrap_or_default();
            operation.description = Some(format!("{description}{who}"));
            let names_something = path.contains('{') || names_something(operation);
            refusals(operation, names_something, right);
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.delete].into_iter().flatten()
}

/// True where a parameter names something that may not be there.
fn names_something(operation: &Operation) -> bool {
    let names = ["account", "connection", "credential", "provider", "source", "subject"];
    let is_one =
        |parameter: &RefOr<Parameter>| matches!(parameter, RefOr::T(known) if names.contains(&known.name.as_str()));
    operation.parameters.iter().flatten().any(is_one)
}

/// The errors that every path has.
fn refusals(operation: &mut Operation, names_something: bool, right: Right) {
    let takes_json = operation.request_body.is_some();
    let all = [
        ("400", "a part of the request can't be read; `field` names it"),
        ("401", "no token was shown, or nobody's"),
        ("403", "the token's role may not do this"),
        ("404", "what `field` names is not there"),
        ("405", "the path doesn't take this method; `Allow` has those that it takes"),
        ("408", "the body did not come in time"),
        ("413", "nothing here takes a body of this size"),
        ("415", "the body is not said to be JSON"),
        ("503", "it can't be answered now; try again"),
    ];
    let can_be = |status: &str| match status {
        "404" => names_something,
        "408" | "413" => right == Right::Act,
        "415" => takes_json,
        _ => true,
    };
    for (status, description) in all.into_iter().filter(|(status, _)| can_be(status)) {
        let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        let response = ResponseBuilder::new().description(description).content("application/problem+json", problem);
        operation.responses.responses.entry(status.to_owned()).or_insert_with(|| response.build().into());
    }
}

/// The document as JSON, with its schemas closed: what an answer has beside them is a defect.
pub(super) fn finished(document: &OpenApi) -> Value {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    let known = document.pointer("/components/schemas").and_then(Value::as_object).cloned().unwrap_or_default();
    in_words(&mut document);
    let sent = sent(&document);
    let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) else {
        return document;
    };
    for (name, schema) in schemas {
        closed(schema, &known, sent.contains(name.as_str()));
    }
    without_strays(&mut document);
    document
}

/// The names of the schemas of bodies that are sent to us.
fn sent(document: &Value) -> BTreeSet<String> {
    let paths = document.get("paths").and_then(Value::as_object).into_iter().flat_map(Map::values);
    let operations = paths.filter_map(Value::as_object).flat_map(Map::values);
    let schema = |operation: &Value| operation.pointer("/requestBody/content/application~1json/schema/$ref").cloned();
    let name = |path: &Value| path.as_str().and_then(|path| path.rsplit('/').next()).map(str::to_owned);
    operations.filter_map(|operation| name(&schema(operation)?)).collect()
}

/// Closes a schema and all within it: an object has the fields that are named, and all of them; but of what is sent to us,
/// what may be null may be left out.
fn closed(schema: &mut Value, known: &Map<String, Value>, is_sent: bool) {
    if let Some(parts) = schema.get("allOf").and_then(Value::as_array).cloned() {
        one_object(schema, &parts, known);
    }
    match schema {
        Value::Object(fields) => {
            for part in fields.values_mut() {
                closed(part, known, is_sent);
            }
            let Some(Value::Object(properties)) = fields.get("properties") else { return };
            // The derive leaves out what may be null, and that is always written.
            let is_written = |name: &str, form: &Value| requires(fields, name) || (!is_sent && may_be_null(form));
            let written: Vec<&str> = properties
                .iter()
                .filter(|(name, form)| is_written(name, form))
                .map(|(name, _)| name.as_str())
                .collect();
            let required = json!(written);
            fields.insert("required".to_owned(), required);
            fields.insert("additionalProperties".to_owned(), false.into());
        }
        Value::Array(parts) => parts.iter_mut().for_each(|part| closed(part, known, is_sent)),
        _ => {}
    }
}

fn requires(fields: &Map<String, Value>, name: &str) -> bool {
    let required = fields.get("required").and_then(Value::as_array);
    required.is_some_and(|names| names.iter().any(|required| required == name))
}

fn may_be_null(form: &Value) -> bool {
    let is_null = |word: &Value| word == "null";
    let of_types = form.get("type").and_then(Value::as_array).is_some_and(|types| types.iter().any(is_null));
    let of_forms = form.get("oneOf").and_then(Value::as_array);
    let is_anything = !["type", "oneOf", "$ref"].into_iter().any(|word| form.get(word).is_some());
    is_anything
        || of_types
        || of_forms.is_some_and(|forms| forms.iter().any(|form| form.get("type").is_some_and(is_null)))
}

/// Several objects that are written as one, as one: each of them alone is open, and together they couldn't be closed.
fn one_object(schema: &mut Value, parts: &[Value], known: &Map<String, Value>) {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for part in parts {
        let mut part = match part.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next()) {
            Some(name) => known.get(name).cloned().unwrap_or_default(),
            None => part.clone(),
        };
        if let Some(inner) = part.get("allOf").and_then(Value::as_array).cloned() {
            one_object(&mut part, &inner, known);
        }
        properties.extend(part.get("properties").and_then(Value::as_object).cloned().unwrap_or_default());
        required.extend(part.get("required").and_then(Value::as_array).cloned().unwrap_or_default());
    }
    let mut whole = json!({ "type": "object", "properties": properties, "required": required });
    if let Some(description) = schema.get("description") {
        whole["description"] = description.clone();
    }
    *schema = whole;
}

/// Takes out the schemas that nothing refers to.
fn without_strays(document: &mut Value) {
    loop {
        let text = document.to_string();
        let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) else { return };
        let before = schemas.len();
        schemas.retain(|name, _| text.contains(&format!("\"#/components/schemas/{name}\"")));
        if schemas.len() == before {
            return;
        }
    }
}

/// The words of the program's own documentation, as those who call it read them.
fn in_words(document: &mut Value) {
    match document {
        Value::Object(fields) => {
            for name in ["description", "summary"] {
                if let Some(Value::String(text)) = fields.get_mut(name) {
                    *text = plain(text);
                }
            }
            fields.values_mut().for_each(in_words);
        }
        Value::Array(parts) => parts.iter_mut().for_each(in_words),
        _ => {}
    }
}

/// `None` is null to others, and a link within the program leads them nowhere.
fn plain(text: &str) -> String {
    let paragraphs: Vec<String> = text.split("\n\n").map(|lines| lines.replace('\n', " ")).collect();
    let text = paragraphs.join("\n\n").replace("`None`", "null");
    let mut pieces = text.split("[`");
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once("`]").unwrap_or((piece, ""));
        let rest = match rest.strip_prefix('(').and_then(|link| link.split_once(')')) {
            Some((_, behind)) => behind,
            None => rest,
        };
        plain.push_str(name);
        plain.push_str(rest);
    }
    plain
}
