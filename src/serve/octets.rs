//! Looking for bytes quickly.

/// True when one of `bytes` is such; looks at all of them, which is faster than stopping early.
pub(super) fn any(bytes: &[u8], is_such: impl Fn(u8) -> bool) -> bool {
    bytes.iter().fold(false, |found, &byte| found | is_such(byte))
}

/// Where `wanted` first stands; goes by blocks, which the machine compares at once.
pub(super) fn position(bytes: &[u8], wanted: u8) -> Option<usize> {
    const BLOCK: usize = 32;
    let passed = bytes.chunks_exact(BLOCK).take_while(|block| !any(block, |byte| byte == wanted)).count() * BLOCK;
    bytes[passed..].iter().position(|&byte| byte == wanted).map(|at| passed + at)
}

/// True when this could be a method or a field's name.
pub(super) fn is_token(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|&byte| TOKEN[usize::from(byte)])
}

/// The bytes a method or a field's name may have.
const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    let mut marks: &[u8] = b"!#$%&'*+-.^_`|~";
    while let [mark, rest @ ..] = marks {
        table[*mark as usize] = true;
        marks = rest;
    }
    table
};

/// True when a percent sign is not followed by two hexadecimal digits.
pub(crate) fn has_bad_percent(target: &[u8]) -> bool {
    let mut rest = target;
    while let Some(at) = position(rest, b'%') {
        match rest[at + 1..] {
            [high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => rest = &rest[at + 3..],
            _ => return true,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_is_found_wherever_it_stands() {
        for length in 0..100 {
            let mut bytes = vec![b'a'; length];
            assert_eq!(position(&bytes, b'\n'), None);
            for at in (0..length).rev() {
                bytes[at] = b'\n';
                assert_eq!(position(&bytes, b'\n'), Some(at), "in {length}");
            }
        }
    }

    #[test]
    fn a_percent_sign_needs_two_digits() {
        for (target, is_bad) in
            [("", false), ("/%2F%aB", false), ("%", true), ("%1", true), ("%1g", true), ("%%20", true)]
        {
            assert_eq!(has_bad_percent(target.as_bytes()), is_bad, "{target}");
        }
    }
}
