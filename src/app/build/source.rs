//! A source's settings into the source.

use zeroize::Zeroizing;

use super::{AGENT, resolve};
use crate::app::AppError;
use crate::config::{Env, HttpPlace, InventorySettings, Place};
use crate::domain::secret::Secret;
use crate::inventory::http::{HttpManner, HttpSource};
use crate::inventory::{FileSource, Source};
use crate::scan::SourceSpec;

/// What a scan is told of a source, and how it is read. `index` is its place in the configuration.
///
/// # Errors
/// Where a secret of it can't be had, or doesn't do.
pub(in crate::app) fn source(
    index: usize,
    inventory: &InventorySettings,
    env: &Env,
) -> Result<(SourceSpec, Source), AppError> {
    let spec = SourceSpec {
        name: inventory.name.clone(),
        absent_after: inventory.absent_after,
        vanish_percent: u8::try_from(inventory.vanish_limit).unwrap_or(100),
        secrets_replaceable: inventory.secrets_replaceable,
    };
    let source = match &inventory.place {
        Place::Files(files) => Source::Files(FileSource {
            name: inventory.name.clone(),
            kind: files.kind,
            path: files.path.clone(),
            people_path: files.people_path.clone(),
        }),
        Place::Http(lists) => {
            let wrong = |what| AppError::Setting { key: format!("inventory[{index}].headers"), what };
            Source::Http(Box::new(over_http(lists, env)?.map_err(wrong)?))
        }
    };
    Ok((spec, source))
}

/// A source over HTTP, with its login; or why a header can't be sent.
fn over_http(lists: &HttpPlace, env: &Env) -> Result<Result<HttpSource, String>, AppError> {
    let mut headers = Vec::new();
    if let Some(bearer) = &lists.bearer {
        let value = Zeroizing::new(format!("Bearer {}", resolve(bearer, env)?.expose()));
        headers.push(("authorization".to_owned(), Secret::new(&value)));
    }
    for (name, value) in &lists.headers {
        headers.push((name.clone(), resolve(value, env)?));
    }
    let manner = HttpManner { headers: &headers, timeout: lists.timeout, retry: lists.retry.clone(), agent: AGENT };
    Ok(HttpSource::new(lists.lists.clone(), manner))
}
