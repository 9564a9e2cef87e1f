//! The shipped program does not start weak.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::harness::SECRET;
use crate::harness::binary::{Binary, refused_start};

/// Starts that are to be refused: the settings, and the name that is to be told. The last value is not to be shown.
const REFUSED: &[(&[(&str, &str)], &str)] = &[
    (&[("JWT_SECRET", "hunter2-canary")], "JWT_SECRET"),
    (&[("JWT_SECRET", "your-super-secret-jwt-key-change-this-in-production")], "JWT_SECRET"),
    (&[("JWT_SECRET", "00000000000000000000000000000000")], "JWT_SECRET"),
    (&[("SECRET_KEY", "passwordpasswordpasswordpasswordpassword")], "SECRET_KEY"),
    (&[("JWT_SECRET", SECRET), ("JWT_SECRET_PREVIOUS", "changeme-canary")], "JWT_SECRET_PREVIOUS"),
    (&[("JWT_SECRET", SECRET), ("JWT_SECRET_PREVIOUS", SECRET)], "JWT_SECRET_PREVIOUS"),
    (&[("JWT_ALGORITHM", "none-canary")], "JWT_ALGORITHM"),
    (&[("ALGORITHM", "RS256-canary")], "ALGORITHM"),
    (&[("DATABASE_URL", "postgres://user:canary-password@127.0.0.1:5432/x")], "JWT_SECRET"),
    (&[("HOST", "0.0.0.0")], "CODE_DELIVERY"),
    (&[("HOST", "0.0.0.0"), ("CODE_DELIVERY", "echo")], "ALLOW_DEMO"),
    (&[("CODE_DELIVERY", "pigeon-canary")], "CODE_DELIVERY"),
    (&[("PORT", "eighty-canary")], "PORT"),
    (&[("OTP_EXPIRATION_MINUTES", "canary")], "OTP_EXPIRATION_MINUTES"),
    (&[("JWT_EXPIRATION_HOURS", "1e9-canary")], "JWT_EXPIRATION_HOURS"),
    (&[("STRIPE_SECRET_KEY", "sk_test_your_key_here")], "STRIPE_SECRET_KEY"),
    (&[("GEMINI_API_KEY", "your-gemini-api-key")], "GEMINI_API_KEY"),
    (&[("REDIS_URL", "redis://:canary@127.0.0.1:6379")], "REDIS_URL"),
];

fn refusal(home: &Path, settings: &[(&str, &str)]) -> String {
    let output = refused_start(home, settings);
    assert_eq!(output.status.code(), Some(1), "{settings:?}");
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn weak_settings_end_the_start_with_the_name_and_without_the_value() {
    for (settings, name) in REFUSED {
        let home = tempfile::tempdir().unwrap();
        let told = refusal(home.path(), settings);
        assert!(told.contains(name), "{settings:?}: {told}");
        let (_, secret) = settings.last().unwrap();
        let is_secret = !matches!(*secret, "0.0.0.0" | "echo");
        assert!(!is_secret || !told.contains(secret), "{settings:?}: {told}");
        assert!(!told.contains("canary"), "{settings:?}: {told}");
        assert!(!home.path().join("data").exists(), "{settings:?} left something behind");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fresh_keys_differ_and_every_file_is_private() {
    let (mut one, mut two) = tokio::join!(Binary::start(&[]), Binary::start(&[]));
    let key = |binary: &Binary| std::fs::read_to_string(binary.data().join("signing.key")).unwrap();
    assert_ne!(key(&one), key(&two));
    assert!(key(&one).trim().len() >= 43);
    one.client().sign_in("+15005550006").await;
    let mut names = Vec::new();
    for entry in std::fs::read_dir(one.data()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", entry.path().display());
        names.push(entry.file_name().into_string().unwrap());
    }
    for name in ["pollux.db", "pollux.db-wal", "signing.key"] {
        assert!(names.iter().any(|known| known == name), "{names:?}");
    }
    tokio::join!(one.stop(), two.stop());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_file_that_others_can_read_ends_the_start() {
    let home = tempfile::tempdir().unwrap();
    let (data, key) = (home.path().join("data"), home.path().join("data/signing.key"));
    std::fs::create_dir(&data).unwrap();
    std::fs::write(&key, SECRET).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let told = refusal(home.path(), &[]);
    assert!(told.contains("signing.key") && told.contains("chmod 600") && !told.contains(SECRET), "{told}");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&key, "changeme-canary").unwrap();
    let told = refusal(home.path(), &[]);
    assert!(told.contains("signing.key") && !told.contains("canary"), "{told}");
}
