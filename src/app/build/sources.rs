//! Settings into sources, and into what their rows may name.

use zeroize::Zeroizing;

use super::{AGENT, AppError, resolve};
use crate::config::{Env, HttpPlace, InventorySettings, Place, SqlPlace};
use crate::domain::secret::Secret;
use crate::inventory::http::{HttpManner, HttpSource};
use crate::inventory::refs::{Allowed, Decryptor, Folder, Vault, VaultPlace};
use crate::inventory::{FileSource, Source, SqlSettings, SqlSource};
use crate::scan::SourceSpec;

/// What a scan, or an event, is told of a source.
pub(in crate::app) fn spec(inventory: &InventorySettings) -> SourceSpec {
    SourceSpec {
        name: inventory.name.clone(),
        absent_after: inventory.absent_after,
        vanish_percent: u8::try_from(inventory.vanish_limit).unwrap_or(100),
        secrets_replaceable: inventory.secrets_replaceable,
    }
}

/// What a scan is told of a source, and how it is read. Nothing is connected yet.
///
/// # Errors
/// Where a secret of it can't be had, or an address or a query doesn't do.
pub(in crate::app) fn source(inventory: &InventorySettings, env: &Env) -> Result<(SourceSpec, Source), AppError> {
    let spec = spec(inventory);
    let source = match &inventory.place {
        Place::Files(files) => Source::Files(FileSource {
            name: inventory.name.clone(),
            kind: files.kind,
            path: files.path.clone(),
            people_path: files.people_path.clone(),
        }),
        Place::Events => Source::Events { name: inventory.name.clone() },
        Place::Http(lists) => Source::Http(Box::new(over_http(&inventory.name, lists, env)?)),
        Place::Sql(queries) => Source::Sql(Box::new(sql(&inventory.name, queries, env)?)),
    };
    Ok((spec, source))
}

fn sql(name: &str, queries: &SqlPlace, env: &Env) -> Result<SqlSource, AppError> {
    let url = resolve(&queries.url, env)?;
    let settings = SqlSettings {
        name,
        connections: &queries.connections,
        people: queries.people.as_deref(),
        statement_timeout: queries.statement_timeout,
        full_every: queries.full_every,
    };
    SqlSource::new(url.expose(), &queries.base, settings).map_err(|(key, what)| {
        let section = queries.url.setting().trim_end_matches("url");
        AppError::Setting { key: format!("{section}{key}"), what }
    })
}

fn over_http(name: &str, lists: &HttpPlace, env: &Env) -> Result<HttpSource, AppError> {
    let mut headers = Vec::new();
    if let Some(bearer) = &lists.bearer {
        let value = Zeroizing::new(format!("Bearer {}", resolve(bearer, env)?.expose()));
        headers.push(("authorization".to_owned(), Secret::new(&value)));
    }
    for (name, value) in &lists.headers {
        headers.push((name.clone(), resolve(value, env)?));
    }
    let manner = HttpManner { headers: &headers, timeout: lists.timeout, retry: lists.retry.clone(), agent: AGENT };
    let made = HttpSource::new(lists.lists.clone(), manner);
    made.map_err(|what| AppError::Setting { key: format!("inventory {name:?}, headers"), what })
}

/// What the rows of a source may name.
///
/// # Errors
/// Where the Vault's settings don't do.
pub(in crate::app) fn refs(source: &InventorySettings, env: &Env) -> Result<Allowed, AppError> {
    let settings = &source.secret_refs;
    let command = settings.command.as_ref().map(|(program, arguments)| Decryptor {
        program: program.clone(),
        arguments: arguments.clone(),
        environment: Decryptor::environment_of(env),
        limit: settings.timeout,
    });
    let vault = settings.vault.as_ref().map(|vault| {
        let place = VaultPlace {
            address: vault.url.clone(),
            token: resolve(&vault.token, env)?,
            namespace: vault.namespace.clone(),
            mount: vault.mount.clone(),
            prefix: vault.prefix.clone(),
            limit: settings.timeout,
        };
        Vault::new(&place, AGENT).map_err(|(key, what)| AppError::Setting {
            key: format!("inventory {:?}, secret_refs.{key}", source.name),
            what,
        })
    });
    Ok(Allowed { files: settings.files.clone().map(Folder), vault: vault.transpose()?, command })
}
