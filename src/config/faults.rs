//! What is wrong with the settings, all of it at once and in words.

use std::fmt;

/// Every reason not to start, each a sentence that names the setting and says what to set, never the value:
/// these lines end up in logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFaults(pub Vec<String>);

impl fmt::Display for ConfigFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pollux does not start with these settings:")?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  - {fault}"))
    }
}

impl std::error::Error for ConfigFaults {}
