//! The file of the instance keys: one a line, each 32 bytes in base64. The first key seals, all keys open. A line that begins with `next`
//! holds the key that the next rotation puts first, so that every instance can open what it will seal before it seals anything.
//!
//! No library fits: `age` encrypts whole files, `tink` keeps its keys in a format that nobody makes with `openssl rand -base64 32`.

use super::random;
use base64::{Engine, engine::general_purpose::STANDARD};
use std::{
    fmt,
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Read, Write},
    mem,
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown},
    path::{Path, PathBuf},
};
use thiserror::Error;

/// The prefix of the line with the key of the next rotation.
const NEXT_KEY_PREFIX: &str = "next ";

/// The problem of a secret's file that others can read, and what helps where it lies on a disk and where it is mounted.
pub(crate) const OPEN_TO_OTHERS: &str =
    "others can read it; chmod 600 helps, or for a secret that is mounted: mode 0400, or 0440 with root as its owner";

/// Is a file with a secret closed to everybody whom it does not concern (CF-02)? It is its owner's alone; or root's, and its group may
/// read it: so Kubernetes (`fsGroup`) and Docker Swarm (`mode: 0440`) mount secrets. Root reads everything anyhow, and chose the group.
pub(crate) fn is_private(meta: &Metadata) -> bool {
    is_private_as(meta.uid(), meta.permissions().mode())
}

fn is_private_as(owner: u32, mode: u32) -> bool {
    mode & 0o077 == 0 || owner == 0 && mode & 0o037 == 0
}

/// The instance keys cannot be read, made or changed.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The file cannot be read or made.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// A line of the file is not 32 bytes in base64.
    #[error(
        "{path}: not a key in line {line}; expected 32 random bytes in base64 (make one with: openssl rand -base64 32)"
    )]
    NotAKey {
        /// The file.
        path: String,
        /// The line, from 1.
        line: usize,
    },
    /// Others on this machine can read the file (CF-02).
    #[error("{path}: {OPEN_TO_OTHERS}")]
    Readable {
        /// The file.
        path: String,
    },
    /// The file cannot be replaced; it is as it was.
    #[error(
        "{path}: cannot be changed: {source}; it must be writable, and so must its folder, for the user who runs this"
    )]
    NotWritable {
        /// The file.
        path: String,
        /// What the system says.
        source: io::Error,
    },
}

/// The bytes of a key.
pub(super) type Bytes = [u8; 32];

/// The keys that a key file holds.
pub struct KeyFile {
    /// Seals, and opens.
    pub(super) current: Bytes,
    /// Opens, and is the current one after the next rotation.
    pub(super) next: Option<Bytes>,
    /// Open what they sealed before.
    pub(super) older: Vec<Bytes>,
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyFile(…)")
    }
}

/// Distinguishes contents of the file without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    changed: (i64, i64),
}

impl Stamp {
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|meta| Self::from(&meta))
    }
}

impl From<&Metadata> for Stamp {
    fn from(meta: &Metadata) -> Self {
        Self { device: meta.dev(), inode: meta.ino(), length: meta.len(), changed: (meta.ctime(), meta.ctime_nsec()) }
    }
}

impl KeyFile {
    /// Makes a file with one new key, readable by its owner alone.
    ///
    /// # Errors
    /// [`KeyError::File`].
    pub fn make(path: &Path) -> Result<(), KeyError> {
        let keys = Self { current: random(), next: None, older: Vec::new() };
        let made = private(path).and_then(|mut file| file.write_all(keys.text().as_bytes()));
        made.map_err(|source| KeyError::File { path: path.display().to_string(), source })
    }

    /// Reads the keys.
    ///
    /// # Errors
    /// [`KeyError`], naming the file.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        Self::read_stamped(path).map(|(keys, _)| keys)
    }

    pub(super) fn read_stamped(path: &Path) -> Result<(Self, Stamp), KeyError> {
        let named = || path.display().to_string();
        let failed = |source| KeyError::File { path: named(), source };
        let mut file = File::open(path).map_err(failed)?;
        let meta = file.metadata().map_err(failed)?;
        if !is_private(&meta) {
            return Err(KeyError::Readable { path: named() });
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(failed)?;
        let keys = Self::parse(&text).map_err(|line| KeyError::NotAKey { path: named(), line })?;
        Ok((keys, Stamp::from(&meta)))
    }

    /// The keys of a file's text, or the number of the line that is wrong.
    fn parse(text: &str) -> Result<Self, usize> {
        let (mut next, mut seals) = (None, Vec::new());
        for (line, number) in text.lines().map(str::trim).zip(1..) {
            match line.strip_prefix(NEXT_KEY_PREFIX) {
                Some(key) if next.is_none() => next = Some(decode(key).ok_or(number)?),
                Some(_) => return Err(number),
                None if line.is_empty() => {}
                None => seals.push(decode(line).ok_or(number)?),
            }
        }
        let mut seals = seals.into_iter();
        Ok(Self { current: seals.next().ok_or(1_usize)?, next, older: seals.collect() })
    }

    fn text(&self) -> String {
        let next = self.next.iter().map(|key| format!("{NEXT_KEY_PREFIX}{}\n", STANDARD.encode(key)));
        let seals = [&self.current].into_iter().chain(&self.older).map(|key| format!("{}\n", STANDARD.encode(key)));
        seals.chain(next).collect()
    }

    /// Adds the key of the next rotation; `false` if there is one.
    pub fn prepare(&mut self) -> bool {
        let missing = self.next.is_none();
        self.next.get_or_insert_with(random);
        missing
    }

    /// Puts another key first: the one that was prepared, or a new one. `false` if an earlier rotation was not ended by
    /// [`Self::retire`] and none is prepared: whoever runs a rotation again, because it broke off, goes on with the same key.
    pub fn rotate(&mut self) -> bool {
        let first = match self.next.take() {
            Some(prepared) => prepared,
            None if self.older.is_empty() => random(),
            None => return false,
        };
        self.older.insert(0, mem::replace(&mut self.current, first));
        true
    }

    /// Removes the older keys; answers how many they were.
    pub fn retire(&mut self) -> usize {
        mem::take(&mut self.older).len()
    }

    /// Are there older keys beside the one that seals?
    pub fn has_older(&self) -> bool {
        !self.older.is_empty()
    }

    /// Replaces the file by these keys, all or nothing: whoever reads it meanwhile reads the old ones or the new ones. Its owner stays.
    ///
    /// # Errors
    /// [`KeyError::NotWritable`].
    pub fn write(&self, path: &Path) -> Result<(), KeyError> {
        self.replace(path).map_err(|source| KeyError::NotWritable { path: path.display().to_string(), source })
    }

    fn replace(&self, path: &Path) -> io::Result<()> {
        // A link stays a link.
        let path = path.canonicalize()?;
        let meta = path.metadata()?;
        if meta.permissions().readonly() {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let beside = beside(&path);
        // One that broke off left it; its key never sealed anything.
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let written = self.write_beside(&beside, &meta).and_then(|()| fs::rename(&beside, &path));
        if written.is_err() {
            let _ = fs::remove_file(&beside);
        }
        written?;
        // The name in the folder must last, too.
        path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    }

    fn write_beside(&self, beside: &Path, before: &Metadata) -> io::Result<()> {
        let mut file = private(beside)?;
        let meta = file.metadata()?;
        if (meta.uid(), meta.gid()) != (before.uid(), before.gid()) {
            // Root changes the key of the user whom the server runs as.
            fchown(&file, Some(before.uid()), Some(before.gid()))?;
        }
        file.write_all(self.text().as_bytes())?;
        file.sync_all()
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut path = path.to_owned().into_os_string();
    path.push(".new");
    path.into()
}

/// A new file for its owner alone.
fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// A key from its text; the same byte again and again is a placeholder.
fn decode(text: &str) -> Option<Bytes> {
    let bytes = STANDARD.decode(text.trim()).ok()?;
    let key = Bytes::try_from(bytes).ok()?;
    key.iter().any(|byte| byte != &key[0]).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        KeyFile::make(&path).unwrap();
        (folder, path)
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn cf_02_a_key_file_that_others_can_read_is_refused() {
        let (_folder, path) = made();
        assert_eq!(mode(&path), 0o600);
        KeyFile::read(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(KeyFile::read(&path), Err(KeyError::Readable { .. })));
    }

    #[test]
    fn cf_02_of_mounted_secrets_those_of_root_may_be_read_by_their_group() {
        for mode in [0o400, 0o600] {
            assert!(is_private_as(0, mode) && is_private_as(1000, mode), "{mode:o}");
        }
        for mode in [0o440, 0o640] {
            assert!(is_private_as(0, mode) && !is_private_as(1000, mode), "{mode:o}");
        }
        for mode in [0o444, 0o604, 0o660, 0o644, 0o620, 0o450] {
            assert!(!is_private_as(0, mode) && !is_private_as(1000, mode), "{mode:o}");
        }
    }

    #[test]
    fn cf_02_what_is_not_a_key_is_refused_by_its_line() {
        let (_folder, path) = made();
        let key = fs::read_to_string(&path).unwrap();
        for (text, wrong) in [
            (String::new(), 1),
            ("secret\n".to_owned(), 1),
            (format!("{}\n", STANDARD.encode([7; 32])), 1),
            (format!("{key}{}\n", STANDARD.encode([1, 2, 3])), 2),
            (format!("{key}\nolder {key}"), 3),
            (format!("next {key}"), 1),
            (format!("{key}next {key}next {key}"), 3),
        ] {
            fs::write(&path, &text).unwrap();
            assert!(matches!(KeyFile::read(&path), Err(KeyError::NotAKey { line, .. }) if line == wrong), "{text}");
        }
        // One key without the end of its line, as earlier versions wrote it.
        fs::write(&path, key.trim_end()).unwrap();
        assert!(!KeyFile::read(&path).unwrap().has_older());
    }

    #[test]
    fn cf_03_a_rotation_puts_the_prepared_key_first_and_keeps_the_older_ones_until_they_retire() {
        let (_folder, path) = made();
        let mut keys = KeyFile::read(&path).unwrap();
        let first = keys.current;
        assert!(keys.prepare() && !keys.prepare());
        let prepared = keys.next.unwrap();
        keys.write(&path).unwrap();

        let mut keys = KeyFile::read(&path).unwrap();
        assert_eq!((keys.current, keys.next), (first, Some(prepared)), "a prepared key does not seal yet");
        assert!(keys.rotate());
        keys.write(&path).unwrap();

        let mut keys = KeyFile::read(&path).unwrap();
        assert_eq!((keys.current, keys.next, keys.older.clone()), (prepared, None, vec![first]));
        assert!(!keys.rotate(), "a rotation under way goes on with the same key");
        assert_eq!((keys.current, keys.retire()), (prepared, 1));
        assert!(keys.rotate());
        assert_ne!(keys.current, prepared);
    }

    #[test]
    fn cf_03_the_file_is_replaced_whole_for_its_owner_alone_and_through_a_link() {
        let (folder, path) = made();
        let link = folder.path().join("link.key");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        // What somebody left whose rotation broke off.
        fs::write(beside(&path), "half a").unwrap();
        let before = fs::metadata(&path).unwrap().ino();
        let mut keys = KeyFile::read(&link).unwrap();
        keys.rotate();
        keys.write(&link).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_ne!(fs::metadata(&path).unwrap().ino(), before, "written beside and renamed");
        assert_eq!(mode(&path), 0o600);
        assert!(!beside(&path).exists());
        assert!(KeyFile::read(&path).unwrap().has_older());
    }

    #[test]
    fn cf_03_a_file_that_cannot_be_replaced_stays_as_it_was() {
        let (_folder, path) = made();
        let before = fs::read_to_string(&path).unwrap();
        let mut keys = KeyFile::read(&path).unwrap();
        keys.rotate();
        let refused = || {
            let error = keys.write(&path).unwrap_err();
            assert!(matches!(error, KeyError::NotWritable { .. }), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), before);
        };
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        refused();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        // What stands in the place of the new file cannot be taken away; this holds for root, too.
        fs::create_dir(beside(&path)).unwrap();
        refused();
    }
}
