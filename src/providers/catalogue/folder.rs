//! The operator's own files.

use std::fs;
use std::path::{Path, PathBuf};

use super::{CatalogueError, CatalogueProblem, read};
use crate::domain::catalogue::Provider;

/// More than this is no catalogue file; the longest of ours is a twentieth of it.
const LONGEST: u64 = 1024 * 1024;

/// The files of a folder that end with `.toml`, by name. Hidden ones are left out: an editor's spare copies.
///
/// # Errors
/// Where the folder can't be listed.
pub fn files_of(folder: &Path) -> Result<Vec<PathBuf>, CatalogueError> {
    let failed = |error: std::io::Error| unreadable(folder, &error, "name a folder that keysweep may read");
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if !hidden && path.extension().is_some_and(|extension| extension == "toml") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Reads and checks one file; its text beside it.
///
/// # Errors
/// Everything that is wrong with it, each with line, key and what to do.
pub fn read_file(path: &Path) -> Result<(Provider, String), CatalogueError> {
    let text = text_of(path)?;
    let provider = read(&path.display().to_string(), &text)?;
    Ok((provider, text))
}

/// The text of one file.
///
/// # Errors
/// Where it can't be read, or is far too long.
pub fn text_of(path: &Path) -> Result<String, CatalogueError> {
    let todo = "let keysweep read it, or take it away";
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, &error, todo))?;
    if metadata.len() > LONGEST {
        let error = std::io::Error::other("it is longer than a mebibyte, so it is no catalogue file");
        return Err(unreadable(path, &error, todo));
    }
    fs::read_to_string(path).map_err(|error| unreadable(path, &error, todo))
}

fn unreadable(path: &Path, error: &std::io::Error, todo: &str) -> CatalogueError {
    CatalogueError(vec![CatalogueProblem {
        file: path.display().to_string(),
        line: None,
        key: String::new(),
        what: format!("it can't be read: {error}"),
        todo: todo.to_owned(),
    }])
}
