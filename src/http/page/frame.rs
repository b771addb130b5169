//! What stands around every page: whose ledger it is, who looks, where else to go, and whether keysweep can see.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use super::facts::Facts;
use super::sheet::Sheet;
use super::sight::{self, Panel, Verdict};
use super::trouble::Trouble;
use super::words::{When, coded, harmless, harmless_line};
use super::{About, HTML, Ops};
use crate::domain::time::Timestamp;
use crate::http::access::{Right, Visitor};
use crate::http::problem::{detail, told};
use crate::ledger::Ledger;
use crate::ledger::read::Overview;
use crate::ports::health::HealthReport;
use crate::ports::notify::{MailMode, NotifyLedger as _};

/// A page waits so long for the ledger.
const LEDGER_LIMIT: Duration = Duration::from_secs(3);

/// The parts of the site, as the navigation has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Overview,
    Findings,
    Connections,
    Credentials,
    Providers,
    Sources,
    Scans,
    Mails,
    /// none of them
    None,
}

const NAVIGATION: [(Section, &str, &str, Right); 8] = [
    (Section::Overview, "Overview", "/", Right::See),
    (Section::Findings, "Findings", "/findings", Right::See),
    (Section::Connections, "Connections", "/connections", Right::See),
    (Section::Credentials, "Credentials", "/credentials", Right::See),
    (Section::Providers, "Providers", "/providers", Right::See),
    (Section::Sources, "Sources", "/sources", Right::See),
    (Section::Scans, "Scans", "/scans", Right::See),
    (Section::Mails, "Mails", "/mails", Right::Audit),
];

/// Everything that a page is shown with, at one moment.
pub(super) struct Scene {
    pub(super) now: Timestamp,
    pub(super) about: Arc<About>,
    /// `None` before the first job
    pub(super) overview: Option<Arc<Overview>>,
    pub(super) health: HealthReport,
    /// whether mail may leave; `None` where the ledger doesn't answer
    pub(super) mode: Option<MailMode>,
    pub(super) visitor: Visitor,
}

impl Scene {
    pub(super) async fn of(ops: &Ops, visitor: Visitor) -> Self {
        let mode = match in_time(async { Ok(ops.ledger.mail_mode().await?) }).await {
            Ok(mode) => Some(mode),
            Err(trouble) => {
                tracing::warn!(?trouble, "a page is shown without what the ledger says");
                None
            }
        };
        let (about, overview, health) = (ops.shown.about(), ops.shown.overview(), ops.health.report());
        Self { now: ops.clock.now(), about, overview, health, mode, visitor }
    }

    pub(super) fn facts(&self) -> Facts<'_> {
        let overview = self.overview.as_deref();
        Facts { now: self.now, about: &self.about, overview, health: &self.health, mode: self.mode }
    }

    /// The provider as people write it.
    pub(super) fn title(&self, name: &crate::domain::ids::ProviderName) -> String {
        sight::title(&self.facts(), name)
    }

    pub(super) fn may(&self, right: Right) -> bool {
        self.visitor.role.may(right)
    }

    /// A page of parts.
    ///
    /// # Errors
    /// Where a template is wrong.
    pub(super) fn write(&self, section: Section, sheet: &Sheet) -> Result<String, minijinja::Error> {
        self.written("sheet.html", section, &sheet.heading, sheet)
    }

    /// A page of its own template.
    ///
    /// # Errors
    /// Where a template is wrong.
    pub(super) fn written(
        &self,
        template: &str,
        section: Section,
        title: &str,
        page: &impl Serialize,
    ) -> Result<String, minijinja::Error> {
        let panels = sight::panels(&self.facts());
        let frame = Frame::of(self, section, title, &panels);
        write(template, &Whole { frame, page })
    }
}

/// A request for a page, by a visitor.
pub(super) struct Ask {
    pub(super) scene: Scene,
    pub(super) ledger: Arc<Ledger>,
    /// what stands behind the `?`
    pub(super) query: Option<String>,
}

impl FromRequestParts<Arc<Ops>> for Ask {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, ops: &Arc<Ops>) -> Result<Self, Response> {
        let visitor = parts.extensions.get::<Visitor>().cloned();
        let nobody = || told(StatusCode::FORBIDDEN, detail(StatusCode::FORBIDDEN), None);
        let scene = Scene::of(ops, visitor.ok_or_else(nobody)?).await;
        Ok(Self { scene, ledger: Arc::clone(&ops.ledger), query: parts.uri.query().map(str::to_owned) })
    }
}

impl Ask {
    /// The page of these parts, as an answer.
    pub(super) async fn show(
        &self,
        section: Section,
        sheet: impl Future<Output = Result<Sheet, Trouble>>,
    ) -> Result<Response, Trouble> {
        let sheet = in_time(sheet).await?;
        Ok(page(self.scene.write(section, &sheet)?))
    }
}

/// Waits for the ledger as long as a page does.
///
/// # Errors
/// [`Trouble::Late`] where that was not long enough.
pub(super) async fn in_time<T>(reading: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
    tokio::time::timeout(LEDGER_LIMIT, reading).await.unwrap_or(Err(Trouble::Late))
}

/// A page as an answer.
pub(super) fn page(page: String) -> Response {
    ([(CONTENT_TYPE, HTML)], page).into_response()
}

#[derive(Serialize)]
struct Whole<'a, P> {
    frame: Frame,
    page: &'a P,
}

#[derive(Serialize)]
struct Frame {
    title: String,
    ledger: String,
    version: String,
    now: String,
    /// when the estate was last counted
    counted: Option<When>,
    visitor: String,
    role: &'static str,
    may_act: bool,
    navigation: Vec<Place>,
    verdict: Verdict,
    is_overview: bool,
}

#[derive(Serialize)]
struct Place {
    label: &'static str,
    href: &'static str,
    is_here: bool,
}

impl Frame {
    fn of(scene: &Scene, section: Section, title: &str, panels: &[Panel]) -> Self {
        let open = NAVIGATION.into_iter().filter(|(.., right)| scene.may(*right));
        Self {
            title: harmless_line(title),
            ledger: harmless_line(&scene.about.ledger),
            version: scene.about.version.clone(),
            now: scene.now.to_datetime().format("%Y-%m-%d %H:%M:%S UTC").to_string(),
            counted: scene.overview.as_ref().map(|overview| When::of(overview.at, scene.now)),
            visitor: harmless(&scene.visitor.name),
            role: scene.visitor.role.as_str(),
            may_act: scene.may(Right::Act),
            navigation: open.map(|(place, label, href, _)| Place { label, href, is_here: place == section }).collect(),
            verdict: Verdict::over(panels),
            is_overview: section == Section::Overview,
        }
    }
}

/// The templates; a wrong one is a defect that the tests would find.
static TEMPLATES: LazyLock<Result<Environment<'static>, minijinja::Error>> = LazyLock::new(|| {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates.add_filter("coded", coded);
    templates.add_template("macros.html", include_str!("templates/macros.html"))?;
    templates.add_template("frame.html", include_str!("templates/frame.html"))?;
    templates.add_template("bare.html", include_str!("templates/bare.html"))?;
    templates.add_template("overview.html", include_str!("templates/overview.html"))?;
    templates.add_template("sheet.html", include_str!("templates/sheet.html"))?;
    Ok(templates)
});

/// A page that names nothing of the estate, not even the ledger.
///
/// # Errors
/// Where the template is wrong.
pub(super) fn bare(heading: &str, what: &str) -> Result<String, minijinja::Error> {
    #[derive(Serialize)]
    struct Bare<'a> {
        heading: &'a str,
        what: &'a str,
    }
    write("bare.html", &Bare { heading, what })
}

/// Everything that is not a template's own is escaped: their names end in `.html`.
fn write(template: &str, view: &impl Serialize) -> Result<String, minijinja::Error> {
    let templates = TEMPLATES
        .as_ref()
        .map_err(|error| minijinja::Error::new(minijinja::ErrorKind::SyntaxError, error.to_string()))?;
    templates.get_template(template)?.render(Serde(view))
}
