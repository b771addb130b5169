//! The yardstick of a probe: the same requests from the same HTTP client, and nothing else.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures::stream::{self, StreamExt as _};

use crate::estate;
use crate::measure::{self, Watch};

/// Asks `count` times, so many at once as keysweep would: `address count in_flight`.
pub(crate) async fn ask(args: &[String]) -> Result<()> {
    let [address, count, width] = args else { anyhow::bail!("bare takes an address, a count and a width") };
    let (count, width): (u64, usize) = (count.parse()?, width.parse()?);
    let client = client(width)?;
    let watch = Watch::start()?;
    let mut answers = stream::iter(0..count).map(|number| one(&client, address, number)).buffer_unordered(width);
    while let Some(answer) = answers.next().await {
        answer?;
    }
    measure::report(watch.cost("bare", count)?, Vec::new())
}

#[expect(clippy::disallowed_methods, reason = "the client that keysweep's own is measured against")]
async fn one(client: &reqwest::Client, address: &str, number: u64) -> Result<()> {
    let url = format!("http://{address}/v3/REST/contactslist?Limit=1");
    let (key_id, secret) = estate::credential(number);
    let answer = client.get(url).basic_auth(key_id, Some(secret)).send().await.context("the stub is gone")?;
    ensure!(answer.status() == 200, "the stub said {}", answer.status());
    ensure!(!answer.bytes().await?.is_empty(), "the stub said nothing");
    Ok(())
}

/// As `providers::http` makes it: other settings would measure something else.
#[expect(clippy::disallowed_methods, reason = "the client that keysweep's own is measured against")]
fn client(width: usize) -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(Duration::from_secs(10))
        .tcp_nodelay(true)
        .pool_max_idle_per_host(width)
        .build()
}
