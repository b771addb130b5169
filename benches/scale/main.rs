//! What keysweep costs, against what the same work costs at least.
//!
//! `cargo bench` takes a few minutes, `cargo bench -- --full` takes 200,000 probes and 1,000,000 connections. Every work
//! and every yardstick is a process of its own, so that their peaks of memory don't mix; product and yardstick go in turn,
//! and what counts is the median of their ratios: this machine's other load falls on both. Absolute rates are told, but
//! nothing is held against them.

mod bare;
mod estate;
mod measure;
mod product;
mod stub;
mod table;
mod works;

use std::process::ExitCode;

use anyhow::Result;

use works::Sizes;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("scale: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// False where a bar is not met and `--gate` asks for that to be an error.
fn run(args: &[String]) -> Result<bool> {
    if let [flag, work, rest @ ..] = args
        && flag == measure::CHILD
    {
        child(work, rest)?;
        return Ok(true);
    }
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    let sizes = if has("--full") {
        Sizes::FULL
    } else if has("--bench") {
        Sizes::QUICK
    } else {
        Sizes::SMOKE // `cargo test --all-targets` runs this too, and only wants to know that it works
    };
    let lines = works::all(&sizes.overridden(&|name| std::env::var(name).ok())?)?;
    println!("{}", table::render(&lines));
    Ok(!has("--gate") || lines.iter().all(|line| line.gate_met))
}

/// The part of this program that is measured, in a process of its own.
fn child(work: &str, args: &[String]) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match work {
            "stub" => stub::serve().await,
            "bare" => bare::ask(args).await,
            "collect" => product::collect(args).await,
            "probe" => product::probe(args).await,
            "scan" => product::scan(args).await,
            "metrics" => product::metrics(args).await,
            other => anyhow::bail!("there is no work named {other:?}"),
        }
    })
}
