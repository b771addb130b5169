//! What the settings of a source let its rows name.

use super::{AGENT, resolve};
use crate::app::AppError;
use crate::config::{Env, InventorySettings};
use crate::inventory::refs::{Allowed, Decryptor, Folder, Vault, VaultPlace};

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
