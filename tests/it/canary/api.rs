//! What a running daemon answers programs.

use std::net::TcpListener;

use super::Papers;
use crate::api::ask::ask;
use crate::daemon::running::Running;
use crate::estate::Estate;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// Asks every path of the API for as much as it gives.
pub fn ask_everything(estate: &Estate, papers: &mut Papers) {
    let port = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("its address").port();
    let address = format!("127.0.0.1:{port}");
    estate.write("http.token", TOKEN);
    let daemon = Running::start_with(
        estate,
        &[("KEYSWEEP__HTTP__LISTEN", &address), ("KEYSWEEP__HTTP__TOKEN", "file:http.token")],
    );
    let document = keysweep::http::api::openapi();
    for (path, item) in document["paths"].as_object().expect("paths") {
        let Some(operation) = item.get("get") else { continue };
        let takes = |name: &str| {
            operation["parameters"].as_array().is_some_and(|all| all.iter().any(|one| one["name"] == name))
        };
        let target = path.replace("{id}", "F1").replace("{number}", "1").replace("{name}", "000000000000");
        let queries: &[&str] = match () {
            () if takes("limit") => &["?limit=200"],
            () if takes("format") => &["?format=json", "?format=csv", "?format=ocsf"],
            () => &[""],
        };
        for query in queries {
            let target = format!("{target}{query}");
            let answer = ask(&address, "GET", &target, &format!("Authorization: Bearer {TOKEN}\r\n"));
            assert!(matches!(answer.status, 200 | 404 | 503), "{target}: {}", answer.text());
            papers.add(&format!("the answer of {target}"), answer.text());
        }
    }
    daemon.stop();
}
