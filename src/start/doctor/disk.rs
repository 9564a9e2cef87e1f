//! The data directory: whether it can be written, whether others can, how full it is, and whether what is synced to it
//! stays. The file it is tried with has no name, so nothing is left and nobody sees it.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{Access, Mode, OFlags, statvfs};

use super::finding::Finding;
use crate::config::{Config, Database};

const DIRECTORY: &str = "data directory";
const SPACE: &str = "disk space";
const SYNC: &str = "sync";
const MIB: u64 = 1024 * 1024;
const LEAST_SPACE: u64 = 100 * MIB;
const SCARCE_SPACE: u64 = 1024 * MIB;
/// A sync that is slower holds up every sender.
const SLOW_SYNC: Duration = Duration::from_millis(20);
/// No disk that keeps what it was given is faster.
const FASTEST_SYNC: Duration = Duration::from_micros(10);
const SYNCS: usize = 9;

/// Looks at the data directory, and where the database is a file, at the folder of that.
pub(super) fn check(config: &Config) -> Vec<Finding> {
    let file = match &config.database {
        Database::Sqlite { file } => Some(file),
        Database::Postgres { .. } => None,
    };
    let folder = file.and_then(|file| file.parent()).filter(|folder| !folder.as_os_str().is_empty());
    let mut found = examine(&config.data_dir, file.is_some() && folder == Some(&config.data_dir));
    if let Some(folder) = folder.filter(|folder| *folder != config.data_dir) {
        found.extend(examine(folder, true));
    }
    found
}

fn examine(folder: &Path, holds_database: bool) -> Vec<Finding> {
    let shown = folder.display();
    let metadata = match fs::metadata(folder) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return vec![Finding::ok(DIRECTORY, format!("{shown} is not there yet; the first start makes it"))];
        }
        Err(error) => return vec![Finding::fail(DIRECTORY, format!("{shown}: {error}"), mend(folder))],
    };
    if !metadata.is_dir() {
        return vec![Finding::fail(DIRECTORY, format!("{shown} is no directory"), mend(folder))];
    }
    let mut found = vec![access(folder, metadata.permissions().mode()), space(folder)];
    if holds_database {
        found.push(sync(folder));
    }
    found
}

fn mend(folder: &Path) -> String {
    format!("set DATA_DIR to a directory that can be written, or make {} one", folder.display())
}

fn access(folder: &Path, mode: u32) -> Finding {
    let shown = folder.display();
    let tried = match unnamed_file(folder) {
        Err(rustix::io::Errno::OPNOTSUPP) => rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK),
        tried => tried.map(drop),
    };
    if let Err(error) = tried {
        return Finding::fail(DIRECTORY, format!("{shown} can't be written: {error}"), mend(folder));
    }
    if mode & 0o077 != 0 {
        return Finding::warn(
            DIRECTORY,
            format!("{shown} can be written, but is open to others on this machine (mode {:o})", mode & 0o777),
            format!("run chmod 700 {shown}"),
        );
    }
    Finding::ok(DIRECTORY, format!("{shown} can be written, and by its owner alone"))
}

fn space(folder: &Path) -> Finding {
    let free = match statvfs(folder) {
        Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize),
        Err(error) => return Finding::warn(SPACE, format!("it could not be asked for: {error}"), mend(folder)),
    };
    let found = format!("{} MiB are free for {}", free / MIB, folder.display());
    let advice = "make room on that disk, or move DATA_DIR to another one";
    if free < LEAST_SPACE {
        return Finding::fail(SPACE, found, advice);
    }
    if free < SCARCE_SPACE {
        return Finding::warn(SPACE, found, advice);
    }
    Finding::ok(SPACE, found)
}

fn sync(folder: &Path) -> Finding {
    match measure(folder) {
        Ok(taken) => judge(taken),
        Err(error) => {
            Finding::warn(SYNC, format!("it could not be measured here: {error}"), "measure the disk otherwise")
        }
    }
}

fn judge(taken: Duration) -> Finding {
    let found = format!("a page is synced to disk in {:.3} ms", taken.as_secs_f64() * 1_000.0);
    if taken < FASTEST_SYNC {
        let advice = "put DATA_DIR on a disk that keeps what it is given: memory and some virtual disks lose it";
        return Finding::warn(SYNC, format!("{found}, which is faster than any disk"), advice);
    }
    if taken > SLOW_SYNC {
        return Finding::warn(SYNC, format!("{found}, which every write waits for"), "put DATA_DIR on a faster disk");
    }
    Finding::ok(SYNC, found)
}

/// The middle one of a few syncs of a page.
fn measure(folder: &Path) -> std::io::Result<Duration> {
    let mut file = unnamed_file(folder)?;
    let mut taken = [Duration::ZERO; SYNCS];
    for one in &mut taken {
        file.write_all(&[7; 4096])?;
        let began = Instant::now();
        file.sync_data()?;
        *one = began.elapsed();
    }
    taken.sort();
    Ok(taken[SYNCS / 2])
}

/// A file that is nowhere to be seen and gone when it is closed.
#[cfg(target_os = "linux")]
fn unnamed_file(folder: &Path) -> rustix::io::Result<File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    rustix::fs::open(folder, flags, Mode::RUSR | Mode::WUSR).map(File::from)
}

/// Elsewhere there are no such files.
#[cfg(not(target_os = "linux"))]
fn unnamed_file(_: &Path) -> rustix::io::Result<File> {
    Err(rustix::io::Errno::OPNOTSUPP)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::start::doctor::Level;

    #[test]
    fn a_sync_is_judged_by_its_time() {
        for (micros, level) in [(1, Level::Warn), (200, Level::Ok), (8_000, Level::Ok), (50_000, Level::Warn)] {
            assert_eq!(judge(Duration::from_micros(micros)).level, level, "{micros}");
        }
    }
}
