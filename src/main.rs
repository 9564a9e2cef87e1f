//! The binary: reads the settings and starts what was asked for.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use pollux::config::{Config, PartState, Settings};
use pollux::domain::time::Clock;
use pollux::serve::Stop;
use pollux::start::{self, Chosen, Doors, JobsTask};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A self-hosted chat back end. Settings come from the environment and from ./.env; .env.example lists them all.
#[derive(Parser)]
#[command(name = "pollux", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
#[expect(clippy::doc_markdown, reason = "it is printed as it stands")]
enum Command {
    /// Serve the API and work on replies (the default)
    ///
    /// HOST and PORT say where, DATA_DIR or DATABASE_URL where the data is. Without GEMINI_API_KEY a demo model answers,
    /// without STRIPE_SECRET_KEY a demo checkout takes no money, and CODE_DELIVERY says how codes reach people.
    Serve {
        /// Serve the API alone; workers run as `pollux worker` (set DATABASE_URL)
        #[arg(long)]
        no_worker: bool,
    },
    /// Work on replies alone (set DATABASE_URL: it needs PostgreSQL)
    ///
    /// WORKER_CONCURRENCY says how many at once; JWT_SECRET must be that of the servers.
    Worker,
    /// Bring the database up to date and end
    ///
    /// The database is that of DATABASE_URL, or the file in DATA_DIR.
    Migrate,
    /// Print the OpenAPI document
    ///
    /// No setting changes it.
    Openapi,
    /// Show the queue and its dead jobs; try them again or throw them away
    ///
    /// The queue is that of DATABASE_URL, or the file in DATA_DIR; it can be done beside running servers.
    Jobs {
        #[command(subcommand)]
        task: Option<Jobs>,
    },
    /// What has to do with payments
    ///
    /// Payments are those of PAYMENTS and STRIPE_SECRET_KEY.
    Billing {
        #[command(subcommand)]
        task: Billing,
    },
    /// Look at everything a start depends on, and say what to do
    ///
    /// Changes nothing and shows no secret; it can run beside a server with the same settings (DATA_DIR, DATABASE_URL and
    /// the others of .env.example). Prints a line for each check, and ends with 1 where one failed.
    Doctor,
}

#[derive(Clone, Subcommand)]
#[expect(clippy::doc_markdown, reason = "it is printed as it stands")]
enum Jobs {
    /// Show how deep the queue is, and each dead job (the default)
    ///
    /// The queue is that of DATABASE_URL, or the file in DATA_DIR.
    List,
    /// Try a dead job again; a failed reply is written anew, on the house
    ///
    /// The queue is that of DATABASE_URL, or the file in DATA_DIR.
    Retry(WhichJobs),
    /// Throw a dead job away
    ///
    /// The queue is that of DATABASE_URL, or the file in DATA_DIR.
    Discard(WhichJobs),
}

#[derive(Clone, clap::Args)]
#[group(required = true, multiple = false)]
struct WhichJobs {
    /// The id that `pollux jobs` shows
    id: Option<String>,
    /// Every dead job
    #[arg(long)]
    all: bool,
}

impl Jobs {
    fn task(self) -> JobsTask {
        let chosen = |which: WhichJobs| which.id.map_or(Chosen::All, Chosen::One);
        match self {
            Self::List => JobsTask::List,
            Self::Retry(which) => JobsTask::Retry(chosen(which)),
            Self::Discard(which) => JobsTask::Discard(chosen(which)),
        }
    }
}

#[derive(Clone, Copy, Subcommand)]
#[expect(clippy::doc_markdown, reason = "it is printed as it stands")]
enum Billing {
    /// Compare every plan with the payment provider, as is done every hour
    ///
    /// Payments are those of PAYMENTS and STRIPE_SECRET_KEY, plans those of DATABASE_URL or DATA_DIR.
    Reconcile,
}

fn main() -> ExitCode {
    take_small_pages();
    let command = Arguments::parse().command.unwrap_or(Command::Serve { no_worker: false });
    if matches!(command, Command::Doctor) {
        return examine();
    }
    match run(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pollux can't start: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// A connection fills little of its buffers, and the allocator asks for pages of 2 MiB, which count whole: without them
/// ten thousand streams take half the memory. Where the system refuses, it costs that and nothing else.
fn take_small_pages() {
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

fn run(command: Command) -> anyhow::Result<()> {
    if matches!(command, Command::Openapi) {
        print!("{}", pollux::http::openapi::text());
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let config = Config::read(&Settings::from_process())?;
    #[cfg(feature = "otel")]
    let traces = start::traces::open(runtime.handle())?;
    #[cfg(feature = "otel")]
    start_log(traces.as_ref());
    #[cfg(not(feature = "otel"))]
    start_log();
    let ended = obey(command, config, &runtime);
    #[cfg(feature = "otel")]
    if let Some(traces) = traces {
        traces.close();
    }
    ended
}

fn obey(command: Command, config: Config, runtime: &tokio::runtime::Runtime) -> anyhow::Result<()> {
    match command {
        Command::Serve { no_worker } => runtime.block_on(serve(config, Doors { http: true, worker: !no_worker })),
        Command::Worker => runtime.block_on(serve(config, Doors { http: false, worker: true })),
        Command::Migrate => runtime.block_on(start::migrate(&config)),
        Command::Jobs { task } => {
            let task = task.map_or(JobsTask::List, Jobs::task);
            println!("{}", runtime.block_on(start::jobs(&config, task))?);
            Ok(())
        }
        Command::Billing { task: Billing::Reconcile } => {
            println!("{}", runtime.block_on(start::reconcile(config))?);
            Ok(())
        }
        Command::Openapi | Command::Doctor => Ok(()),
    }
}

/// Prints what the doctor finds; other commands stop at settings that can't be read, this one lists what is wrong.
fn examine() -> ExitCode {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        eprintln!("pollux can't start: the system gives no timers or sockets");
        return ExitCode::FAILURE;
    };
    let found = runtime.block_on(start::doctor::examine(&Settings::from_process()));
    for finding in &found {
        println!("{finding}");
    }
    let failed = found.iter().any(|finding| finding.level == start::doctor::Level::Fail);
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

async fn serve(config: Config, doors: Doors) -> anyhow::Result<()> {
    note_settings(&config);
    start::check_doors(&config, doors)?;
    let house = start::open(start::fit_payments(config, doors), Clock::System, None).await?;
    let app = &house.app;
    let listeners = start::bind(&app.config, doors).await?;
    let stop = Stop::new();
    stop_on_signal(&stop)?;
    if let Some(listener) = &listeners.http {
        print_banner(&app.config, &format!("http://{}", listener.local_addr()?));
    }
    if app.config.gemini.key.is_some() {
        start::probe_models(app);
    }
    start::probe_price(app);
    start::run(&house, doors, listeners, stop).await
}

/// Sentences on a terminal, one JSON object a line elsewhere.
#[cfg(not(feature = "otel"))]
fn start_log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        log.compact().with_target(false).init();
    } else {
        log.json().flatten_event(true).with_target(false).init();
    }
}

/// The same, with spans of traces going to their collector and not into the log.
#[cfg(feature = "otel")]
fn start_log(traces: Option<&start::traces::Traces>) {
    use pollux::live::trace::TARGET;
    use tracing_subscriber::filter::filter_fn;
    use tracing_subscriber::{Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _};

    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    let log =
        if std::io::stderr().is_terminal() { log.compact().boxed() } else { log.json().flatten_event(true).boxed() };
    let log = log.with_filter(filter).with_filter(filter_fn(|metadata| metadata.target() != TARGET));
    let traces = traces.map(|traces| {
        let layer = tracing_opentelemetry::layer().with_tracer(traces.tracer());
        let layer = layer.with_location(false).with_threads(false).with_target(false).with_tracked_inactivity(false);
        layer.with_filter(filter_fn(|metadata| metadata.target() == TARGET))
    });
    tracing_subscriber::registry().with(log).with(traces).init();
}

fn note_settings(config: &Config) {
    #[cfg(not(feature = "otel"))]
    start::traces::note();
    for note in &config.notes {
        tracing::warn!("{note}");
    }
    if !config.not_needed.is_empty() {
        tracing::info!(names = config.not_needed.join(" "), "These settings are accepted and not needed.");
    }
}

/// For a person at a terminal; elsewhere the same as log events, because every line there is one JSON object.
fn print_banner(config: &Config, address: &str) {
    if !std::io::stderr().is_terminal() {
        tracing::info!("Pollux is at {address} (try {address}/docs)");
        for part in config.parts() {
            tracing::info!(part = part.name, state = mark(part.state), "{}", part.sentence);
        }
        return;
    }
    eprintln!("\n  Pollux is at {address} (try {address}/docs)\n");
    for part in config.parts() {
        eprintln!("  {:>4}  {}: {}", mark(part.state), part.name, part.sentence);
    }
    eprintln!();
}

const fn mark(state: PartState) -> &'static str {
    match state {
        PartState::Real => "real",
        PartState::Demo => "demo",
        PartState::Off => "off",
    }
}

/// The first signal stops softly, the second cuts.
fn stop_on_signal(stop: &Stop) -> anyhow::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = stop.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if stop.is_begun() {
                stop.cut();
            }
            stop.begin();
        }
    });
    Ok(())
}
