//! Which file is the operator's.

use std::io;
use std::path::{Path, PathBuf};

use super::problem::{ConfigProblems, Problem};
use super::secret_ref::{Env, variable};

/// Where the operator's file may be.
#[derive(Clone, Debug)]
pub struct ConfigChoice {
    named: Option<PathBuf>,
    usual: Vec<PathBuf>,
}

impl ConfigChoice {
    /// The file that `--config` names, else `KEYSWEEP_CONFIG`, else `config/keysweep.toml`, else
    /// `/etc/keysweep/keysweep.toml`, else none. A file that is named must exist.
    pub fn usual(named: Option<PathBuf>) -> Self {
        Self::among(named, ["config/keysweep.toml".into(), "/etc/keysweep/keysweep.toml".into()])
    }

    /// Like [`ConfigChoice::usual`], with other places to look at when none is named.
    pub fn among(named: Option<PathBuf>, usual: impl IntoIterator<Item = PathBuf>) -> Self {
        Self { named, usual: usual.into_iter().collect() }
    }

    /// The file to be read; `None` where none is named and none of the usual ones exists.
    ///
    /// # Errors
    /// Where it can't be told whether a usual file exists. Passing over it could start with another's settings.
    pub fn find(&self, env: &Env) -> Result<Option<PathBuf>, ConfigProblems> {
        let named = self.named.clone().or_else(|| variable(env, "KEYSWEEP_CONFIG").map(PathBuf::from));
        if named.is_some() {
            return Ok(named);
        }
        for path in &self.usual {
            if path.try_exists().map_err(|error| unreadable(path, &error))? {
                return Ok(Some(path.clone()));
            }
        }
        Ok(None)
    }
}

pub(super) fn unreadable(path: &Path, error: &io::Error) -> ConfigProblems {
    ConfigProblems::new(vec![Problem {
        place: path.display().to_string(),
        key: String::new(),
        what: format!("the file can't be read: {error}"),
        todo: "name a readable file with --config or KEYSWEEP_CONFIG".to_owned(),
    }])
}
