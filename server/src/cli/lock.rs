//! Locks beside an SQLite database: one server for each file, and one process that changes its schema. PostgreSQL has locks of its own. And
//! the lock beside the key file: one process that changes the keys.

use super::Failure;
use crate::config::Config;
use std::{
    fmt::Display,
    fs::{File, TryLockError},
    path::PathBuf,
};

/// The lock is held as long as this lives.
pub(super) struct LockGuard(#[allow(dead_code, reason = "the lock lives as long as the file is open")] Option<File>);

/// The lock of `serve`.
///
/// # Errors
/// Another server has the file.
pub(super) fn for_serving(config: &Config) -> Result<LockGuard, Failure> {
    let Some(path) = lock_path(config, "lock") else { return Ok(LockGuard(None)) };
    let file = open(config, &path)?;
    match file.try_lock() {
        Ok(()) => Ok(LockGuard(Some(file))),
        Err(TryLockError::WouldBlock) => {
            Err(Failure::other(format!("database_url: another roster serves this database ({})", path.display())))
        }
        Err(TryLockError::Error(error)) => Err(Failure::other(format!("{}: {error}", path.display()))),
    }
}

/// The lock of the process that migrates the schema; waits until it is free.
///
/// # Errors
/// The file cannot be made.
pub(super) fn for_migrations(config: &Config) -> Result<LockGuard, Failure> {
    let Some(path) = lock_path(config, "migrate.lock") else { return Ok(LockGuard(None)) };
    let file = open(config, &path)?;
    file.lock().map_err(|error| Failure::other(format!("{}: {error}", path.display())))?;
    Ok(LockGuard(Some(file)))
}

/// The lock of the process that changes the instance keys.
///
/// # Errors
/// Somebody else is changing them.
pub(super) fn for_keys(config: &Config) -> Result<LockGuard, Failure> {
    let mut path = config.secret_key_file.clone().into_os_string();
    path.push(".lock");
    let path = PathBuf::from(path);
    let failed = |what: &dyn Display| Failure::other(format!("secret_key_file: {}: {what}", path.display()));
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(|error| failed(&error))?;
    match file.try_lock() {
        Ok(()) => Ok(LockGuard(Some(file))),
        Err(TryLockError::WouldBlock) => Err(failed(&"another roster is changing the keys")),
        Err(TryLockError::Error(error)) => Err(failed(&error)),
    }
}

fn lock_path(config: &Config, ending: &str) -> Option<PathBuf> {
    let mut path = config.database_url.file()?.into_os_string();
    path.push(".");
    path.push(ending);
    Some(path.into())
}

fn open(config: &Config, path: &PathBuf) -> Result<File, Failure> {
    crate::context::make_data_dir(&config.data_dir)?;
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(|error| Failure::other(format!("database_url: {}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::DatabaseUrl;

    #[test]
    fn a_second_server_on_the_same_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config {
            data_dir: dir.path().to_owned(),
            database_url: DatabaseUrl::sqlite_in(dir.path()),
            ..Config::default()
        };
        let first = for_serving(&config).unwrap();
        assert!(for_serving(&config).is_err());
        drop(first);
        assert!(for_serving(&config).is_ok());
    }
}
