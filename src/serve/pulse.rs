//! What a connection is doing, as its parts see it: written by the gate and the service, read by the watch.
//!
//! All three run in one task, so nothing here is ever contended; the atomics only satisfy `Send`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};

use crate::error::Code;

/// The shared state of one connection.
#[derive(Default)]
pub(super) struct Pulse {
    in_head: AtomicBool,
    busy: AtomicBool,
    stalled: AtomicBool,
    lingering: AtomicBool,
    finished: AtomicU64,
    written: AtomicU64,
    flaw: AtomicU8,
}

/// What the peer, or we, are waiting for; a change of the number inside is progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The first head is not complete.
    FirstHead,
    /// Nothing has come since so many answers.
    Idle(u64),
    /// A later head has begun.
    Head(u64),
    /// A request is being answered.
    Busy,
    /// The peer has taken so many writes, and takes no more.
    Stalled(u64),
    /// We have said all we have to say and let the peer finish.
    Lingering,
}

impl Pulse {
    pub(super) fn phase(&self) -> Phase {
        let finished = self.finished.load(Relaxed);
        match () {
            () if self.lingering.load(Relaxed) => Phase::Lingering,
            () if self.stalled.load(Relaxed) => Phase::Stalled(self.written.load(Relaxed)),
            () if self.busy.load(Relaxed) => Phase::Busy,
            () if finished == 0 => Phase::FirstHead,
            () if self.in_head.load(Relaxed) => Phase::Head(finished),
            () => Phase::Idle(finished),
        }
    }

    /// Says whether a head has begun and is not complete.
    pub(super) fn in_head(&self, begun: bool) {
        self.in_head.store(begun, Relaxed);
    }

    /// The peer took some of what we wrote.
    pub(super) fn wrote(&self) {
        self.stalled.store(false, Relaxed);
        self.written.fetch_add(1, Relaxed);
    }

    /// True once the peer has something of ours that could get lost.
    pub(super) fn has_written(&self) -> bool {
        self.written.load(Relaxed) > 0
    }

    /// The peer can't take more at the moment.
    pub(super) fn stalled(&self) {
        self.stalled.store(true, Relaxed);
    }

    /// Only the peer's remaining bytes are awaited.
    pub(super) fn lingering(&self) {
        self.stalled.store(false, Relaxed);
        self.lingering.store(true, Relaxed);
    }

    /// Remembers, for the service, why the head it will be given stands in for a refused one.
    pub(super) fn refused(&self, code: Code) {
        self.in_head(false);
        self.flaw.store(flaw_number(code), Relaxed);
    }

    /// Why the head just parsed was refused, if it was.
    pub(super) fn take_flaw(&self) -> Option<HeadFlaw> {
        match self.flaw.load(Relaxed) {
            0 => None,
            number => {
                self.flaw.store(0, Relaxed);
                Some(HeadFlaw(flaw_code(number)))
            }
        }
    }
}

const fn flaw_number(code: Code) -> u8 {
    match code {
        Code::UriTooLong => 1,
        Code::HeadersTooLarge => 2,
        _ => 3,
    }
}

const fn flaw_code(number: u8) -> Code {
    match number {
        1 => Code::UriTooLong,
        2 => Code::HeadersTooLarge,
        _ => Code::MalformedRequest,
    }
}

/// The request extension that says that this request stands in for one that was refused before it was parsed:
/// it must be answered with this code and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadFlaw(pub Code);

/// Held as long as a request is being answered, to the last byte of its body.
pub(super) struct Busy(Arc<Pulse>);

impl Busy {
    pub(super) fn start(pulse: &Arc<Pulse>) -> Self {
        pulse.busy.store(true, Relaxed);
        Self(pulse.clone())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.finished.fetch_add(1, Relaxed);
        self.0.busy.store(false, Relaxed);
    }
}
