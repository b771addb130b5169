//! `scan --daemon`: asks the running daemon for a scan, through its listener.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use serde_json::json;

use super::args::{Form, Format, TextFormat};
use super::{CliError, Done, told};
use crate::app::report::chain;
use crate::config::{Env, HttpSettings};

/// The daemon is on this machine and only has to ring its bell.
const PATIENCE: Duration = Duration::from_secs(10);

/// Rings for a scan. It says that the bell was rung, not that there was a scan.
pub async fn scan(settings: &HttpSettings, format: Format, env: &Env) -> Result<Done, CliError> {
    let form = match format {
        Format::Table => Form { format: TextFormat::Table },
        Format::Json => Form { format: TextFormat::Json },
        Format::Jsonl | Format::Csv => {
            let what = "--daemon has no list to show: the forms of what it says are table and json";
            return Err(CliError::Usage(what.to_owned()));
        }
    };
    let refused = |what: String| CliError::Other(what);
    let Some(listen) = settings.listen else {
        return Err(refused("http.listen is off, so the daemon can't be asked; send it SIGUSR1 instead".to_owned()));
    };
    let Some(token) = &settings.token else {
        return Err(refused(
            "http.token is not set, so the daemon takes no orders; set it, or send SIGUSR1".to_owned(),
        ));
    };
    let token = token.resolve(env).map_err(crate::app::AppError::from)?;
    let address = reachable(listen);
    let answer = ask(address, token.expose()).await;
    let answer = answer.map_err(|error| {
        let why = chain(&error.without_url());
        refused(format!("no daemon answers at http.listen ({address}): {why}; is `keysweep run` running?"))
    })?;
    match answer.as_u16() {
        202 => {
            let sentence = "The daemon was asked for a scan. `keysweep scans list` shows it.\n";
            told::tell(form, sentence, &json!({"job": "scan", "status": "rung"}))?;
            Ok(Done::Ok)
        }
        401 => Err(refused("the daemon has another http.token; restart it after a change of it".to_owned())),
        status => Err(refused(format!("whoever listens at {address} answered {status}: is that keysweep?"))),
    }
}

#[expect(clippy::disallowed_methods, reason = "asks our own listener on this machine; no provider is concerned")]
async fn ask(address: SocketAddr, token: &str) -> reqwest::Result<reqwest::StatusCode> {
    let client =
        reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE).build()?;
    let answer = client.post(format!("http://{address}/api/v1/scan")).bearer_auth(token).send().await?;
    Ok(answer.status())
}

/// Who listens on all addresses is asked on loopback.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_that_listens_everywhere_is_asked_on_loopback() {
        for (listen, asked) in
            [("0.0.0.0:9184", "127.0.0.1:9184"), ("[::]:9184", "[::1]:9184"), ("127.0.0.2:9184", "127.0.0.2:9184")]
        {
            assert_eq!(reachable(listen.parse().unwrap()), asked.parse().unwrap());
        }
    }
}
