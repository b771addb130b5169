//! The demo's folder: real files, such as an operator's, so that every other command works on them.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use data_encoding::HEXLOWER;

use super::estate::Estate;
use super::inbox::{Caught, Inbox};
use super::letter::Letter;
use super::world::{Simulated, World};
use super::{DemoError, SOURCE};
use crate::escrow::entropy;

/// A folder with a configuration, an inventory and, later, a ledger and the mails.
#[derive(Clone, Debug)]
pub struct Home {
    folder: PathBuf,
}

impl Home {
    /// Makes the folder; it may be there already, as long as it is empty.
    ///
    /// # Errors
    /// Where it can't be made, or holds something.
    pub fn create(folder: &Path) -> Result<Self, DemoError> {
        fs::create_dir_all(folder).map_err(|source| failed(folder, source))?;
        let folder = folder.canonicalize().map_err(|source| failed(folder, source))?;
        if fs::read_dir(&folder).map_err(|source| failed(&folder, source))?.next().is_some() {
            return Err(DemoError::NotEmpty(folder));
        }
        let home = Self { folder };
        fs::create_dir(home.mails()).map_err(|source| failed(&home.mails(), source))?;
        Ok(home)
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The configuration's file.
    pub fn config(&self) -> PathBuf {
        self.folder.join("keysweep.toml")
    }

    /// The folder of caught mails.
    pub fn mails(&self) -> PathBuf {
        self.folder.join("mails")
    }

    /// The file of the listener's token.
    pub fn token(&self) -> PathBuf {
        self.folder.join("http.token")
    }

    /// The listener's token itself: of a demo, it may be printed.
    ///
    /// # Errors
    /// Where the file can't be read.
    pub fn read_token(&self) -> Result<String, DemoError> {
        fs::read_to_string(self.token()).map_err(|source| failed(&self.token(), source))
    }

    /// A configuration with which Prometheus scrapes the demo.
    pub fn prometheus(&self) -> PathBuf {
        self.folder.join("prometheus.yml")
    }

    /// Writes a configuration that asks the simulated providers, mails to the inbox and is seen at `ops`, with links that lead to `front`, a fresh
    /// master key and a fresh token.
    ///
    /// # Errors
    /// Where a file can't be written, or the machine gives no randomness.
    pub fn write_config(
        &self,
        world: &World,
        inbox: &Inbox,
        ops: SocketAddr,
        front: SocketAddr,
    ) -> Result<(), DemoError> {
        self.write("master.key", STANDARD.encode(random()?))?;
        self.write("http.token", HEXLOWER.encode(&random()?))?;
        self.write("prometheus.yml", scraping(ops))?;
        self.write("smtp.url", format!("smtp://{}?tls=none", inbox.address()))?;
        let mut config = format!(
            "# Written by `keysweep demo`. Everything in it is on this machine and made up.\n\n\
             [ledger]\nurl = \"sqlite:ledger.db\"\n\n\
             [escrow]\nmaster_key = \"file:master.key\"\nhold = \"until-proven\"\n\n\
             [[inventory]]\nname = \"{SOURCE}\"\nkind = \"csv\"\npath = \"connections.csv\"\npeople_path = \"people.csv\"\n\n\
             [mail]\nsmtp_url = \"file:smtp.url\"\nfrom = \"keysweep@platform.example.com\"\nplatform = \"Example Checker\"\n\n\
             [policy]\nidle_after = \"30d\"\n\n\
             # Every minute, so that there is something to see.\n\
             [schedule]\nscan = \"* * * * *\"\nmail = \"* * * * *\"\njitter = \"0s\"\n\n\
             [http]\nlisten = \"{ops}\"\ntoken = \"file:http.token\"\n\
             public_listen = \"{front}\"\npublic_url = \"http://{front}\"\n\n\
             [telemetry]\nlog_filter = \"warn\"\nper_connection = \"all\"\n"
        );
        for provider in Simulated::ALL {
            let address = world.address(provider);
            let relay =
                if provider == Simulated::Mailjet { format!(", smtp = \"{}\"", world.relay()) } else { String::new() };
            config.push_str(&format!(
                "\n[providers.{}]\npace = \"unpaced\"\ndangerous_test_endpoints = {{ rest = \"{address}\"{relay} }}\n",
                provider.name()
            ));
        }
        self.write("keysweep.toml", config)
    }

    /// Writes the inventory as the platform has it now.
    ///
    /// # Errors
    /// Where a file can't be written.
    pub fn write_inventory(&self, estate: &Estate) -> Result<(), DemoError> {
        self.write("connections.csv", estate.connections_csv())?;
        self.write("people.csv", estate.people_csv())
    }

    /// Keeps mails as files that mail programs open; the first one is number `first`.
    ///
    /// # Errors
    /// Where a file can't be written.
    pub fn keep_mails(&self, mails: &[Caught], first: usize) -> Result<(), DemoError> {
        for (at, mail) in mails.iter().enumerate() {
            self.write(&format!("mails/{:03}.eml", first + at), &mail.raw)?;
        }
        Ok(())
    }

    /// Keeps a mail's HTML as a page of its own, and returns where.
    ///
    /// # Errors
    /// Where the file can't be written.
    pub fn keep_page(&self, letter: &Letter) -> Result<PathBuf, DemoError> {
        self.write("mail.html", &letter.html)?;
        Ok(self.folder.join("mail.html"))
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<(), DemoError> {
        let path = self.folder.join(name);
        // For their owner alone, as an operator's would be.
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(content.as_ref())).map_err(|source| failed(&path, source))
    }
}

fn random() -> Result<[u8; 32], DemoError> {
    let mut bytes = [0; 32];
    entropy::system(&mut bytes).map_err(|_| DemoError::NoRandomness)?;
    Ok(bytes)
}

/// Paths in it start at its own folder.
fn scraping(ops: SocketAddr) -> String {
    format!(
        "# Written by `keysweep demo`.\nglobal:\n  scrape_interval: 5s\nscrape_configs:\n  - job_name: keysweep\n    \
         authorization:\n      type: Bearer\n      credentials_file: http.token\n    static_configs:\n      - targets: [\"{ops}\"]\n"
    )
}

fn failed(path: &Path, source: io::Error) -> DemoError {
    DemoError::File { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_holds_something_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Home::create(folder.path()).is_ok());
        assert!(matches!(Home::create(folder.path()), Err(DemoError::NotEmpty(_))));
    }
}
