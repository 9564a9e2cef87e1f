//! The signing keys: given by the operator, or made at the first start and kept in the data directory.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::TryRng as _;
use rand::rngs::SysRng;
use secrecy::{ExposeSecret as _, SecretString};

use super::Config;
use super::database::Database;
use super::faults::ConfigFaults;
use super::names::{self, Setting};
use super::reader::Reader;
use super::weak::weakness;

const FILE_NAME: &str = "signing.key";
const MAKE_ONE: &str = "set it to 32 random bytes, such as the output of: openssl rand -hex 32";

/// Keys as the settings give them.
#[derive(Clone, Debug)]
pub struct GivenKeys {
    /// Signs and verifies; `None` where one is made and kept in the data directory.
    pub current: Option<SecretString>,
    /// Verifies what was signed before the last change of keys.
    pub previous: Option<SecretString>,
}

/// The keys in force. Their bytes are the text's own, so a key moves between file and setting by copying it.
#[derive(Clone, Debug)]
pub struct SigningKeys {
    /// Signs and verifies.
    pub current: SecretString,
    /// Verifies what was signed before the last change of keys; two at a time and no more.
    pub previous: Option<SecretString>,
}

impl SigningKeys {
    /// Takes the given key, else the one in `DATA_DIR/signing.key`, else makes that file (mode 0600) with 32 bytes of
    /// the operating system's randomness. A file that others can read is refused rather than mended: the key may be
    /// known already, and only the operator can judge that.
    pub fn load_or_make(config: &Config) -> Result<Self, ConfigFaults> {
        let current = match &config.signing.current {
            Some(key) => key.clone(),
            None => load_or_make_file(&config.data_dir).map_err(|fault| ConfigFaults(vec![fault]))?,
        };
        Ok(Self { current, previous: config.signing.previous.clone() })
    }
}

/// Where the signing key is, found without making one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// In the settings.
    Settings,
    /// In the data directory, readable by its owner alone.
    File,
    /// Nowhere yet: the first start makes it.
    NotYet,
}

impl SigningKeys {
    /// Looks where the key is that a start would take, and whether it is fit; says what is wrong with it otherwise.
    pub fn look(config: &Config) -> Result<KeyPlace, String> {
        if config.signing.current.is_some() {
            return Ok(KeyPlace::Settings);
        }
        let path = config.data_dir.join(FILE_NAME);
        match load(&path) {
            Ok(key) => check(key, &path).map(|_| KeyPlace::File),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(KeyPlace::NotYet),
            Err(error) => Err(unreadable(&path, &error)),
        }
    }
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    format!("the signing key {} can't be read: {error}; mend DATA_DIR, or set JWT_SECRET", path.display())
}

pub(super) fn read(reader: &mut Reader<'_>, database: &Database) -> GivenKeys {
    let current = strong_key(reader, names::JWT_SECRET);
    let previous = strong_key(reader, names::JWT_SECRET_PREVIOUS);
    if current.is_none() && matches!(database, Database::Postgres { .. }) {
        reader.fault(format!("JWT_SECRET must be set with PostgreSQL, so that all processes share it: {MAKE_ONE}"));
    }
    if let (Some(current), Some(previous)) = (&current, &previous)
        && current.expose_secret() == previous.expose_secret()
    {
        reader.fault("JWT_SECRET_PREVIOUS is the same as the key in force: leave it empty, or set the one before");
    }
    let algorithm = reader.first(names::JWT_ALGORITHM);
    if let Some(found) = algorithm.filter(|found| !found.value.eq_ignore_ascii_case("HS256")) {
        reader.fault(format!("{} must be HS256 or empty: there is no other here", found.name));
    }
    GivenKeys { current, previous }
}

fn strong_key(reader: &mut Reader<'_>, setting: Setting) -> Option<SecretString> {
    let found = reader.first(setting)?;
    if let Some(weakness) = weakness(found.value) {
        reader.fault(format!("{} {weakness}: {MAKE_ONE}", found.name));
    }
    Some(SecretString::from(found.value))
}

fn load_or_make_file(data_dir: &Path) -> Result<SecretString, String> {
    let path = data_dir.join(FILE_NAME);
    match load(&path) {
        Ok(key) => return check(key, &path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(unreadable(&path, &error)),
    }
    make(data_dir, &path).map_err(|error| {
        format!(
            "no signing key could be made in DATA_DIR ({}): {error}; make it writable, or set JWT_SECRET",
            data_dir.display()
        )
    })?;
    // Read back, because another process may have been first.
    let key = load(&path).map_err(|error| unreadable(&path, &error))?;
    check(key, &path)
}

struct KeyFile {
    text: String,
    mode: u32,
}

fn load(path: &Path) -> io::Result<KeyFile> {
    let mode = fs::metadata(path)?.permissions().mode();
    Ok(KeyFile { text: fs::read_to_string(path)?.trim().to_owned(), mode })
}

fn check(file: KeyFile, path: &Path) -> Result<SecretString, String> {
    let path = path.display();
    if file.mode & 0o077 != 0 {
        return Err(format!(
            "others on this machine can read the signing key {path}: run chmod 600 on it, or delete it for a new \
             one, which signs everybody out; JWT_SECRET takes its place where it is set"
        ));
    }
    match weakness(&file.text) {
        Some(weakness) => {
            Err(format!("the signing key {path} {weakness}: delete it, and a new one is made, or set JWT_SECRET"))
        }
        None => Ok(SecretString::from(file.text)),
    }
}

/// Writes the whole key under a name of its own first, then gives it the real name unless that is taken: nobody ever
/// reads half a key, and of two processes that start at once both use the same. Where the file system has no hard
/// links, renaming comes next best.
fn make(data_dir: &Path, path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(data_dir)?;
    let draft = data_dir.join(format!(".{FILE_NAME}.{}", &random_text()?[..12]));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let written = file.write_all(random_text()?.as_bytes()).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| fs::hard_link(&draft, path));
    let named = match linked {
        Err(_) if path.exists() => Ok(()),
        Err(error) if matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied) => {
            fs::rename(&draft, path)
        }
        linked => linked,
    };
    let _ = fs::remove_file(&draft);
    named.and_then(|()| fs::File::open(data_dir)?.sync_all())
}

fn random_text() -> io::Result<String> {
    let mut bytes = [0_u8; 32];
    SysRng.try_fill_bytes(&mut bytes).map_err(io::Error::other)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
