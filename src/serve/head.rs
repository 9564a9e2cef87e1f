//! Reads a request head as bytes, before the parser does, and refuses what two readers could understand differently:
//! the parser joins repeated lengths, drops a length beside a transfer coding and takes a bare line feed.

use super::limits::Limits;
use super::octets::{any, has_bad_percent, is_token, position};
use crate::error::Code;

/// How the body that follows a head is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// So many bytes; none without a length.
    Sized(u64),
    /// Chunks, the last of which is empty.
    Chunked,
}

/// Finds the end of a head that arrives in pieces, reading each byte once.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HeadScan {
    seen: usize,
    line: usize,
    begun: bool,
}

impl HeadScan {
    /// The end of the head within `bytes`, which begin where the head begins and only ever grow.
    pub(super) fn find_end(&mut self, bytes: &[u8]) -> Result<Option<usize>, Code> {
        while let Some(step) = position(&bytes[self.seen..], b'\n') {
            let line_feed = self.seen + step;
            if line_feed == 0 || bytes[line_feed - 1] != b'\r' {
                return Err(Code::MalformedRequest);
            }
            let is_empty = line_feed == self.line + 1;
            self.seen = line_feed + 1;
            self.line = self.seen;
            if is_empty && self.begun {
                return Ok(Some(self.seen));
            }
            self.begun |= !is_empty;
        }
        self.seen = bytes.len();
        Ok(None)
    }
}

/// Refuses a head that grows beyond its limit before it ends, naming the part that is too long.
pub(super) fn check_size(head: &[u8], limits: &Limits) -> Result<(), Code> {
    if head.len() <= limits.max_head_bytes {
        return Ok(());
    }
    let line = head.split(|&byte| byte == b'\r').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    let target = line.split(|&byte| byte == b' ').nth(1).unwrap_or_default();
    Err(if target.len() > limits.max_target_bytes { Code::UriTooLong } else { Code::HeadersTooLarge })
}

/// Judges a complete head and says how its body is framed.
pub(super) fn judge(head: &[u8], limits: &Limits) -> Result<Body, Code> {
    check_size(head, limits)?;
    let mut lines = Lines(head).skip_while(|line| line.is_empty());
    let is_1_1 = request_line(lines.next().unwrap_or_default(), limits)?;
    let mut fields = Fields::default();
    for line in lines.take_while(|line| !line.is_empty()) {
        fields.count += 1;
        if fields.count > limits.max_fields {
            return Err(Code::HeadersTooLarge);
        }
        fields.read(line)?;
    }
    fields.body(is_1_1)
}

/// The lines of a head, without their ends.
struct Lines<'head>(&'head [u8]);

impl<'head> Iterator for Lines<'head> {
    type Item = &'head [u8];

    fn next(&mut self) -> Option<&'head [u8]> {
        let line_feed = position(self.0, b'\n')?;
        let (line, rest) = self.0.split_at(line_feed + 1);
        self.0 = rest;
        Some(&line[..line_feed.saturating_sub(1)])
    }
}

/// Checks method, target and version; true for HTTP/1.1, false for HTTP/1.0.
fn request_line(line: &[u8], limits: &Limits) -> Result<bool, Code> {
    let mut parts = line.split(|&byte| byte == b' ');
    let (Some(method), Some(target), Some(version), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Code::MalformedRequest);
    };
    if target.len() > limits.max_target_bytes {
        return Err(Code::UriTooLong);
    }
    if !is_token(method) || target.is_empty() || any(target, |byte| !byte.is_ascii_graphic()) || has_bad_percent(target)
    {
        return Err(Code::MalformedRequest);
    }
    match version {
        b"HTTP/1.1" => Ok(true),
        b"HTTP/1.0" => Ok(false),
        _ => Err(Code::MalformedRequest),
    }
}

/// What the fields say about framing.
#[derive(Default)]
struct Fields {
    count: usize,
    length: Option<u64>,
    chunked: bool,
    host: bool,
}

impl Fields {
    fn read(&mut self, line: &[u8]) -> Result<(), Code> {
        let colon = line.iter().position(|&byte| byte == b':').ok_or(Code::MalformedRequest)?;
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        if !is_token(name) || any(value, |byte| byte != b'\t' && (byte < b' ' || byte == 0x7f)) {
            return Err(Code::MalformedRequest);
        }
        let is_fresh = match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => !std::mem::replace(&mut self.host, true),
            14 if name.eq_ignore_ascii_case(b"content-length") => self.length.replace(length(value)?).is_none(),
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                value.trim_ascii().eq_ignore_ascii_case(b"chunked") && !std::mem::replace(&mut self.chunked, true)
            }
            _ => true,
        };
        if is_fresh { Ok(()) } else { Err(Code::MalformedRequest) }
    }

    fn body(&self, is_1_1: bool) -> Result<Body, Code> {
        match (self.chunked, self.length) {
            (true, None) if is_1_1 => Ok(Body::Chunked),
            (true, _) => Err(Code::MalformedRequest),
            (false, length) => Ok(Body::Sized(length.unwrap_or(0))),
        }
    }
}

/// A length in digits alone: no sign, no list, nothing that could overflow.
fn length(value: &[u8]) -> Result<u64, Code> {
    let digits = value.trim_ascii();
    if digits.is_empty() || digits.len() > 18 || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Code::MalformedRequest);
    }
    Ok(digits.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(head: &str) -> Result<Body, Code> {
        judge(head.as_bytes(), &Limits::default())
    }

    fn with_fields(fields: &str) -> Result<Body, Code> {
        verdict(&format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"))
    }

    #[test]
    fn a_plain_head_is_taken_with_its_framing() {
        assert_eq!(with_fields(""), Ok(Body::Sized(0)));
        assert_eq!(with_fields("content-LENGTH: 12 \r\n"), Ok(Body::Sized(12)));
        assert_eq!(with_fields("Transfer-Encoding:chunked\r\n"), Ok(Body::Chunked));
        assert_eq!(verdict("GET /a?b=%20 HTTP/1.0\r\n\r\n"), Ok(Body::Sized(0)));
        assert_eq!(verdict("\r\n\r\nGET / HTTP/1.1\r\n\r\n"), Ok(Body::Sized(0)));
    }

    #[test]
    fn framing_that_two_readers_could_read_differently_is_refused() {
        for fields in [
            "Content-Length: 5\r\nContent-Length: 5\r\n",
            "Content-Length: 5, 5\r\n",
            "Content-Length: +5\r\n",
            "Content-Length: -5\r\n",
            "Content-Length: 0x5\r\n",
            "Content-Length:\r\n",
            "Content-Length: 99999999999999999999\r\n",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: identity\r\n",
            "Transfer-Encoding: xchunked\r\n",
            "Transfer-Encoding : chunked\r\n",
            "Transfer-Encoding\u{b}: chunked\r\n",
            "Transfer-Encoding: \u{b}chunked\r\n",
            "X: a\r\n folded\r\n",
            "X: a\r\n\tfolded\r\n",
            "X: a\rb\r\n",
            "X: a\0b\r\n",
            "no colon\r\n",
            ": no name\r\n",
            "Host: b\r\n",
        ] {
            assert_eq!(with_fields(fields), Err(Code::MalformedRequest), "{fields:?}");
        }
        assert_eq!(verdict("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), Err(Code::MalformedRequest));
    }

    #[test]
    fn a_bad_request_line_is_refused() {
        for line in [
            "GET /",
            "GET  / HTTP/1.1",
            "GET / HTTP/1.1 x",
            "GET / HTTP/2.0",
            "GET / HTTP/1.2",
            "GET / http/1.1",
            "G(T / HTTP/1.1",
            " GET / HTTP/1.1",
            "GET /% HTTP/1.1",
            "GET /%1 HTTP/1.1",
            "GET /%zz HTTP/1.1",
            "GET /?q=%g0 HTTP/1.1",
            "GET /\u{e9} HTTP/1.1",
            "GET\t/\tHTTP/1.1",
        ] {
            assert_eq!(verdict(&format!("{line}\r\n\r\n")), Err(Code::MalformedRequest), "{line:?}");
        }
    }

    #[test]
    fn the_end_is_found_whatever_the_split() {
        let head = b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nGET";
        for size in 1..head.len() {
            let mut scan = HeadScan::default();
            let found = (size..=head.len() + size)
                .step_by(size)
                .find_map(|end| scan.find_end(&head[..end.min(head.len())]).unwrap());
            assert_eq!(found, Some(head.len() - 3), "pieces of {size}");
        }
    }

    #[test]
    fn a_bare_line_feed_is_refused_where_it_stands() {
        for head in ["\nGET", "GET / HTTP/1.1\n", "GET / HTTP/1.1\r\nA: b\n", "GET / HTTP/1.1\r\n\n"] {
            assert_eq!(HeadScan::default().find_end(head.as_bytes()), Err(Code::MalformedRequest), "{head:?}");
        }
    }
}
