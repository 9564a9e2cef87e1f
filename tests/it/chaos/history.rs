//! The judge of a run: what was answered and what is stored must tell the same story. It knows nothing of how the run
//! went, so it judges kills, restarts and faults of the network alike.

mod broken;

use std::collections::{HashMap, HashSet};

/// Everything that is known when all is over.
#[derive(Clone, Debug)]
pub struct History {
    /// Everybody who sent.
    pub people: Vec<Person>,
    /// Messages and replies stored in all, whoever may see them.
    pub stored: usize,
    /// Jobs that are left and not dead.
    pub jobs: usize,
}

/// One who sent.
#[derive(Clone, Debug)]
pub struct Person {
    /// How many messages they wanted to send.
    pub wanted: usize,
    /// How many were refused because the day was used up.
    pub refused: usize,
    /// What was accepted, in the order of the answers.
    pub accepted: Vec<Sent>,
    /// What each of their rooms shows.
    pub rooms: Vec<Vec<Line>>,
    /// What each of their days counts.
    pub days: Vec<DayCount>,
}

/// A message that somebody was told is accepted.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Its id, as told.
    pub id: String,
    /// The id of its reply, as told.
    pub reply: String,
    /// The text, as told.
    pub content: String,
}

/// A message or reply in a room.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its id.
    pub id: String,
    /// The message that a reply answers.
    pub reply_to: Option<String>,
    /// Where it is.
    pub status: String,
    /// How a reply ended.
    pub outcome: String,
    /// The text.
    pub content: String,
}

/// A day of one person.
#[derive(Clone, Debug)]
pub struct DayCount {
    /// Units that the quota counts.
    pub used: i64,
    /// Replies of that day that were not given back.
    pub kept: i64,
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flaw {
    /// An offer got no answer at all.
    Unanswered,
    /// An accepted message or its reply is not there.
    Lost,
    /// A message, a reply or an answer is there more than once.
    Doubled,
    /// Something is there that nobody was told of.
    Unasked,
    /// A message or reply is not where it belongs.
    Misplaced,
    /// A text is not the one that belongs there.
    Swapped,
    /// A reply is not final, or a job is left.
    Unfinished,
    /// A quota does not count what was accepted and not given back.
    Miscounted,
}

/// A flaw and where it is.
pub type Finding = (Flaw, String);

impl History {
    /// All that is wrong; nothing, when all is as it should be.
    pub fn judge(&self) -> Vec<Finding> {
        let mut found: Vec<Finding> = self.people.iter().flat_map(Person::judge).collect();
        let shown: usize = self.people.iter().flat_map(|person| &person.rooms).map(Vec::len).sum();
        if self.stored != shown {
            found.push((Flaw::Unasked, format!("{} rows, of which rooms show {shown}", self.stored)));
        }
        if self.jobs > 0 {
            found.push((Flaw::Unfinished, format!("{} jobs are left", self.jobs)));
        }
        found
    }

    /// Messages that were accepted.
    pub fn accepted(&self) -> usize {
        self.people.iter().map(|person| person.accepted.len()).sum()
    }

    /// Replies that failed, whose units were given back.
    pub fn failed(&self) -> usize {
        self.people.iter().map(Person::failed).sum()
    }
}

impl Person {
    fn judge(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        if self.accepted.len() + self.refused != self.wanted {
            let told = format!("{} accepted and {} refused of {}", self.accepted.len(), self.refused, self.wanted);
            found.push((Flaw::Unanswered, told));
        }
        self.judge_answers(&mut found);
        for room in &self.rooms {
            self.judge_room(room, &mut found);
        }
        self.judge_days(&mut found);
        found
    }

    /// Each answer is about a message of its own, and that one is in some room.
    fn judge_answers(&self, found: &mut Vec<Finding>) {
        let lines = || self.rooms.iter().flatten();
        let mut told = HashSet::new();
        for sent in &self.accepted {
            if !told.insert(&sent.id) {
                found.push((Flaw::Doubled, format!("{} was the answer to two offers", sent.id)));
            }
            for id in [&sent.id, &sent.reply] {
                match lines().filter(|line| line.id == *id).count() {
                    0 => found.push((Flaw::Lost, format!("{id} of {:?}", sent.content))),
                    1 => {}
                    times => found.push((Flaw::Doubled, format!("{id} is there {times} times"))),
                }
            }
            let replies = lines().filter(|line| line.reply_to.as_ref() == Some(&sent.id)).count();
            if replies > 1 {
                found.push((Flaw::Doubled, format!("{} has {replies} replies", sent.id)));
            }
        }
    }

    /// A room is the accepted messages in their order, each with its reply right under it.
    fn judge_room(&self, room: &[Line], found: &mut Vec<Finding>) {
        let known: HashMap<&str, (usize, &Sent)> =
            self.accepted.iter().enumerate().map(|(place, sent)| (sent.id.as_str(), (place, sent))).collect();
        let replies: HashSet<&str> = self.accepted.iter().map(|sent| sent.reply.as_str()).collect();
        let mut last = None;
        for (index, line) in room.iter().enumerate() {
            let Some((place, sent)) = known.get(line.id.as_str()) else {
                if !replies.contains(line.id.as_str()) {
                    found.push((Flaw::Unasked, format!("{} {:?}", line.id, line.content)));
                }
                continue;
            };
            if last.replace(*place).is_some_and(|last| last > *place) {
                found.push((Flaw::Misplaced, format!("{} stands under a later one", line.id)));
            }
            if line.content != sent.content {
                found.push((Flaw::Swapped, format!("{} is {:?}", line.id, line.content)));
            }
            found.extend(sent.judge_reply(room.get(index + 1)));
        }
    }

    fn judge_days(&self, found: &mut Vec<Finding>) {
        for day in &self.days {
            if day.used != day.kept {
                found.push((Flaw::Miscounted, format!("{} used and {} kept on one day", day.used, day.kept)));
            }
        }
        let (used, due) = (self.days.iter().map(|day| day.used).sum::<i64>(), self.accepted.len() - self.failed());
        if i64::try_from(due) != Ok(used) {
            found.push((Flaw::Miscounted, format!("{used} used, {due} accepted and not given back")));
        }
    }

    fn failed(&self) -> usize {
        self.rooms.iter().flatten().filter(|line| line.status == "failed").count()
    }
}

impl Sent {
    fn judge_reply(&self, below: Option<&Line>) -> Option<Finding> {
        let Some(reply) = below.filter(|line| line.id == self.reply && line.reply_to.as_ref() == Some(&self.id)) else {
            return Some((Flaw::Misplaced, format!("the reply of {} is not under it", self.id)));
        };
        match (reply.status.as_str(), reply.outcome.as_str()) {
            ("failed", _) => None,
            ("complete", "completed") if self.is_quoted_in(&reply.content) => None,
            ("complete", "completed") => Some((Flaw::Swapped, format!("{:?} under {:?}", reply.content, self.content))),
            (status, outcome) => Some((Flaw::Unfinished, format!("{} is {status} {outcome}", reply.id))),
        }
    }

    /// Both stand-ins for a model repeat what they answer, each in its way.
    fn is_quoted_in(&self, reply: &str) -> bool {
        let of_demo = format!("You said: \"{}\"", self.content);
        let of_fake = format!("): {}", self.content);
        reply.starts_with(&of_demo) || (reply.starts_with("Echo of ") && reply.ends_with(&of_fake))
    }
}
