//! A source with a great many rows, and the memory that reading it takes.

use std::fs;
use std::time::Duration;

use serde_json::Value;

use super::{Form, Platformed};
use crate::support::Site;
use crate::support::platform::Engine;

/// How many rows a great source has; `docs/testing.md` has the long form.
fn great() -> u32 {
    let set = std::env::var("KEYSWEEP_ROWS").ok();
    set.map_or(10_000, |text| text.parse().expect("KEYSWEEP_ROWS is a number"))
}

/// The most memory that a first scan held, in MiB, and how many rows it read.
fn peak(site: &Site) -> (u64, u64) {
    let printed = fs::File::create(site.path("printed")).expect("a folder that can be written");
    let mut command = site.command();
    let mut child = command.args(["scan", "--no-probe", "--format", "json"]).stdout(printed).spawn().expect("a start");
    let mut most = 0;
    let ended = loop {
        if let Some(ended) = child.try_wait().expect("a child") {
            break ended;
        }
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let held =
            status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        most = held.map_or(most, |held: u64| most.max(held));
        std::thread::sleep(Duration::from_millis(10));
    };
    assert!(ended.success(), "{ended}");
    let printed = fs::read_to_string(site.path("printed")).expect("what it printed");
    let document: Value = serde_json::from_str(&printed).expect("a document");
    (most / 1024, document["scan"]["counts"]["rows"].as_u64().expect("a count"))
}

#[test]
fn a_great_source_is_read_in_the_memory_of_a_small_one() {
    for engine in [Engine::Postgres, Engine::MariaDb] {
        let mut peaks = Vec::new();
        for rows in [great() / 10, great()] {
            let platform = Platformed::new(Form::Database(engine));
            let series = match engine {
                Engine::Postgres => format!("SELECT i FROM generate_series(1, {rows}) AS g(i)"),
                Engine::MariaDb | Engine::Sqlite => format!("SELECT seq AS i FROM seq_1_to_{rows}"),
            };
            let database = platform.database.as_ref().expect("a database");
            database.run(&format!("CREATE TABLE many AS {series}"));
            // so wide that keeping them would take far more than is granted below
            let wide = ((80 << 20) / great()).max(64);
            let query = format!(
                "SELECT i AS connection_id, i % 1000 AS account_id, 'kit' AS provider, concat('kit_', i) AS secret, \
                 repeat('n', {wide}) AS name FROM many"
            );
            platform.change(|text| {
                let lists = text.find("connections = ").expect("the query");
                format!("{}connections = \"{query}\"\n", &text[..lists])
            });
            let (most, read) = peak(&platform.site);
            assert_eq!(read, u64::from(rows), "{engine:?}");
            peaks.push(most);
        }
        println!("{engine:?}: {} rows in {} MiB, a tenth of them in {} MiB", great(), peaks[1], peaks[0]);
        assert!(peaks[1] <= peaks[0] + 16, "{engine:?}: {peaks:?} MiB");
        assert!(cfg!(debug_assertions) || peaks[1] <= 64, "{engine:?}: {peaks:?} MiB");
    }
}
