//! Follows a stream of requests from head to body to the next head, so that each head is judged before it is parsed.

use std::io;

use super::head::{Body, HeadScan, check_size, judge};
use super::limits::Limits;
use crate::error::Code;

/// Where in the stream we are.
#[derive(Debug)]
pub(super) enum Stage {
    /// Within a head.
    Head(HeadScan),
    /// So many bytes of a body are to come.
    Sized(u64),
    /// Within a body in chunks.
    Chunked(Chunk),
    /// The body turned out not to be what its head promised.
    Broken,
}

/// Why the stream can't go on.
#[derive(Debug)]
pub(super) enum Fault {
    /// The head is refused; the request can still be answered.
    Head(Code),
    /// The body is not what its head promised; whoever reads it must be told.
    Body(io::Error),
}

impl Default for Stage {
    fn default() -> Self {
        Self::Head(HeadScan::default())
    }
}

impl Stage {
    /// How many of `bytes` may be handed on: to the end of one request at most, and no part of a head that is not
    /// complete. While it answers 0 it must be called again with the same bytes and more.
    pub(super) fn advance(&mut self, bytes: &[u8], limits: &Limits) -> Result<usize, Fault> {
        let mut passed = 0;
        if let Self::Head(scan) = self {
            // No more than one byte too many is looked at, so that the verdict does not hang on how much has come.
            let head = &bytes[..bytes.len().min(limits.max_head_bytes + 1)];
            let Some(end) = scan.find_end(head).map_err(Fault::Head)? else {
                return check_size(head, limits).map(|()| 0).map_err(Fault::Head);
            };
            *self = Self::after(judge(&bytes[..end], limits).map_err(Fault::Head)?);
            passed = end;
        }
        match self.body(&bytes[passed..]) {
            Ok(more) => Ok(passed + more),
            Err(_) if passed > 0 => {
                // The head is handed on first, so that there is someone to be told.
                *self = Self::Broken;
                Ok(passed)
            }
            Err(error) => Err(Fault::Body(error)),
        }
    }

    /// True between two requests.
    pub(super) const fn is_between(&self) -> bool {
        matches!(self, Self::Head(_))
    }

    fn after(body: Body) -> Self {
        match body {
            Body::Sized(0) => Self::default(),
            Body::Sized(length) => Self::Sized(length),
            Body::Chunked => Self::Chunked(Chunk::default()),
        }
    }

    fn body(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (used, is_done) = match self {
            Self::Head(_) => (0, false),
            Self::Sized(left) => {
                let used = capped(*left, bytes.len());
                *left -= used as u64;
                (used, *left == 0)
            }
            Self::Chunked(chunk) => chunk.advance(bytes)?,
            Self::Broken => return Err(malformed()),
        };
        if is_done {
            *self = Self::default();
        }
        Ok(used)
    }
}

/// Where in a body of chunks we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunk {
    Size { digits: u8, size: u64 },
    Extension { size: u64 },
    SizeEnd { size: u64 },
    Data { left: u64 },
    DataReturn,
    DataEnd,
    Trailer { is_empty: bool },
    TrailerEnd { is_empty: bool },
    Done,
}

/// The bytes of a line that are not its end.
macro_rules! text {
    () => {
        b'\t' | b' '..=b'~' | 0x80..
    };
}

impl Default for Chunk {
    fn default() -> Self {
        Self::Size { digits: 0, size: 0 }
    }
}

impl Chunk {
    /// How many of `bytes` belong to this body, and whether it has ended.
    fn advance(&mut self, bytes: &[u8]) -> io::Result<(usize, bool)> {
        let mut used = 0;
        while used < bytes.len() && *self != Self::Done {
            if let Self::Data { left } = self {
                let step = capped(*left, bytes.len() - used);
                *left -= step as u64;
                used += step;
                if *left == 0 {
                    *self = Self::DataReturn;
                }
            } else {
                *self = self.step(bytes[used])?;
                used += 1;
            }
        }
        Ok((used, *self == Self::Done))
    }

    fn step(self, byte: u8) -> io::Result<Self> {
        let next = match (self, byte) {
            (Self::Size { digits: digits @ 0..15, size }, _) if byte.is_ascii_hexdigit() => {
                Self::Size { digits: digits + 1, size: size << 4 | hex(byte) }
            }
            (Self::Size { digits: 1.., size } | Self::Extension { size }, b'\r') => Self::SizeEnd { size },
            (Self::Size { digits: 1.., size }, b';') | (Self::Extension { size }, text!()) => Self::Extension { size },
            (Self::SizeEnd { size: left @ 1.. }, b'\n') => Self::Data { left },
            (Self::DataReturn, b'\r') => Self::DataEnd,
            (Self::DataEnd, b'\n') => Self::default(),
            (Self::SizeEnd { size: 0 } | Self::TrailerEnd { is_empty: false }, b'\n') => {
                Self::Trailer { is_empty: true }
            }
            (Self::Trailer { .. }, text!()) => Self::Trailer { is_empty: false },
            (Self::Trailer { is_empty }, b'\r') => Self::TrailerEnd { is_empty },
            (Self::TrailerEnd { is_empty: true }, b'\n') => Self::Done,
            _ => return Err(malformed()),
        };
        Ok(next)
    }
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the body's chunks are malformed")
}

fn hex(digit: u8) -> u64 {
    u64::from(match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    })
}

/// The smaller of the two, as a length.
fn capped(left: u64, length: usize) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNKED: &str = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";

    /// Hands `stream` over in pieces of `size` and returns the requests as they were let through.
    fn requests(stream: &[u8], size: usize) -> Result<Vec<Vec<u8>>, Fault> {
        let (mut stage, mut held, mut requests) = (Stage::default(), Vec::new(), vec![Vec::new()]);
        for piece in stream.chunks(size) {
            held.extend_from_slice(piece);
            while !held.is_empty() {
                let passed = stage.advance(&held, &Limits::default())?;
                if passed == 0 {
                    break;
                }
                requests.last_mut().unwrap().extend(held.drain(..passed));
                if stage.is_between() {
                    requests.push(Vec::new());
                }
            }
        }
        requests.pop();
        Ok(requests)
    }

    #[test]
    fn requests_are_told_apart_whatever_the_split() {
        let first = "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nG\r\n\r\n";
        let second = format!("{CHUNKED}3;a=\"b\"\r\nabc\r\n0A\r\n\r\n\r\n345678\r\n0\r\nX: y\r\n\r\n");
        let third = "GET /a HTTP/1.1\r\n\r\n";
        let stream = format!("{first}{second}{third}");
        for size in 1..=stream.len() {
            let expected = [first.as_bytes(), second.as_bytes(), third.as_bytes()];
            assert_eq!(requests(stream.as_bytes(), size).unwrap(), expected, "pieces of {size}");
        }
    }

    #[test]
    fn a_malformed_body_in_chunks_is_a_fault() {
        for body in [
            "\r\n",
            "g\r\n",
            " 3\r\nabc\r\n",
            "3 \r\nabc",
            "+3\r\nabc",
            "0x3\r\nabc",
            "-1\r\n",
            "3\nabc",
            "3\r\nabcd\r\n",
            "3\r\nabc\n",
            "3\r\rabc",
            "3;a\nb\r\nabc",
            "0\r\n\n",
            "0\r\nX: y\n\r\n",
            "1000000000000000\r\n",
            ";a\r\n",
        ] {
            let stream = format!("{CHUNKED}{body}");
            for size in [1, 7, stream.len()] {
                let fault = requests(stream.as_bytes(), size);
                assert!(matches!(fault, Err(Fault::Body(_))), "{body:?} in pieces of {size}: {fault:?}");
            }
        }
    }
}
