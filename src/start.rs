//! Starting up and stopping: settings become an [`App`], and the doors open for it.

mod clock;
pub mod doctor;
mod jobs;
mod payments;
pub mod traces;

use std::fs::{DirBuilder, File, OpenOptions, create_dir_all};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::Router;
use secrecy::ExposeSecret as _;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::app::{App, Outside};
use crate::config::{Config, Database, SigningKeys};
use crate::domain::time::Clock;
use crate::http;
use crate::live::heed::{Heeding, heed};
use crate::live::redis::{Heard, Reach, Redis};
use crate::providers::model::Model;
use crate::providers::model_demo::Demo;
use crate::providers::model_gemini::{Gemini, GeminiSettings};
use crate::providers::sender_choice;
use crate::serve::{self, Limits, Stop};
use crate::storage::Db;
use crate::worker;

pub use self::jobs::{Chosen, JobsTask, jobs};
pub use self::payments::{DemoPayments, fit_payments, probe_price, reconcile};

/// How long running replies have to end after a stop was asked for; with the rest it stays under 30 s.
const GRACE: Duration = Duration::from_secs(20);

/// An application with its files held for it alone.
pub struct House {
    /// The tray.
    pub app: App,
    /// The stand-in that takes payments where they are a demo.
    pub demo_payments: Option<DemoPayments>,
    _lock: Option<File>,
}

impl House {
    /// All that is served to the public.
    pub fn router(&self) -> Router {
        let pages = self.demo_payments.as_ref().map(DemoPayments::pages);
        http::router_beside(&self.app, pages.unwrap_or_default())
    }
}

/// Which doors a process opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doors {
    /// Requests are served.
    pub http: bool,
    /// Jobs are worked on.
    pub worker: bool,
}

/// Refuses doors that the database does not allow: a file serves one process, which must then do both.
pub fn check_doors(config: &Config, doors: Doors) -> anyhow::Result<()> {
    let is_file = matches!(config.database, Database::Sqlite { .. });
    if is_file && !(doors.http && doors.worker) {
        bail!("SQLite serves one process, which must serve and work: set DATABASE_URL to split them, or run `pollux`");
    }
    Ok(())
}

/// Opens the database and puts the parts together; `model` stands in for the one of the settings.
pub async fn open(config: Config, clock: Clock, model: Option<Arc<dyn Model>>) -> anyhow::Result<House> {
    make_data_dir(&config)?;
    let lock = lock_data(&config)?;
    let signing = SigningKeys::load_or_make(&config)?;
    let db = open_database(&config, &clock).await?;
    let clock = clock::choose(clock, &db).await?;
    if lock.is_some() {
        // Nobody else can have this database open, so whatever was running died with its process.
        db.orphan_all_jobs().await?;
    }
    let model = match model {
        Some(model) => model,
        None => choose_model(&config)?,
    };
    let (billing, demo_payments) = payments::open(&config, &clock, &db).await?;
    let sender = sender_choice::choose(&config, &clock)
        .context("CODE_DELIVERY names a way whose settings (TWILIO_ or SMS_WEBHOOK_) can't be used")?;
    let (heard, hearing) = mpsc::unbounded_channel();
    let reach = open_reach(&config, heard)?;
    let outside = Outside { model, billing, sender, reach };
    let app = App::new(config, &signing, clock, db, outside);
    let here =
        Heeding { bus: app.bus.here(), cache: app.cache.here(), rooms: app.rooms.here(), streams: app.streams.clone() };
    tokio::spawn(heed(here, hearing));
    Ok(House { app, demo_payments, _lock: lock })
}

/// Brings the database up to date and does nothing else.
pub async fn migrate(config: &Config) -> anyhow::Result<()> {
    make_data_dir(config)?;
    let _lock = lock_data(config)?;
    open_database(config, &Clock::System).await?;
    Ok(())
}

/// Opens the doors on listeners that are bound already, until `stop`; returns when everything has ended. A door that
/// ends by itself is a fault of ours: the others stop too, and the process ends with an error rather than half alive.
pub async fn run(house: &House, doors: Doors, listeners: Listeners, stop: Stop) -> anyhow::Result<()> {
    let app = house.app.clone();
    let (stopping, cut) = (CancellationToken::new(), CancellationToken::new());
    let mut open = JoinSet::new();
    if doors.worker {
        let working = worker::run(app.clone(), stopping.clone(), cut.clone(), GRACE);
        open.spawn(working);
    }
    let limits = limits(&app);
    let counted = Limits { open: app.metrics.connections(), ..limits.clone() };
    let served = [
        listeners.metrics.map(|listener| (listener, http::metrics_router(&app), limits)),
        listeners.http.map(|listener| (listener, house.router(), counted)),
    ];
    for (listener, router, limits) in served.into_iter().flatten() {
        let serving = serve::serve(listener, router, limits, stop.clone());
        open.spawn(async move {
            serving.await;
        });
    }
    let fault = tokio::select! {
        () = stop.begun() => None,
        Some(ended) = open.join_next() => Some(ended).filter(|_| !stop.is_begun()),
    };
    stop.begin();
    tracing::info!("Stopping: no new work is taken; running work has {} s to end.", GRACE.as_secs());
    stopping.cancel();
    let cutting = tokio::spawn(async move {
        stop.is_cut().await;
        cut.cancel();
    });
    while open.join_next().await.is_some() {}
    cutting.abort();
    tracing::info!("Stopped.");
    match fault {
        None => Ok(()),
        Some(ended) => bail!("a part of the server ended by itself: {ended:?}"),
    }
}

/// Bound listeners of a process.
#[derive(Debug, Default)]
pub struct Listeners {
    /// For the API.
    pub http: Option<TcpListener>,
    /// For the operator's metrics.
    pub metrics: Option<TcpListener>,
}

/// Binds what the settings name.
pub async fn bind(config: &Config, doors: Doors) -> anyhow::Result<Listeners> {
    let mut listeners = Listeners::default();
    if doors.http {
        let address = config.listen.address;
        let bound = TcpListener::bind(address).await;
        listeners.http =
            Some(bound.with_context(|| format!("HOST and PORT name {address}, where nothing can be served"))?);
    }
    if let Some(address) = config.listen.metrics {
        match TcpListener::bind(address).await {
            Ok(listener) => listeners.metrics = Some(listener),
            Err(error) => tracing::warn!(
                %address, %error, "Metrics are not served: METRICS_HOST and METRICS_PORT name an address that is taken."
            ),
        }
    }
    Ok(listeners)
}

/// Asks the model service, without holding anything up, whether the models of the settings are there.
pub fn probe_models(app: &App) {
    let app = app.clone();
    tokio::spawn(async move {
        let gemini = &app.config.gemini;
        for model in [&gemini.model, &gemini.model_pro] {
            match app.model.probe(model).await {
                Ok(()) => tracing::info!(model, "The model is there."),
                Err(fault) => tracing::warn!(
                    model, fault = %fault.fault, note = fault.note,
                    "The model can't be asked; check GEMINI_API_KEY, GEMINI_MODEL and GEMINI_MODEL_PRO."
                ),
            }
        }
    });
}

fn limits(app: &App) -> Limits {
    let proxies = app.clone();
    Limits {
        max_per_peer: app.config.limits.connections_per_address.map_or(0, |most| most.get() as usize),
        exempt: Arc::new(move |peer| proxies.config.listen.trusts(peer)),
        ..Limits::default()
    }
}

/// Makes the data directory where it is missing, for its owner alone.
fn make_data_dir(config: &Config) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&config.data_dir);
    made.with_context(|| format!("DATA_DIR {} can't be made", config.data_dir.display()))
}

/// One process a SQLite file: a second one would not see the first one's cache and leases.
fn lock_data(config: &Config) -> anyhow::Result<Option<File>> {
    let Database::Sqlite { file } = &config.database else { return Ok(None) };
    if let Some(folder) = file.parent() {
        create_dir_all(folder).with_context(|| format!("DATABASE_URL: {} can't be made", folder.display()))?;
    }
    let lock = private_file(&file.with_extension("lock"))?;
    if lock.try_lock().is_err() {
        bail!(
            "another pollux has {} open: SQLite serves one process; set DATABASE_URL to run several, or DATA_DIR to \
             run another beside it",
            file.display()
        );
    }
    private_file(file)?;
    Ok(Some(lock))
}

fn private_file(path: &Path) -> anyhow::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600);
    options.open(path).with_context(|| {
        format!(
            "{} can't be written: make it writable, or set DATA_DIR or DATABASE_URL to another place",
            path.display()
        )
    })
}

fn open_reach(config: &Config, heard: mpsc::UnboundedSender<Heard>) -> anyhow::Result<Reach> {
    let Some(shared) = &config.redis else { return Ok(Reach::Process) };
    let opened = Redis::open(&shared.url, &shared.prefix, heard);
    Ok(Reach::Redis(opened.map_err(|error| anyhow::anyhow!("Redis can't be used, see REDIS_URL: {error}"))?))
}

async fn open_database(config: &Config, clock: &Clock) -> anyhow::Result<Db> {
    let opened = match &config.database {
        Database::Sqlite { file } => Db::open_sqlite(file, clock.now()).await,
        Database::Postgres { url } => Db::open_postgres(url.expose_secret(), clock.now()).await,
    };
    opened.map_err(|error| {
        let reason = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        let setting = match &config.database {
            Database::Sqlite { .. } => "DATA_DIR (or DATABASE_URL)",
            Database::Postgres { .. } => "DATABASE_URL (or DB_HOST and what goes with it)",
        };
        anyhow::anyhow!("the database of {setting} can't be used: {reason}")
    })
}

fn choose_model(config: &Config) -> anyhow::Result<Arc<dyn Model>> {
    let Some(key) = &config.gemini.key else {
        return Ok(Arc::new(config.gemini.demo_reply.map_or_else(Demo::new, Demo::taking)));
    };
    let settings = GeminiSettings {
        base_url: config.gemini.base_url.clone(),
        thinking_level: Some("low".to_owned()),
        ..GeminiSettings::new(key.clone())
    };
    Ok(Arc::new(Gemini::new(settings).context("GEMINI_API_KEY or GEMINI_BASE_URL can't be used")?))
}
