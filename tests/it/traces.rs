//! Traces, as a collector gets them: one a scan, of its stages, and never in its way.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use keysweep::demo::world::{KeyState, Simulated};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use serde_json::{Value, json};

use crate::api::ask::ask;
use crate::daemon::running::Running;
use crate::doctor::Found;
use crate::estate::{Estate, stale_keys, wait_for};
use crate::report::python;
use crate::support::receiver::{Answer, Receiver};
use crate::support::{Ran, Settings, Site, hex};

/// Of the operator's listener.
const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// An address at which nobody listens.
fn free_address() -> String {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    free.local_addr().expect("its address").to_string()
}

/// A collector that takes everything, as collectors do it.
fn collector() -> Receiver {
    let collector = Receiver::start();
    collector.answer(Answer::Say("200 OK\r\n"));
    collector
}

/// Has scans of this estate traced, at this address.
fn trace(estate: &Estate, address: &str) {
    let telemetry = format!("[telemetry]\nlog_format = \"json\"\ntraces = \"{address}\"");
    estate.configure(&format!("smtp://{}", estate.inbox.address()), "", &telemetry);
}

/// Every span that came, in the order of their beginnings.
fn spans(collector: &Receiver) -> Vec<Span> {
    let mut spans = Vec::new();
    for received in collector.received() {
        assert_eq!(received.header("content-type"), "application/x-protobuf");
        let message = ExportTraceServiceRequest::decode(received.bytes.as_slice()).expect("a message of OTLP");
        for of_resource in message.resource_spans {
            let resource = of_resource.resource.expect("a resource");
            assert_eq!(attributes(&resource.attributes)["service.name"], "keysweep");
            spans.extend(of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
        }
    }
    spans.sort_by_key(|span| span.start_time_unix_nano);
    spans
}

fn attributes(all: &[opentelemetry_proto::tonic::common::v1::KeyValue]) -> BTreeMap<String, Value> {
    let value = |any: &Any| match any {
        Any::StringValue(text) => json!(text),
        Any::BoolValue(flag) => json!(flag),
        Any::IntValue(number) => json!(number),
        Any::DoubleValue(number) => json!(number),
        other => json!(format!("{other:?}")),
    };
    let one = |pair: &opentelemetry_proto::tonic::common::v1::KeyValue| {
        let any = pair.value.as_ref().and_then(|value| value.value.as_ref());
        (pair.key.clone(), any.map_or(Value::Null, value))
    };
    all.iter().map(one).collect()
}

/// The way from the root to a span, each with the source or provider that it is about.
fn path(span: &Span, all: &[Span]) -> String {
    let attributes = attributes(&span.attributes);
    let about = ["keysweep.source", "keysweep.provider"].iter().find_map(|key| attributes.get(*key)?.as_str());
    let own = format!("{}{}", span.name, about.map(|about| format!(" {about}")).unwrap_or_default());
    match all.iter().find(|other| other.span_id == span.parent_span_id) {
        Some(parent) => format!("{} > {own}", path(parent, all)),
        None => own,
    }
}

fn one<'a>(all: &'a [Span], wanted: &str) -> &'a Span {
    let found = all.iter().find(|span| path(span, all) == wanted);
    let paths = || all.iter().map(|span| path(span, all)).collect::<Vec<_>>();
    assert!(found.is_some(), "no {wanted} in {:?}", paths());
    found.expect("it is there")
}

/// One live key at each of two providers, one that is refused, and one that nobody answers about.
fn small_estate() -> Estate {
    let estate = Estate::new();
    estate.people(&[["a", "owner", "owner", "active", "true"]]);
    let rows = ["live", "refused", "silent"].map(|id| {
        let secret = format!("kit_{}", hex(id));
        (id, secret)
    });
    let mut csv = "connection_id,account_id,provider,secret_set_at,secret\n".to_owned();
    let set_at = crate::support::ago(chrono::TimeDelta::days(400));
    for (id, secret) in &rows {
        csv.push_str(&format!("{id},a,kit,{set_at},{secret}\n"));
    }
    let other = hex("convertkit");
    csv.push_str(&format!("other,a,convertkit,{set_at},{other}\n"));
    estate.write("connections.csv", &csv);
    for ((_, secret), state) in rows.iter().zip([KeyState::Live, KeyState::Refused, KeyState::ServerError]) {
        estate.world.set(Simulated::Kit, None, secret, state);
    }
    estate.world.set(Simulated::ConvertKit, None, &other, KeyState::Live);
    estate.release();
    estate
}

#[test]
fn a_scan_is_one_trace_of_its_stages_sources_and_providers_and_its_id_is_in_the_log() {
    let (estate, collector) = (small_estate(), collector());
    trace(&estate, &collector.address());
    let ran = estate.notify();
    let spans = spans(&collector);
    let ids: BTreeSet<String> = spans.iter().map(|span| data_encoding::HEXLOWER.encode(&span.trace_id)).collect();
    assert_eq!(ids.len(), 1, "one trace: {ids:?}");
    let paths: BTreeSet<String> = spans.iter().map(|span| path(span, &spans)).collect();
    let expected = [
        "scan",
        "scan > collect main",
        "scan > judge",
        "scan > notify",
        "scan > probe",
        "scan > probe > provider convertkit",
        "scan > probe > provider kit",
    ];
    assert!(expected.iter().all(|path| paths.contains(*path)), "{paths:?}");
    // What is mailed about is asked about again where the last answer is old; nothing else is told.
    assert!(paths.iter().all(|path| expected.contains(&path.as_str()) || path.starts_with("scan > notify > ")));

    let kit = attributes(&one(&spans, "scan > probe > provider kit").attributes);
    let counts = ["asked", "accepted", "refused", "unknown"].map(|name| kit[&format!("keysweep.{name}")].clone());
    assert_eq!(counts, [json!(3), json!(1), json!(1), json!(1)]);
    let scan = attributes(&one(&spans, "scan").attributes);
    assert_eq!((&scan["keysweep.outcome"], &scan["keysweep.sources"]), (&json!("complete"), &json!(1)));
    let collect = attributes(&one(&spans, "scan > collect main").attributes);
    assert_eq!((&collect["keysweep.rows"], &collect["keysweep.complete"]), (&json!(4), &json!(true)));
    let told = &one(&spans, "scan > probe > provider kit").events;
    let words: BTreeSet<String> =
        told.iter().map(|event| attributes(&event.attributes)["keysweep.outcome"].to_string()).collect();
    assert_eq!(words.into_iter().collect::<Vec<_>>(), ["\"refused\"", "\"unknown\""]);

    let root = one(&spans, "scan");
    for span in &spans {
        assert!(
            span.start_time_unix_nano >= root.start_time_unix_nano
                && span.end_time_unix_nano <= root.end_time_unix_nano
        );
    }
    let id = ids.iter().next().expect("a trace");
    assert_eq!(finished(&ran)["trace_id"], id.as_str());
}

/// The line that ends a scan's log.
fn finished(ran: &Ran) -> Value {
    let line = ran.err.lines().find(|line| line.contains("scan finished"));
    serde_json::from_str(line.expect("the line of the scan")).expect("an object")
}

#[test]
fn two_scans_are_two_traces_and_nothing_in_them_is_anybodys() {
    let (estate, collector) = (small_estate(), collector());
    trace(&estate, &collector.address());
    estate.notify();
    estate.notify();
    let spans = spans(&collector);
    let ids: BTreeSet<&Vec<u8>> = spans.iter().map(|span| &span.trace_id).collect();
    assert_eq!((ids.len(), spans.iter().filter(|span| span.name == "scan").count()), (2, 2));
    for received in collector.received() {
        for somebodys in ["example.org", "owner", "127.0.0.1", "kit_", &hex("convertkit")] {
            assert!(!received.body.contains(somebodys), "{somebodys}");
        }
    }
}

#[test]
fn a_scan_is_the_same_whatever_becomes_of_its_trace() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("its address");
    let (refusing, silent) = (Receiver::start(), Receiver::start());
    refusing.answer(Answer::Say("500 Internal Server Error\r\n"));
    silent.answer(Answer::Silence);
    let untraced = |estate: &Estate| trace(estate, "off");
    let expected = counts(&small_estate(), untraced).0;
    for (address, said) in [
        (format!("http://{gone}"), "there is no connection to it"),
        (refusing.address(), "it answered 500"),
        (silent.address(), "the last spans were not taken in time"),
    ] {
        let (counts, ran) = counts(&small_estate(), |estate| trace(estate, &address));
        assert_eq!(counts, expected, "{address}");
        let lines: Vec<&str> = ran.err.lines().filter(|line| line.contains("telemetry.traces")).collect();
        assert!(lines.len() == 1 && lines[0].contains(said), "{said}: {}", ran.err);
    }
}

/// What a first scan counts.
fn counts(estate: &Estate, configure: impl Fn(&Estate)) -> (Value, Ran) {
    configure(estate);
    let ran = estate.run(&["scan", "--format", "json"]).exits(0);
    (ran.json()["scan"]["counts"].clone(), ran)
}

/// Spans that the collector took, as the daemon counts them.
fn counted(address: &str) -> Option<usize> {
    let metrics = ask(address, "GET", "/metrics", &format!("Authorization: Bearer {TOKEN}\r\n")).text();
    let sample = metrics.lines().find_map(|line| line.strip_prefix("keysweep_trace_spans_total{outcome=\"sent\"} "))?;
    sample.parse().ok()
}

#[test]
fn a_daemon_counts_what_becomes_of_spans_and_hands_the_last_over_at_its_end() {
    let (estate, collector) = (stale_keys(1), collector());
    trace(&estate, &collector.address());
    let address = free_address();
    let env = [("KEYSWEEP__HTTP__LISTEN", address.as_str()), ("KEYSWEEP__HTTP__TOKEN", TOKEN)];
    let daemon = Running::start_with(&estate, &env);
    wait_for("a scan's trace", || spans(&collector).iter().any(|span| span.name == "scan").then_some(()));
    wait_for("the count of it", || (counted(&address) == Some(spans(&collector).len())).then_some(()));

    // A scan that lasts: a new key is asked about, of which the provider says nothing.
    estate.world.set_all(Simulated::Kit, Some(KeyState::Hangs));
    let rows = std::fs::read_to_string(estate.path("connections.csv")).expect("the inventory");
    let set_at = crate::support::ago(chrono::TimeDelta::days(400));
    estate.write("connections.csv", &format!("{rows}new,a00,kit,{set_at},kit_{}\n", hex("another")));
    let asked = estate.world.requests().len();
    daemon.signal("USR1");
    wait_for("the question", || (estate.world.requests().len() > asked).then_some(()));
    let told = std::time::UNIX_EPOCH.elapsed().expect("a time after 1970").as_nanos();
    daemon.stop();
    let ended = spans(&collector).into_iter().filter(|span| u128::from(span.end_time_unix_nano) > told);
    let names: BTreeSet<String> = ended.map(|span| span.name).collect();
    assert!(names.contains("scan") && names.contains("probe"), "what ended after SIGTERM: {names:?}");
}

/// A collector that is somebody else's, and writes down what it takes.
struct Collector {
    child: Child,
    log: PathBuf,
    address: String,
}

impl Collector {
    fn start(folder: &Path) -> Self {
        let place = "import importlib.util; print(importlib.util.find_spec('rotel').submodule_search_locations[0])";
        let found = Command::new(python()).args(["-c", place]).output().expect("Python starts");
        assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
        let agent = Path::new(String::from_utf8_lossy(&found.stdout).trim()).join("rotel-agent");
        let (log, address, grpc) = (folder.join("rotel.log"), free_address(), free_address());
        let file = File::create(&log).expect("a log in the folder");
        let child = Command::new(agent)
            .env_clear()
            .current_dir(folder)
            .args(["start", "--otlp-http-endpoint", &address, "--otlp-grpc-endpoint", &grpc])
            .args(["--exporter", "blackhole", "--debug-log", "traces", "--debug-log-verbosity", "detailed"])
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a file"))
            .stderr(file)
            .spawn()
            .expect("rotel-agent starts");
        let collector = Self { child, log, address };
        wait_for("the collector listens", || TcpStream::connect(&collector.address).ok());
        collector
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).expect("the log")
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // its end is none of the test's
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

#[test]
fn a_collector_of_somebody_elses_takes_a_scans_trace() {
    let estate = small_estate();
    let collector = Collector::start(estate.folder.path());
    trace(&estate, &format!("http://{}", collector.address));
    let ran = estate.notify();
    assert!(!ran.err.contains("telemetry.traces"), "{}", ran.err);
    let id = finished(&ran)["trace_id"].as_str().expect("an id").to_owned();
    let has = |name: &str, is_root: bool| {
        collector.log().split("Span #").any(|span| {
            let field = |wanted: &str| {
                let mut fields = span.lines().filter_map(|line| line.split_once(':'));
                fields.find(|(known, _)| known.trim() == wanted).map_or("", |(_, value)| value.trim())
            };
            (field("Name"), field("Trace ID"), field("Parent ID").is_empty()) == (name, id.as_str(), is_root)
        })
    };
    wait_for("the scan in the collector's log", || has("scan", true).then_some(()));
    for stage in ["collect", "probe", "judge"] {
        wait_for(stage, || has(stage, false).then_some(()));
    }
}

#[test]
fn doctor_says_whether_the_collector_lets_us_in() {
    let collector = collector();
    let site = Site::new();
    let traced = |address: &str| Settings {
        rest: format!("[telemetry]\ntraces = \"{address}\"\ntrace_headers = {{ x-key = \"env:TRACES_KEY\" }}"),
        ..Settings::default()
    };
    site.configure(&traced(&collector.address()));
    let looked = |code| {
        let ran: Ran = site
            .command()
            .env("TRACES_KEY", "canary")
            .args(["doctor", "--format", "json"])
            .output()
            .expect("it starts")
            .into();
        let ran = ran.exits(code);
        Found { document: ran.json(), ran }
    };
    let found = looked(0);
    found.line("traces", "telemetry.traces").is("ok", "127.0.0.1 takes traces", "");
    let received = collector.received();
    assert_eq!((received[0].header("x-key"), received[0].bytes.len()), ("canary", 0));
    assert!(!found.tells("canary"));
    collector.answer(Answer::Say("401 Unauthorized\r\n"));
    looked(1).line("traces", "telemetry.traces").is("error", "it answered 401", "telemetry.trace_headers");
}
