//! The real program over a platform's database: the worked examples, and what people are told.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::platform::{Engine, Platform};
use crate::support::{MASTER_KEY, Ran};

/// A team's integrations, as the worked examples' tables hold them.
const TEAM: [&str; 3] = [
    "INSERT INTO token_key VALUES ('only-an-example')",
    "INSERT INTO users VALUES ('00000000-0000-0000-0000-000000000001', 'owner@shop.example.org', 'de', '2026-01-01'), \
     ('00000000-0000-0000-0000-000000000002', 'member@shop.example.org', NULL, NULL)",
    "INSERT INTO teams VALUES ('00000000-0000-0000-0000-00000000000a', 'Shop', '00000000-0000-0000-0000-000000000001'); \
     INSERT INTO team_members VALUES ('00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-000000000002', NULL)",
];

/// Runs the program to its end, over a folder with a configuration and a platform's database.
fn run(site: &Path, platform: &str, arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keysweep"));
    command.env_clear().env("KEYSWEEP_PLATFORM_URL", platform).env("COLUMNS", "400");
    command.env("CREDENTIALS_DIRECTORY", site);
    command.env("KEYSWEEP__LEDGER__URL", format!("sqlite:{}", site.join("ledger.db").display()));
    command.arg("--config").arg(site.join("keysweep.toml")).args(arguments);
    Ran::from(command.output().expect("the program starts"))
}

#[test]
fn the_worked_examples_are_read_on_real_servers() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/examples");
    for (engine, schema) in [(Engine::Postgres, "platform-postgresql.sql"), (Engine::MariaDb, "platform-mariadb.sql")] {
        let platform = Platform::new(engine);
        platform.run(&fs::read_to_string(examples.join(schema)).expect("the schema"));
        TEAM.iter().for_each(|statement| drop(platform.run(statement)));
        let sealed = |token: &str| match engine {
            Engine::Postgres => format!("pgp_sym_encrypt('{token}', 'only-an-example')"),
            Engine::MariaDb | Engine::Sqlite => format!("AES_ENCRYPT('{token}', 'only-an-example')"),
        };
        for (id, token, gone) in [
            (1, sealed("OnlyAnExample0000000000000000001"), "NULL"),
            (2, sealed("OnlyAnExample0000000000000000002"), "now()"),
            (3, "NULL".to_owned(), "'2020-01-01'"), // long ago: left out
            (4, "NULL".to_owned(), "NULL"),
        ] {
            platform.run(&format!(
                "INSERT INTO integrations (id, team, service, api_key, token, made_by, made, token_set, changed, gone) VALUES \
                 ({id}, '00000000-0000-0000-0000-00000000000a', 'mailjet', '0000000000000000000000000000000{id}', {token}, \
                 '00000000-0000-0000-0000-000000000002', '2026-01-01', '2026-01-01', '2026-01-02', {gone})"
            ));
        }
        let site = tempfile::tempdir().expect("a temporary folder");
        fs::copy(examples.join("platform.toml"), site.path().join("keysweep.toml")).expect("a copy");
        fs::write(site.path().join("master_key"), MASTER_KEY).expect("a master key");
        let run = |arguments: &[&str]| run(site.path(), &platform.url(), arguments);
        run(&["config", "check"]).exits(0);
        let looked = run(&["inventory", "check", "platform", "--format", "json"]).exits(0).json();
        let problems = looked["problems"].as_array().cloned().unwrap_or_default();
        // MariaDB's DATETIME has no zone, and that is said
        let is_fine =
            |problem: &serde_json::Value| problem.as_str().is_some_and(|text| text.contains("is taken for UTC"));
        assert!(problems.iter().all(is_fine) && (engine == Engine::MariaDb || problems.is_empty()), "{problems:?}");
        let found = ["rows", "with_secret", "people"].map(|name| looked[name].as_u64());
        assert_eq!(found, [Some(3), Some(2), Some(2)], "{engine:?}: {looked:#}");
        let scanned = run(&["scan", "--no-probe", "--format", "json"]).exits(0).json();
        assert_eq!(scanned["scan"]["counts"]["new"], 3, "{engine:?}");
        let again = run(&["scan", "--no-probe", "--format", "json"]).exits(0).json();
        assert_eq!(again["scan"]["counts"]["rows"], 0, "{engine:?}: only what changed");
        let said = run(&["doctor"]);
        assert!(said.out.contains("inventory[0].connections"), "{}", said.out);
    }
}

#[test]
fn doctor_and_check_name_the_setting_and_never_the_login() {
    let platform = Platform::new(Engine::MariaDb);
    platform.run("CREATE TABLE c (id int); INSERT INTO c VALUES (1)");
    let site = tempfile::tempdir().expect("a temporary folder");
    let good = "SELECT id AS connection_id, id AS account_id, 'mailjet' AS provider FROM c";
    let strange = platform.url().replacen("root@", "stranger:hunter2@", 1);
    for (url, query, setting, expected) in [
        (platform.url(), "SELECT id AS connection_id, id AS account_id FROM c", "connections", "no column `provider`"),
        (platform.url(), "SELECT id FROM nowhere", "connections", "correct `connections`"),
        (platform.url(), "SELECT 1; SELECT 2", "connections", "write one, a SELECT"),
        (strange, good, "url", "check user and password in `url`"),
        ("mysql://root:hunter2@127.0.0.1:1/shop".to_owned(), good, "url", "can't be reached"),
        ("ftp://root:hunter2@127.0.0.1/shop".to_owned(), good, "url", "write postgres://"),
    ] {
        let config = format!(
            "[ledger]\nurl = \"sqlite:ledger.db\"\n[escrow]\nmaster_key = \"file:master.key\"\nhold = \"until-proven\"\n\
             [[inventory]]\nname = \"main\"\nkind = \"sql\"\nurl = \"env:KEYSWEEP_PLATFORM_URL\"\nconnections = \"{query}\"\n"
        );
        fs::write(site.path().join("keysweep.toml"), config).expect("a configuration");
        fs::write(site.path().join("master.key"), MASTER_KEY).expect("a master key");
        let run = |arguments: &[&str]| run(site.path(), &url, arguments);
        let doctor = run(&["doctor", "--format", "json"]);
        let checked = run(&["inventory", "check", "main"]);
        assert_ne!((doctor.code, checked.code), (Some(0), Some(0)));
        for said in [format!("{}{}", doctor.out, doctor.err), format!("{}{}", checked.out, checked.err)] {
            assert!(said.contains(expected) && !said.contains("hunter2"), "{query}: {said}");
        }
        assert!(doctor.out.contains(&format!("inventory[0].{setting}")), "{query}: {}", doctor.out);
    }
}
