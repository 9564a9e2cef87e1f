//! Reads a `.env` file as the systems it comes from do: values may hold spaces and `$` without quotes, and only
//! `${NAME}` and `${NAME:-instead}` are filled in. (The common crate refuses the first and eats the second, which
//! cuts passwords short.)

/// What a file held.
#[derive(Default)]
pub(super) struct Parsed {
    /// Names and values, in the order of the file.
    pub pairs: Vec<(String, String)>,
    /// Lines that were left out, in words, without their text.
    pub notes: Vec<String>,
    /// What can't be read without guessing, in words, without its text.
    pub faults: Vec<String>,
}

/// Reads the text of a file; `outer` knows what is set outside of it and wins in `${NAME}`.
pub(super) fn parse(text: &str, outer: impl Fn(&str) -> Option<String>) -> Parsed {
    let mut parsed = Parsed::default();
    let mut rest = text.trim_start_matches('\u{feff}');
    let mut line_number = 0;
    while !rest.is_empty() {
        line_number += 1;
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        rest = after;
        let Some((name, value)) = assignment(line, line_number, &mut parsed) else { continue };
        let known = |wanted: &str| outer(wanted).or_else(|| parsed.find(wanted));
        match read_value(value, rest, &known) {
            Some((value, after)) => {
                line_number += rest[..rest.len() - after.len()].matches('\n').count();
                rest = after;
                parsed.pairs.push((name.to_owned(), value));
            }
            None => parsed.faults.push(format!("{name} in .env, line {line_number}: close the quotation mark")),
        }
    }
    parsed
}

impl Parsed {
    fn find(&self, wanted: &str) -> Option<String> {
        self.pairs.iter().rev().find(|(name, _)| name == wanted).map(|(_, value)| value.clone())
    }
}

fn assignment<'a>(line: &'a str, line_number: usize, parsed: &mut Parsed) -> Option<(&'a str, &'a str)> {
    let line = line.trim_start();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let line = line.strip_prefix("export ").unwrap_or(line);
    match line.split_once('=').map(|(name, value)| (name.trim(), value.trim_start())) {
        Some((name, value)) if is_name(name) => Some((name, value)),
        _ => {
            parsed.notes.push(format!("line {line_number} of .env is not NAME=value and is left out"));
            None
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.')
}

/// Reads one value, which may go on in `rest` while a quotation mark is open; answers it and what remains.
fn read_value<'a>(value: &str, rest: &'a str, known: &dyn Fn(&str) -> Option<String>) -> Option<(String, &'a str)> {
    let Some(quote @ ('"' | '\'')) = value.chars().next() else {
        return Some((fill_in(without_comment(value.trim_end()), false, known), rest));
    };
    if let Some(end) = closing(&value[1..], quote) {
        return Some((unquote(&value[1..=end], quote, known), rest));
    }
    let end = closing(rest, quote)?;
    let after = rest[end + 1..].split_once('\n').map_or("", |(_, after)| after);
    let whole = format!("{}\n{}", &value[1..], &rest[..end]);
    Some((unquote(&whole, quote, known), after))
}

fn closing(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(index, c)| {
        let closes = c == quote && !escaped;
        escaped = quote == '"' && c == '\\' && !escaped;
        closes.then_some(index)
    })
}

fn without_comment(value: &str) -> &str {
    if value.starts_with('#') {
        return "";
    }
    let comment = value.find(" #").into_iter().chain(value.find("\t#")).min();
    comment.map_or(value, |start| value[..start].trim_end())
}

fn unquote(text: &str, quote: char, known: &dyn Fn(&str) -> Option<String>) -> String {
    if quote == '\'' { text.to_owned() } else { fill_in(text, true, known) }
}

fn fill_in(text: &str, escapes: bool, known: &dyn Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some((name, after)) = rest.strip_prefix("${").and_then(|inner| inner.split_once('}')) {
            let (name, instead) = name.split_once(":-").unwrap_or((name, ""));
            let value = known(name).filter(|value| !value.is_empty());
            out.push_str(value.as_deref().unwrap_or(instead));
            rest = after;
            continue;
        }
        rest = &rest[c.len_utf8()..];
        if let ('\\', true, Some(next)) = (c, escapes, rest.chars().next()) {
            rest = &rest[next.len_utf8()..];
            push_escaped(&mut out, next);
        } else {
            out.push(c);
        }
    }
    out
}

fn push_escaped(out: &mut String, c: char) {
    match c {
        'n' => out.push('\n'),
        'r' => out.push('\r'),
        't' => out.push('\t'),
        '"' | '\\' | '$' | '\'' => out.push(c),
        other => out.extend(['\\', other]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<(String, String)> {
        let parsed = parse(text, |name| (name == "OUTER").then(|| "outside".to_owned()));
        assert_eq!(parsed.faults, Vec::<String>::new());
        parsed.pairs
    }

    fn value(line: &str) -> String {
        values(line).pop().unwrap().1
    }

    #[test]
    fn a_value_may_hold_spaces_dollars_and_hashes_without_quotes() {
        assert_eq!(value("APP_NAME=Gemini Backend Clone"), "Gemini Backend Clone");
        assert_eq!(value("DB_PASSWORD=pa$word#1"), "pa$word#1");
        assert_eq!(value("export PORT = 8000   # the port\r"), "8000");
        assert_eq!(value("EMPTY=   # nothing"), "");
    }

    #[test]
    fn quotes_are_taken_off_and_escapes_read_in_double_ones_alone() {
        assert_eq!(value(r#"A="two words # kept" # not this"#), "two words # kept");
        assert_eq!(value(r#"A="say \"hi\" \$x\n""#), "say \"hi\" $x\n");
        assert_eq!(value(r"A='raw \n ${OUTER}'"), r"raw \n ${OUTER}");
    }

    #[test]
    fn a_quoted_value_may_span_lines_and_the_next_line_is_still_read() {
        let pairs = values("A=\"one\ntwo\"\nB=3");
        assert_eq!(pairs, [("A".into(), "one\ntwo".into()), ("B".into(), "3".into())]);
        assert_eq!(value("A='one \r\n two '  \r\n"), "one \r\n two ");
    }

    #[test]
    fn names_in_braces_are_filled_in_and_what_is_set_outside_wins() {
        assert_eq!(value("U=me\nA=http://${U}@${OUTER}/${NONE:-x}/${NONE}$U"), "http://me@outside/x/$U");
    }

    #[test]
    fn what_is_not_an_assignment_is_noted_and_an_open_quote_is_a_fault_and_neither_shows_its_text() {
        let parsed = parse("just hunter2\nA=\"hunter2", |_| None);
        assert_eq!(parsed.notes, ["line 1 of .env is not NAME=value and is left out"]);
        assert_eq!(parsed.faults, ["A in .env, line 2: close the quotation mark"]);
    }
}
