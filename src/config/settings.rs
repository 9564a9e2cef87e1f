//! Where settings come from: the process, a `.env` file, or a test's map.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::Path;

use super::dotenv;

/// Names and values as they were found, before anything is understood. Debug shows the names alone.
#[derive(Clone, Default)]
pub struct Settings {
    values: BTreeMap<String, String>,
    from_file: BTreeSet<String>,
    pub(super) notes: Vec<String>,
    pub(super) faults: Vec<String>,
}

impl Settings {
    /// The process's environment, and `./.env` for what the process leaves unset.
    #[must_use]
    pub fn from_process() -> Self {
        let mut settings = Self::default();
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else { continue };
            match value.into_string() {
                Ok(value) => drop(settings.values.insert(name, value)),
                Err(_) if super::names::is_read(&name) => settings.faults.push(format!("{name} must be UTF-8 text")),
                Err(_) => {}
            }
        }
        settings.with_file(Path::new(".env"))
    }

    /// A plain map, as tests use.
    pub fn from_pairs<K: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        let values = pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { values, ..Self::default() }
    }

    /// Adds a `.env` file where there is one; what is set already stays.
    #[must_use]
    pub fn with_file(mut self, path: &Path) -> Self {
        match std::fs::read_to_string(path) {
            Ok(text) => self.with_file_text(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self,
            Err(error) => {
                self.faults.push(format!("the file {} can't be read: {error}", path.display()));
                self
            }
        }
    }

    /// Adds the text of a `.env` file; what is set already stays.
    #[must_use]
    pub fn with_file_text(mut self, text: &str) -> Self {
        let parsed = dotenv::parse(text, |name| self.get(name).map(str::to_owned));
        self.notes.extend(parsed.notes);
        self.faults.extend(parsed.faults);
        let file: BTreeMap<_, _> = parsed.pairs.into_iter().collect();
        for (name, value) in file {
            self.from_file.insert(name.clone());
            if self.get(&name).is_none() {
                self.values.insert(name, value);
            }
        }
        self
    }

    /// The value of a name without the space around it; an empty one counts as unset.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// The names that have a value.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str).filter(|name| self.get(name).is_some())
    }

    /// The names that the `.env` file holds, set or empty.
    pub(super) fn names_in_file(&self) -> impl Iterator<Item = &str> {
        self.from_file.iter().map(String::as_str)
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.values.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_wins_over_the_file_unless_its_value_is_empty() {
        let process = Settings::from_pairs([("PORT", "1"), ("HOST", " ")]);
        let settings = process.with_file_text("PORT=2\nHOST=::1\nDATA_DIR=/a\n");
        assert_eq!(settings.get("PORT"), Some("1"));
        assert_eq!(settings.get("HOST"), Some("::1"));
        assert_eq!(settings.get("DATA_DIR"), Some("/a"));
    }

    #[test]
    fn debug_shows_names_and_no_value() {
        let settings = Settings::from_pairs([("JWT_SECRET", "hunter2")]);
        assert_eq!(format!("{settings:?}"), r#"["JWT_SECRET"]"#);
    }

    #[test]
    fn a_missing_file_is_no_fault() {
        assert!(Settings::default().with_file(Path::new("/nowhere/.env")).faults.is_empty());
    }
}
