//! What a process used, and how a work is run in a process of its own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

/// The hidden argument that makes this program one of its own works.
pub(crate) const CHILD: &str = "--child";

/// Ticks of `/proc/self/stat`: Linux shows user space 100 a second on every architecture.
const TICKS: f64 = 100.0;

/// What one stage, or one whole work, took.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Cost {
    /// what it was
    pub(crate) name: String,
    /// how often the thing was done that is counted
    pub(crate) ops: u64,
    /// from its beginning to its end, in seconds
    pub(crate) wall: f64,
    /// user and system time of this process, in seconds
    pub(crate) cpu: f64,
}

impl Cost {
    /// How often a second.
    pub(crate) fn rate(&self) -> f64 {
        self.ops as f64 / self.wall.max(1e-9)
    }

    /// Microseconds of CPU for each.
    pub(crate) fn micros(&self) -> f64 {
        self.cpu * 1e6 / self.ops.max(1) as f64
    }
}

/// What a child tells its parent, as one line.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    /// the work as a whole
    pub(crate) whole: Cost,
    /// its stages, where it has any
    pub(crate) stages: Vec<Cost>,
    /// the most memory that the process ever held, in KiB
    pub(crate) peak_kib: u64,
}

/// A running measurement.
pub(crate) struct Watch {
    began: Instant,
    cpu: f64,
}

impl Watch {
    /// Begins now.
    pub(crate) fn start() -> Result<Self> {
        Ok(Self { cpu: cpu_seconds()?, began: Instant::now() })
    }

    /// What has passed since the beginning.
    pub(crate) fn cost(&self, name: &str, ops: u64) -> Result<Cost> {
        let wall = self.began.elapsed().as_secs_f64();
        Ok(Cost { name: name.to_owned(), ops, wall, cpu: cpu_seconds()? - self.cpu })
    }
}

/// Tells the parent.
pub(crate) fn report(whole: Cost, stages: Vec<Cost>) -> Result<()> {
    let report = Report { whole, stages, peak_kib: peak_kib()? };
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}

/// Runs a work to its end and returns what it reports.
pub(crate) fn run(work: &str, args: &[String]) -> Result<Report> {
    let output = command(work, args)?.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "the work {work} failed");
    let line = String::from_utf8(output.stdout)?;
    serde_json::from_str(line.trim()).with_context(|| format!("the work {work} reported {line:?}"))
}

/// A child that serves until it is dropped.
pub(crate) struct Server {
    child: Child,
    input: Option<ChildStdin>,
    /// the first line it said
    pub(crate) said: String,
}

impl Server {
    /// Starts one and waits for its first line.
    pub(crate) fn start(work: &str) -> Result<Self> {
        let mut child = command(work, &[])?.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take();
        let mut said = String::new();
        BufReader::new(child.stdout.take().context("no output")?).read_line(&mut said)?;
        Ok(Self { child, input, said: said.trim().to_owned() })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.input.take()); // it ends with its input
        if let Err(error) = self.child.wait() {
            eprintln!("scale: a child is left over: {error}");
        }
    }
}

fn command(work: &str, args: &[String]) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(CHILD).arg(work).args(args);
    Ok(command)
}

fn cpu_seconds() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The second field is the program's name in brackets, which may hold spaces.
    let fields = stat.rsplit_once(')').context("/proc/self/stat has no name")?.1;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    Ok(ticks.sum::<Result<u64, _>>()? as f64 / TICKS)
}

fn peak_kib() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
