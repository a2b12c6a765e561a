//! Leases on work that one instance does at a time. The lease of a process that dies expires, and another one takes the work.

use super::{StorageError, Tx, changed, run, statements};
use app::domain::time::{Span, Timestamp};

statements! {
    TAKE = "
        INSERT INTO job_leases (job, leased_until) VALUES ($1, $2)
            ON CONFLICT (job) DO UPDATE SET leased_until = excluded.leased_until WHERE job_leases.leased_until <= $3";
    LOCK = "
        INSERT INTO job_leases (job, leased_until) VALUES ($1, 0)
            ON CONFLICT (job) DO UPDATE SET leased_until = job_leases.leased_until";
    MOVE = "UPDATE job_leases SET leased_until = $3 WHERE job = $1 AND leased_until = $2";
}

/// How long a lease lasts when its holder does nothing.
const LEASE_TTL: Span = Span::minutes(2);

/// The lease on a job.
#[derive(Debug)]
pub struct JobLease {
    job: &'static str,
    until: Timestamp,
}

/// Takes the lease, unless somebody else has it.
pub async fn take(tx: &mut Tx, job: &'static str, now: Timestamp) -> Result<Option<JobLease>, StorageError> {
    let until = now + LEASE_TTL;
    let taken = changed!(tx, TAKE, job, until.0, now.0)?;
    Ok((taken == 1).then_some(JobLease { job, until }))
}

/// Lets nobody else into this job until the transaction ends: for what is done within one transaction.
pub async fn lock(tx: &mut Tx, job: &'static str) -> Result<(), StorageError> {
    run!(tx, LOCK, job)
}

impl JobLease {
    /// Renews the lease; `false` if it was lost. Each transaction of the job begins with it.
    pub async fn renew(&mut self, tx: &mut Tx, now: Timestamp) -> Result<bool, StorageError> {
        // Never backwards, since the lease would then expire before its time.
        let until = (now + LEASE_TTL).max(self.until);
        let kept = self.move_to(tx, until).await?;
        self.until = until;
        Ok(kept)
    }

    /// Releases the lease.
    pub async fn release(self, tx: &mut Tx) -> Result<(), StorageError> {
        self.move_to(tx, Timestamp(0)).await?;
        Ok(())
    }

    async fn move_to(&self, tx: &mut Tx, until: Timestamp) -> Result<bool, StorageError> {
        let moved = changed!(tx, MOVE, self.job, self.until.0, until.0)?;
        Ok(moved == 1)
    }
}
