//! No weak start: which signing keys are taken, and how one is made.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;

use pollux::config::{Config, SigningKeys};
use secrecy::ExposeSecret as _;

use super::{KEY, OTHER_KEY, read, told};

const WEAK_KEYS: &[&str] = &[
    "secret",
    "changeme",
    "31-bytes-of-anything-Qx7Lp2vRk9",
    "your-secret-key-here-change-in-production",
    "your-secret-key-here-change-in-production-minimum-32-characters",
    "your-super-secret-jwt-key-change-this-in-production",
    "your_jwt_secret_key_here_please_change_it_now",
    "changeme-changeme-changeme-changeme-changeme",
    "change-me-to-the-output-of-openssl-rand-hex-32",
    "CHANGE_THIS_TO_A_LONG_RANDOM_STRING_IN_PRODUCTION",
    "super-secret-jwt-token-with-at-least-32-characters-long",
    "a-string-secret-at-least-256-bits-long",
    "MySuperSecretKeyThatIsAtLeast32CharactersLong!",
    "thisisaverylongsecretkeyforjwttokens1234567890",
    "replace-this-with-a-secure-random-secret-key-123",
    "django-insecure-9k2v8x1z4q7w3e6r5t0y2u8i1o4p7a3s6d",
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    "db3OIsj+BXE9NZDy0t8W3TcNekrF+2d/1sFnWG4HnV8TZY30iTOdtVWJG8abWvB1GlOgJuQZdcF2Luqm/hccMw==",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "abababababababababababababababababababab",
    "1234567890123456789012345678901234567890",
    "0123456789abcdef0123456789abcdef0123456789abcdef",
    "abcdefghijklmnopqrstuvwxyz0123456789",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    "a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6",
    "qwertyuiopasdfghjklzxcvbnmqwertyuiop",
    "passwordpasswordpasswordpasswordpassword",
    "P@ssw0rd-P@ssw0rd-P@ssw0rd-P@ssw0rd!",
    "d3v-s3cr3t-k3y-d0-n0t-us3-1n-pr0duct10n",
    "deadbeefdeadbeefdeadbeefdeadbeefcafebabe",
    "correct-horse-battery-staple-correct-horse",
    "hunter2hunter2hunter2hunter2hunter2hunter2",
    "x7Kq9x7Kq9x7Kq9x7Kq9x7Kq9x7Kq9x7Kq9x7Kq9",
    "!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!",
    "gemini-backend-clone-jwt-secret-key-2024",
];

#[test]
fn weak_signing_keys_are_refused_by_name_and_never_shown() {
    assert!(WEAK_KEYS.len() >= 25);
    for key in WEAK_KEYS {
        for name in ["JWT_SECRET", "SECRET_KEY", "JWT_SECRET_PREVIOUS"] {
            let told = told(&[(name, key)]);
            assert!(told.contains(name) && told.contains("openssl rand -hex 32"), "{key}: {told}");
            assert!(!told.contains(key), "{told}");
        }
    }
}

#[test]
fn with_postgres_the_signing_key_must_be_set() {
    assert!(told(&[("DATABASE_URL", "postgres://localhost/chat")]).contains("JWT_SECRET must be set"));
    assert!(told(&[("DB_HOST", "localhost")]).contains("JWT_SECRET must be set"));
    assert!(read(&[("DATABASE_URL", "sqlite://a.db")]).is_ok());
}

#[test]
fn two_keys_rotate_and_other_algorithms_are_refused() {
    let config = read(&[("JWT_SECRET", KEY), ("JWT_SECRET_PREVIOUS", OTHER_KEY)]).unwrap();
    let keys = SigningKeys::load_or_make(&config).unwrap();
    assert_eq!(keys.current.expose_secret(), KEY);
    assert_eq!(keys.previous.unwrap().expose_secret(), OTHER_KEY);
    assert!(told(&[("JWT_SECRET", KEY), ("JWT_SECRET_PREVIOUS", KEY)]).contains("JWT_SECRET_PREVIOUS"));
    for algorithm in ["none", "RS256", "HS512"] {
        assert!(told(&[("ALGORITHM", algorithm)]).contains("ALGORITHM must be HS256"));
    }
}

fn config_in(dir: &std::path::Path) -> Config {
    read(&[("DATA_DIR", dir.to_str().unwrap())]).unwrap()
}

#[test]
fn a_fresh_key_is_private_and_stays_and_differs_from_every_other() {
    let home = tempfile::tempdir().unwrap();
    let (one, two) = (config_in(&home.path().join("one/data")), config_in(&home.path().join("two")));
    let first = SigningKeys::load_or_make(&one).unwrap();
    let again = SigningKeys::load_or_make(&one).unwrap();
    let other = SigningKeys::load_or_make(&two).unwrap();
    assert_eq!(first.current.expose_secret(), again.current.expose_secret());
    assert_ne!(first.current.expose_secret(), other.current.expose_secret());
    assert_eq!(first.current.expose_secret().len(), 43);
    let mode = std::fs::metadata(one.data_dir.join("signing.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(&one.data_dir).unwrap().count(), 1);
}

#[test]
fn processes_that_start_at_once_use_the_same_key() {
    let home = tempfile::tempdir().unwrap();
    let config = config_in(home.path());
    let keys: BTreeSet<String> = std::thread::scope(|scope| {
        let make = || SigningKeys::load_or_make(&config).unwrap().current.expose_secret().to_owned();
        let racers: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    assert_eq!(keys.len(), 1);
}

#[test]
fn a_key_file_that_others_can_read_or_that_is_weak_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let config = config_in(home.path());
    let key = SigningKeys::load_or_make(&config).unwrap().current;
    let file = home.path().join("signing.key");
    for mode in [0o640, 0o604, 0o660] {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        let told = SigningKeys::load_or_make(&config).unwrap_err().to_string();
        assert!(told.contains("chmod 600") && !told.contains(key.expose_secret()), "{told}");
    }
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&file, "").unwrap();
    assert!(SigningKeys::load_or_make(&config).unwrap_err().to_string().contains("delete it"));
}
