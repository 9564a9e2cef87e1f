//! One line of the doctor.

use std::fmt;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works, and an operator should know of it.
    Warn,
    /// It does not work, or what is acknowledged could be lost.
    Fail,
}

/// What one check found. Its texts never hold a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    name: &'static str,
    found: String,
    advice: String,
}

impl Finding {
    pub(super) fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { level: Level::Ok, name, found: found.into(), advice: String::new() }
    }

    pub(super) fn warn(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { level: Level::Warn, name, found: found.into(), advice: advice.into() }
    }

    pub(super) fn fail(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { level: Level::Fail, name, found: found.into(), advice: advice.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.level {
            Level::Ok => "ok  ",
            Level::Warn => "warn",
            Level::Fail => "FAIL",
        };
        let in_a_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        write!(f, "{mark}  {}: {}.", self.name, in_a_line(&self.found).trim_end_matches('.'))?;
        match self.advice.as_str() {
            "" => Ok(()),
            advice => write!(f, " What to do: {}.", in_a_line(advice)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_one_line_whatever_it_was_told() {
        let finding = Finding::fail("disk", "broken\n  in two.", "mend it");
        assert_eq!(finding.to_string(), "FAIL  disk: broken in two. What to do: mend it.");
        assert_eq!(Finding::ok("disk", "fine").to_string(), "ok    disk: fine.");
    }
}
