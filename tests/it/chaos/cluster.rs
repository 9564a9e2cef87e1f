//! Servers and workers of one installation, each a process of the real binary, killed and started again at its place.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::crash::traffic::{PATIENCE, Sender};
use crate::harness::engine::{Lease, set_tier};
use crate::harness::process::{Process, Role, Site, quiet_port};
use crate::harness::servers::Servers;
use crate::harness::work::until;

/// How long a supervisor waits before it starts a process again that has ended.
const BETWEEN_STARTS: Duration = Duration::from_millis(100);

/// All processes, on servers of their own.
pub struct Cluster {
    /// What they share.
    pub servers: Servers,
    /// Where they run.
    pub site: Site,
    places: Vec<Place>,
}

struct Place {
    role: Role,
    port: u16,
    process: Process,
}

impl Cluster {
    /// Starts so many servers and so many workers, all at once.
    pub async fn start(servers: Servers, (serving, working): (usize, usize), settings: Settings) -> Self {
        let site = Site::at(Lease::of(servers.postgres.url(), servers.redis.url()), settings);
        let roles = std::iter::repeat_n(Role::Server, serving).chain(std::iter::repeat_n(Role::Worker, working));
        let places = roles.map(|role| Place::open(&site, role)).collect();
        let mut this = Self { servers, site, places };
        for index in 0..this.len() {
            this.await_process(index).await;
        }
        this
    }

    /// How many processes there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Where the servers listen.
    pub fn doors(&self) -> Vec<SocketAddr> {
        self.of(Role::Server).map(|process| process.address).collect()
    }

    /// The workers.
    pub fn workers(&self) -> Vec<&Process> {
        self.of(Role::Worker).collect()
    }

    /// Adds a process and waits until it answers.
    pub async fn add(&mut self, role: Role) {
        self.places.push(Place::open(&self.site, role));
        self.await_process(self.len() - 1).await;
    }

    /// Kills a process, which must have been alive.
    pub fn kill(&mut self, index: usize) {
        let process = &mut self.places[index].process;
        process.check_alive();
        process.signal("KILL");
    }

    /// Starts a killed process again at its place, and again if it finds no database, as a supervisor would.
    pub async fn revive(&mut self, index: usize) {
        self.places[index].launch(&self.site);
        self.await_process(index).await;
    }

    /// Insists that none has ended by itself.
    pub fn check_alive(&mut self) {
        self.places.iter_mut().for_each(|place| place.process.check_alive());
    }

    /// Stops a process by signal, which must end well.
    pub async fn stop(&mut self, index: usize) {
        let process = &mut self.places[index].process;
        process.signal("TERM");
        let status = process.ended(PATIENCE).await;
        assert_eq!(status.code(), Some(0), "{}", process.log());
    }

    /// Somebody who sends through every door, for each of `count`; all but the first `basics` are on Pro.
    pub async fn gather(&self, count: usize, basics: usize) -> Vec<Sender> {
        let doors = self.doors();
        let entering = (0..count).map(|number| {
            let (before, after) = doors.split_at(number % doors.len());
            Sender::enter([after, before].concat())
        });
        let senders = futures_util::future::join_all(entering).await;
        let db = self.site.database().await;
        for sender in &senders[basics..] {
            set_tier(&db, &sender.id.to_string(), "Pro").await;
        }
        for sender in &senders[basics..] {
            for door in &doors {
                until(PATIENCE, "a plan that every server knows", || async {
                    let me = sender.at(*door).get("/user/me").await.expect(200).body;
                    (me["subscription_tier"] == "Pro").then_some(())
                })
                .await;
            }
        }
        senders
    }

    fn of(&self, role: Role) -> impl Iterator<Item = &Process> {
        self.places.iter().filter(move |place| place.role == role).map(|place| &place.process)
    }

    async fn await_process(&mut self, index: usize) {
        let (place, deadline) = (&mut self.places[index], Instant::now() + PATIENCE);
        while place.process.ready().await.is_some() {
            assert!(Instant::now() < deadline, "{}", place.process.log());
            tokio::time::sleep(BETWEEN_STARTS).await;
            place.launch(&self.site);
        }
    }
}

/// Settings beyond those of tests.
pub type Settings = Vec<(&'static str, String)>;

impl Place {
    fn open(site: &Site, role: Role) -> Self {
        let port = quiet_port();
        Self { role, port, process: site.spawn(role, port) }
    }

    fn launch(&mut self, site: &Site) {
        self.process = site.spawn(self.role, self.port);
    }
}
