//! Hashes and measures passwords: argon2id and zxcvbn, off the async threads, as many at once as there are cores (PW-06, PW-07).

use crate::metrics::{Metrics, Present};
use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::{
        self, CustomizedPasswordHasher, PasswordHasher, PasswordVerifier,
        phc::{Output, ParamsString, PasswordHash, Salt},
    },
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use thiserror::Error;
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization;

/// A password could not be hashed.
#[derive(Debug, Error)]
pub enum HashError {
    /// Too many at once.
    #[error("too many passwords at once")]
    Busy,
    /// The hash function failed.
    #[error("hashing failed: {0}")]
    Failed(String),
}

/// Hashes and verifies passwords, and runs other work that is as expensive in turn.
pub struct Hasher {
    turns: Arc<Semaphore>,
    argon2id: Arc<Argon2id>,
    /// How long a request waits for its turn before the answer is 503.
    turn_timeout: Duration,
    /// Stands in for the password hash of an unknown user, so that verifying takes the same time (EN-01).
    nobody: String,
    metrics: Arc<Metrics>,
}

impl Hasher {
    /// A hasher for this machine.
    pub fn new(turn_timeout: Duration, metrics: Arc<Metrics>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            turns: Arc::new(Semaphore::new(cores)),
            argon2id: Arc::default(),
            turn_timeout,
            nobody: HASH_OF_NOBODY.to_owned(),
            metrics,
        }
    }

    /// The hash of a password, in PHC form with its own salt.
    ///
    /// # Errors
    /// [`HashError`].
    pub async fn hash(&self, password: &str) -> Result<String, HashError> {
        let (password, argon2id) = (normalised(password), Arc::clone(&self.argon2id));
        self.in_turn(move || argon2id.hash_password(password.as_bytes()).map(|hash| hash.to_string()))
            .await?
            .map_err(|error| HashError::Failed(error.to_string()))
    }

    /// Does the password fit the hash? Without a hash, the same work is done and the answer is no.
    ///
    /// # Errors
    /// [`HashError`].
    pub async fn verify(&self, password: &str, phc: Option<&str>) -> Result<bool, HashError> {
        let (password, argon2id) = (normalised(password), Arc::clone(&self.argon2id));
        let known = phc.is_some();
        let phc = phc.unwrap_or(&self.nobody).to_owned();
        let fits = self
            .in_turn(move || {
                PasswordHash::new(&phc).is_ok_and(|hash| argon2id.verify_password(password.as_bytes(), &hash).is_ok())
            })
            .await?;
        Ok(known && fits)
    }

    /// Was this hash made with weaker parameters than today's (PW-06)?
    pub fn is_outdated(&self, phc: &str) -> bool {
        let today = argon2::Params::default();
        PasswordHash::new(phc)
            .ok()
            .and_then(|hash| argon2::Params::try_from(&hash).ok())
            .is_none_or(|made| made.m_cost() < today.m_cost() || made.t_cost() < today.t_cost())
    }

    /// Runs expensive work on a thread of its own, when it is its turn.
    ///
    /// # Errors
    /// [`HashError::Busy`] if its turn does not come in time.
    pub async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, HashError> {
        let waiting = Present::of(&self.metrics.password_work_waiting);
        let turn = tokio::time::timeout(self.turn_timeout, Arc::clone(&self.turns).acquire_owned()).await;
        drop(waiting);
        let Ok(Ok(turn)) = turn else {
            self.metrics.password_work_refused.inc();
            return Err(HashError::Busy);
        };
        let took = self.metrics.password_work_duration_seconds.clone();
        tokio::task::spawn_blocking(move || {
            let began = Instant::now();
            let done = work();
            took.observe(began.elapsed().as_secs_f64());
            drop(turn);
            done
        })
        .await
        .map_err(|error| HashError::Failed(error.to_string()))
    }
}

/// argon2id that keeps its memory from hash to hash, as many times as hashes were made at once. Given back to the allocator each time, 19 MiB for
/// each of hundreds of sign-ins stay with the process for ever.
#[derive(Default)]
struct Argon2id {
    memory: Mutex<Vec<Vec<Block>>>,
}

impl CustomizedPasswordHasher<PasswordHash> for Argon2id {
    type Params = Params;

    /// As the library's own does it.
    fn hash_password_customized(
        &self,
        password: &[u8],
        salt: &[u8],
        algorithm: Option<&str>,
        version: Option<password_hash::Version>,
        params: Params,
    ) -> password_hash::Result<PasswordHash> {
        let algorithm = algorithm.map(Algorithm::try_from).transpose()?.unwrap_or_default();
        let version = version.map(Version::try_from).transpose()?.unwrap_or_default();
        let salt = Salt::new(salt)?;
        let described = ParamsString::try_from(&params)?;
        let (length, blocks) = (params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN), params.block_count());
        let mut out = [0; Output::MAX_LENGTH];
        let out = out.get_mut(..length).ok_or(password_hash::Error::OutputSize)?;
        let mut memory = self.kept().pop().unwrap_or_default();
        memory.resize(blocks, Block::new());
        let argon2 = Argon2::new(algorithm, version, params);
        let hashed = argon2.hash_password_into_with_memory(password, &salt, out, memory.as_mut_slice());
        self.kept().push(memory);
        hashed?;
        Ok(PasswordHash {
            algorithm: algorithm.ident(),
            version: Some(version.into()),
            params: described,
            salt: Some(salt),
            hash: Some(Output::new(out)?),
        })
    }
}

impl PasswordHasher<PasswordHash> for Argon2id {
    fn hash_password_with_salt(&self, password: &[u8], salt: &[u8]) -> password_hash::Result<PasswordHash> {
        self.hash_password_customized(password, salt, None, None, Params::default())
    }
}

impl Argon2id {
    fn kept(&self) -> std::sync::MutexGuard<'_, Vec<Vec<Block>>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// NFC, so that composed and decomposed forms are one password (PW-03).
fn normalised(password: &str) -> String {
    password.nfc().collect()
}

/// The hash of a random password that nobody knows, with today's parameters.
const HASH_OF_NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$8YpCK0hWc2NrVfm0n2ZDhA$UrrcSQfCLQ+5Z3kHk3kDE4pUQpRA1bJ4kN5kqxjWcDM";

#[cfg(test)]
mod tests {
    use super::*;

    const TURN_TIMEOUT: Duration = Duration::from_secs(60);

    #[tokio::test(flavor = "multi_thread")]
    async fn pw_07_what_does_not_get_its_turn_in_time_is_refused_and_what_runs_goes_on() {
        let hasher = Arc::new(Hasher::new(Duration::from_millis(200), Arc::default()));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let running: Vec<_> = (0..cores)
            .map(|_| {
                let hasher = Arc::clone(&hasher);
                tokio::spawn(async move { hasher.in_turn(|| std::thread::sleep(Duration::from_secs(1))).await })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(100)).await;
        let asked = Instant::now();
        assert!(matches!(hasher.verify("one too many", None).await, Err(HashError::Busy)));
        assert!(asked.elapsed() < Duration::from_millis(900), "the answer does not wait for what runs");
        for one in running {
            one.await.unwrap().unwrap();
        }
        assert!(!hasher.verify("now there is room", None).await.unwrap());
    }

    #[tokio::test]
    async fn pw_06_argon2id_with_a_salt_of_its_own_at_19_mib() {
        let hasher = Hasher::new(TURN_TIMEOUT, Arc::default());
        let (a, b) =
            (hasher.hash("correct horse battery").await.unwrap(), hasher.hash("correct horse battery").await.unwrap());
        assert!(a.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{a}");
        assert_ne!(a, b);
        assert!(hasher.verify("correct horse battery", Some(&a)).await.unwrap());
        assert!(!hasher.verify("correct horse batterz", Some(&a)).await.unwrap());
        assert!(!hasher.is_outdated(&a));
        assert!(hasher.is_outdated(
            "$argon2id$v=19$m=8192,t=1,p=1$8YpCK0hWc2NrVfm0n2ZDhA$UrrcSQfCLQ+5Z3kHk3kDE4pUQpRA1bJ4kN5kqxjWcDM"
        ));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn pw_07_hashes_keep_the_memory_of_as_many_as_there_are_cores() {
        let hasher = Arc::new(Hasher::new(TURN_TIMEOUT, Arc::default()));
        let hash = hasher.hash("correct horse battery").await.unwrap();
        assert!(
            Argon2::default().verify_password(b"correct horse battery", hash.as_str()).is_ok(),
            "the library's own"
        );
        let many: Vec<_> = (0..12)
            .map(|_| {
                let (hasher, hash) = (Arc::clone(&hasher), hash.clone());
                tokio::spawn(async move { hasher.verify("correct horse battery", Some(&hash)).await.unwrap() })
            })
            .collect();
        for one in many {
            assert!(one.await.unwrap());
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let kept = hasher.argon2id.kept();
        assert!((1..=cores).contains(&kept.len()), "{}", kept.len());
        assert!(kept.iter().all(|memory| memory.len() == Params::default().block_count()));
    }

    #[tokio::test]
    async fn pw_02_passwords_equal_in_the_first_72_bytes_differ() {
        let hasher = Hasher::new(TURN_TIMEOUT, Arc::default());
        let hash = hasher.hash(&format!("{}a", "x".repeat(72))).await.unwrap();
        assert!(!hasher.verify(&format!("{}b", "x".repeat(72)), Some(&hash)).await.unwrap());
    }

    #[tokio::test]
    async fn pw_03_composed_and_decomposed_forms_are_one_password() {
        let hasher = Hasher::new(TURN_TIMEOUT, Arc::default());
        let hash = hasher.hash("pa\u{df}wort m\u{fc}nchen").await.unwrap();
        assert!(hasher.verify("pa\u{df}wort mu\u{308}nchen", Some(&hash)).await.unwrap());
    }

    #[tokio::test]
    async fn en_01_an_unknown_user_costs_a_real_verification() {
        assert!(PasswordHash::new(HASH_OF_NOBODY).is_ok(), "the stand-in must parse, or nothing would be computed");
        assert!(!Hasher::new(TURN_TIMEOUT, Arc::default()).verify("anything at all", None).await.unwrap());
    }
}
