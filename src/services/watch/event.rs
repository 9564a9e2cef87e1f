//! What is told to the reader of a stream.

use crate::domain::chat::{Chatroom, Message};
use crate::domain::ids::MessageId;
use crate::domain::plan::{Quota, Tier};
use crate::domain::stream::Place;

/// Where a stream begins.
#[derive(Clone, Copy, Debug)]
pub enum From {
    /// At the reply that is running, or has just ended.
    Now,
    /// Where its reader was.
    Place(Place),
    /// Where its reader was, which he can't say any more: with the whole text.
    Nowhere,
}

/// Something to be told to the reader.
#[derive(Debug)]
pub enum Event {
    /// A message came into the room; a reply comes without its text.
    Created(Message),
    /// A reply is being written.
    Started(u32),
    /// More of its text.
    Delta(usize, String),
    /// Its text, in place of whatever was told of it before.
    Reset(u32, String),
    /// It is final.
    Finished(Message),
    /// The room was changed.
    Room(Chatroom),
    /// The quota after a message.
    Quota(Quota),
    /// The plan has changed.
    Plan(Tier),
    /// The session has ended; nothing follows.
    Revoked,
    /// Nothing happened for a while.
    Quiet,
}

/// An event, the reply it is about, and where its reader stands after it.
#[derive(Debug)]
pub struct Told {
    /// Where to come back to.
    pub place: Option<Place>,
    /// The reply, for what is told of one.
    pub reply: Option<MessageId>,
    /// What happened.
    pub event: Event,
}
