//! TLS to a real server: the certificate is checked to be the host's, and by whom it was made.

use std::fs;
use std::path::Path;
use std::process::Command;

use keysweep::domain::time::hours;

use super::{NOW, id, rows, source_at};
use crate::mail_server::certify;
use crate::support::Ran;
use crate::support::platform::Engine;

/// A server of its own that speaks TLS as `localhost`. It ends with this value.
struct Server {
    engine: Engine,
    folder: tempfile::TempDir,
    /// the address that the script prints, with 127.0.0.1 as its host
    url: String,
}

impl Server {
    fn start(engine: Engine) -> Self {
        let folder = tempfile::Builder::new().prefix("keysweep-tls-").tempdir().expect("a temporary folder");
        certify(folder.path());
        // the server gives up root, and must be able to walk down to its files
        for (name, mode) in [(".", "755"), ("leaf.pem", "644"), ("leaf.key", "644")] {
            run(Command::new("chmod").arg(mode).arg(folder.path().join(name)));
        }
        let named = |option: &str, file: &str| format!("--{option}={}", folder.path().join(file).display());
        let data = folder.path().join("server");
        let mut start = script(engine);
        start.arg("start").arg(&data);
        if engine == Engine::MariaDb {
            start.args([named("ssl-cert", "leaf.pem"), named("ssl-key", "leaf.key")]);
        }
        let url = run(&mut start).trim().to_owned();
        let server = Self { engine, folder, url };
        if engine == Engine::Postgres {
            let own = data.join("data");
            for (file, name) in [("leaf.pem", "server.crt"), ("leaf.key", "server.key")] {
                let place = own.join(name);
                fs::copy(server.folder.path().join(file), &place).expect("a folder that can be written");
                run(Command::new("chown").arg(format!("--reference={}", own.display())).arg(&place));
                run(Command::new("chmod").arg("600").arg(&place));
            }
            server.ask(&["ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()"]);
        }
        server
    }

    /// Runs statements in it, one after the other.
    fn ask(&self, statements: &[&str]) -> String {
        let mut client = match self.engine {
            Engine::Postgres => {
                let mut psql = Command::new("psql");
                psql.args(["-qAt", &self.url]);
                psql
            }
            _ => {
                let (port, database) = self.place();
                let mut mariadb = Command::new("mariadb");
                mariadb.args(["--no-defaults", "-h", "127.0.0.1", "-P", port, "-u", "root", database]);
                mariadb
            }
        };
        let flag = if self.engine == Engine::Postgres { "-c" } else { "-e" };
        statements.iter().for_each(|statement| _ = client.args([flag, statement]));
        run(&mut client)
    }

    /// Its port, and the database.
    fn place(&self) -> (&str, &str) {
        self.url.rsplit(':').next().and_then(|place| place.split_once('/')).expect("the address of the script")
    }

    /// Its address by that name, with these words about TLS.
    fn at(&self, host: &str, words: &str) -> String {
        self.url.replace("127.0.0.1", host) + "?" + &words.replace("FOLDER", &self.folder.path().display().to_string())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        _ = script(self.engine).arg("stop").arg(self.folder.path().join("server")).output();
    }
}

fn script(engine: Engine) -> Command {
    let name = if engine == Engine::Postgres { "postgres" } else { "mariadb" };
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name))
}

fn run(command: &mut Command) -> String {
    Ran::from(command.output().expect("the tools of the test's servers")).exits(0).out
}

#[tokio::test]
async fn a_server_is_believed_by_a_certificate_for_its_name_from_the_authority_that_was_named() {
    for (engine, checked, usual, unchecked) in [
        (
            Engine::Postgres,
            "sslmode=verify-full&sslrootcert=FOLDER/ca.pem",
            "sslmode=verify-full",
            "sslmode=verify-ca&sslrootcert=FOLDER/ca.pem",
        ),
        (
            Engine::MariaDb,
            "ssl-mode=verify_identity&ssl-ca=FOLDER/ca.pem",
            "ssl-mode=verify_identity",
            "ssl-mode=verify_ca&ssl-ca=FOLDER/ca.pem",
        ),
    ] {
        let server = Server::start(engine);
        server.ask(&["CREATE TABLE c AS SELECT 'c-1' AS connection_id, 'a' AS account_id, 'kit' AS provider"]);
        for (url, is_believed) in [
            (server.at("localhost", checked), true),
            (server.at("127.0.0.1", checked), false),
            (server.at("localhost", usual), false),
            (server.at("127.0.0.1", unchecked), true),
        ] {
            let source = source_at(&url, "SELECT * FROM c", None, hours(1)).expect("a source");
            let read = match source.open(NOW, None).await {
                Ok(mut snapshot) => rows(&mut snapshot).await,
                Err(error) => Err(error),
            };
            match read {
                Ok(all) => assert!(is_believed && all.iter().map(id).eq(["c-1"]), "{url}"),
                Err(error) => {
                    let what = error.to_string();
                    assert!(!is_believed && what.contains("certificate"), "{url}: {what}");
                    assert!(what.contains("check what `url` says of certificates"), "{url}: {what}");
                }
            }
        }
        let gone = server.at("localhost", &checked.replace("ca.pem", "gone.pem"));
        let source = source_at(&gone, "SELECT * FROM c", None, hours(1)).expect("a source");
        let what = source.open(NOW, None).await.map(drop).expect_err("the file is gone").to_string();
        assert!(what.contains("gone.pem can't be read") && what.contains("correct `ssl"), "{what}");
    }
}
