//! Stands between the socket and the parser: hands on one whole request head at a time, each judged as bytes first,
//! and notes when the peer stops taking what we write.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::framing::{Fault, Stage};
use super::limits::Limits;
use super::pulse::Pulse;
use crate::error::Code;

/// What the parser is given instead of a refused head, so that the refusal is answered like any other request.
/// No router has a route for this target.
const STAND_IN: &[u8] = b"GET * HTTP/1.1\r\nhost: refused\r\nconnection: close\r\n\r\n";

/// The most we read and throw away after a refusal.
const MAX_LINGER_BYTES: usize = 1024 * 1024;

/// A socket behind the gate.
pub(super) struct Gate<S> {
    io: S,
    limits: Arc<Limits>,
    pulse: Arc<Pulse>,
    stage: Stage,
    /// Bytes read and not handed on yet.
    held: BytesMut,
    /// How many of them may be handed on.
    passed: usize,
    refused: bool,
    ended: bool,
    shut: bool,
    discarded: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Gate<S> {
    pub(super) fn new(io: S, limits: Arc<Limits>, pulse: Arc<Pulse>) -> Self {
        Self {
            io,
            limits,
            pulse,
            stage: Stage::default(),
            held: BytesMut::new(),
            passed: 0,
            refused: false,
            ended: false,
            shut: false,
            discarded: 0,
        }
    }

    /// Asks the stage about what is held; true when some of it may be handed on.
    fn weigh_held(&mut self) -> io::Result<bool> {
        if self.passed == 0 && !self.held.is_empty() {
            let weighed = self.stage.advance(&self.held, &self.limits);
            self.passed = self.note(weighed)?;
        }
        Ok(self.passed > 0)
    }

    /// Takes what was just read into `buf`; true when some of it, or of what is held, may be handed on.
    fn take_fresh(&mut self, buf: &mut ReadBuf<'_>, before: usize) -> io::Result<bool> {
        let fresh = &buf.filled()[before..];
        if !self.held.is_empty() {
            self.held.extend_from_slice(fresh);
            buf.set_filled(before);
            return Ok(false);
        }
        let weighed = self.stage.advance(fresh, &self.limits);
        let passed = match self.note(weighed)? {
            _ if self.refused => 0,
            passed => passed,
        };
        if !self.refused {
            self.held.extend_from_slice(&buf.filled()[before + passed..]);
        }
        buf.set_filled(before + passed);
        Ok(passed > 0)
    }

    /// Notes where the stage stands now; a refused head is replaced.
    fn note(&mut self, weighed: Result<usize, Fault>) -> io::Result<usize> {
        match weighed {
            Ok(passed) => {
                self.pulse.in_head(passed == 0);
                Ok(passed)
            }
            Err(Fault::Head(code)) => Ok(self.refuse(code)),
            Err(Fault::Body(error)) => Err(error),
        }
    }

    fn refuse(&mut self, code: Code) -> usize {
        self.pulse.refused(code);
        self.refused = true;
        self.held = BytesMut::from(STAND_IN);
        self.passed = STAND_IN.len();
        self.passed
    }

    fn hand_on(&mut self, buf: &mut ReadBuf<'_>) {
        let count = self.passed.min(buf.remaining());
        buf.put_slice(&self.held[..count]);
        self.held.advance(count);
        self.passed -= count;
        if self.held.is_empty() {
            self.held = BytesMut::new();
        }
    }

    /// True when the peer may still be sending what nobody will read: closing now would reset the connection, and the
    /// reset could overtake our answer.
    fn owes_patience(&self) -> bool {
        self.pulse.has_written() && !self.ended && (self.refused || !self.stage.is_between() || !self.held.is_empty())
    }

    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut waste = [0; 4096];
        while self.discarded < MAX_LINGER_BYTES {
            let mut buf = ReadBuf::new(&mut waste);
            let read = ready!(Pin::new(&mut self.io).poll_read(cx, &mut buf));
            if read.is_err() || buf.filled().is_empty() {
                break;
            }
            self.discarded += buf.filled().len();
        }
        Poll::Ready(())
    }

    fn note_write(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Ready(_) => self.pulse.wrote(),
            Poll::Pending => self.pulse.stalled(),
        }
        written
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Gate<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        loop {
            if this.weigh_held()? {
                this.hand_on(buf);
                return Poll::Ready(Ok(()));
            }
            if this.refused {
                return Poll::Pending;
            }
            ready!(Pin::new(&mut this.io).poll_read(cx, buf))?;
            if buf.filled().len() == before {
                this.ended = true;
                return Poll::Ready(Ok(()));
            }
            if this.take_fresh(buf, before)? {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Gate<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.io).poll_write(cx, bytes);
        this.note_write(written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.io).poll_write_vectored(cx, slices);
        this.note_write(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.shut {
            ready!(Pin::new(&mut this.io).poll_shutdown(cx))?;
            this.shut = true;
        }
        if this.owes_patience() {
            this.pulse.lingering();
            ready!(this.poll_discard(cx));
        }
        Poll::Ready(Ok(()))
    }
}
