//! The processes of the scaled profile, and the people who use them.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use serde_json::json;

use super::common::house::{Process, scaled_command};
use super::common::person::{Probe, mobile, people, post};
use super::common::places::{Postgres, Redis};

/// Users, each on Pro, and rooms of each: a room answers one message at a time, and a user has four answered at once.
const USERS: usize = 256;
const ROOMS: usize = 4;

/// How processes are started here.
pub struct Settings<'a> {
    pub postgres: &'a Postgres,
    pub redis: &'a Redis,
    pub home: &'a Path,
}

impl Settings<'_> {
    pub fn server(&self) -> Process {
        let mut command = self.command();
        command.args(["serve", "--no-worker"]);
        Process::server(command)
    }

    pub fn worker(&self) -> Process {
        Process::worker(self.command())
    }

    fn command(&self) -> Command {
        let mut command = scaled_command(self.home, self.postgres, self.redis);
        command.envs([("CONNECTIONS_PER_ADDRESS", "0"), ("WORKER_CONCURRENCY", "256"), ("DEMO_REPLY_MS", "20")]);
        command
    }
}

/// Signs everybody up and makes their rooms; the requests that send a message into each.
pub fn requests(server: SocketAddr) -> Vec<Arc<[u8]>> {
    people(server, USERS, user).into_iter().flatten().collect()
}

fn user(probe: &mut Probe, number: usize) -> Vec<Arc<[u8]>> {
    let token = probe.sign_up(&mobile(number));
    let said = json!({"content": "Why is the sky blue, and why is it red in the evening?"});
    let rooms = (0..ROOMS).map(|name| probe.room(&token, &format!("Room {name}")));
    rooms.map(|room| post(&format!("/chatroom/{room}/message"), &token, &said).into_bytes().into()).collect()
}
