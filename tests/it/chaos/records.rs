//! A run's history, put together from what the senders were told, what their rooms show, and what is stored.

use serde_json::Value as Json;

use super::history::{DayCount, History, Line, Person, Sent};
use crate::crash::traffic::Sender;
use crate::harness::process::Site;

/// What is stored of each user's days: whose, units used, and replies that were not given back.
const DAYS: &str = "select u.user_id, u.used, count(m.id) from usage u
    left join chatrooms c on c.user_id = u.user_id
    left join messages m on m.chatroom_id = c.id and m.quota_day = u.day and m.status = 'complete'
    group by u.user_id, u.day, u.used";

/// Reads everything, when all is over; `wanted` is how many messages each sender wanted to send.
pub async fn read(site: &Site, senders: &[Sender], wanted: usize) -> History {
    let days = site.rows(DAYS).await;
    let mut people = Vec::new();
    for sender in senders {
        let mut rooms = Vec::new();
        for room in &sender.rooms {
            rooms.push(read_room(sender, room).await);
        }
        let key = sender.id.bytes().iter().fold("\\x".to_owned(), |hex, byte| hex + format!("{byte:02x}").as_str());
        let days = days.iter().filter(|day| day[0] == key);
        let days = days.map(|day| DayCount { used: day[1].parse().unwrap(), kept: day[2].parse().unwrap() }).collect();
        let accepted = sender.accepted.iter().map(sent).collect();
        people.push(Person { wanted, refused: sender.refused, accepted, rooms, days });
    }
    let stored = count(site, "select count(*) from messages").await;
    History { people, stored, jobs: count(site, "select count(*) from jobs where state <> 'dead'").await }
}

/// The one number that a query answers with.
pub async fn count(site: &Site, sql: &str) -> usize {
    site.rows(sql).await[0][0].parse().unwrap()
}

async fn read_room(sender: &Sender, room: &str) -> Vec<Line> {
    let (mut lines, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = sender.user.get(&format!("/chatroom/{room}/messages?limit=100{cursor}")).await.expect(200).body;
        lines.extend(page["messages"].as_array().unwrap().iter().map(line));
        let Some(next) = page["next_cursor"].as_str() else { return lines };
        cursor = format!("&cursor={next}");
    }
}

fn sent(answer: &Json) -> Sent {
    let (message, reply) = (&answer["message"], &answer["reply"]);
    Sent { id: text(&message["id"]), reply: text(&reply["id"]), content: text(&message["content"]) }
}

fn line(shown: &Json) -> Line {
    Line {
        id: text(&shown["id"]),
        reply_to: shown["reply_to"].as_str().map(ToOwned::to_owned),
        status: text(&shown["status"]),
        outcome: text(&shown["outcome"]),
        content: text(&shown["content"]),
    }
}

fn text(value: &Json) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
