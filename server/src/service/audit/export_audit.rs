//! Settings → Audit: the events of a view as a file, read in parts, so that no transaction is long and nothing is held whole.

use super::list_audit_events::{filter, lines};
use crate::{context::Services, service::actors, storage::audit::EventFilter};
use app::{
    api::audit::AuditLine,
    domain::{audit::AuditQuery, permission::Gate, role::Roles},
    error::AppError,
    request::Caller,
};

/// Events that are read at a time.
const BATCH_EVENTS: i64 = 500;

impl Services {
    /// Whether the caller may export, and the account's roles, which word the file. Needs `audit.read`. The log says who exported (LG-01); a
    /// link that is opened writes nothing (BR-05).
    ///
    /// # Errors
    /// As for every operation in an account, and the policy's refusal.
    pub async fn begin_audit_export(&self, caller: &Caller) -> Result<Roles, AppError> {
        let mut tx = self.database.begin_read().await?;
        let actor = actors::load_with(self, &mut tx, caller, Gate::AuditRead).await?;
        tracing::info!(account = %actor.slug, member = %actor.member, "audit log exported");
        Ok(actor.roles)
    }

    /// The next part of an export: the events of a view before this number, newest first; none at its end. The caller's right is looked at
    /// each time.
    ///
    /// # Errors
    /// As for [`Self::begin_audit_export`].
    pub async fn export_audit(
        &self,
        caller: &Caller,
        query: &AuditQuery,
        before: i64,
    ) -> Result<Vec<AuditLine>, AppError> {
        let mut tx = self.database.begin_read().await?;
        let actor = actors::load_with(self, &mut tx, caller, Gate::AuditRead).await?;
        let Some(filter) = filter(&mut tx, &actor, query).await? else { return Ok(Vec::new()) };
        Ok(lines(&mut tx, &actor, EventFilter { before, ..filter }, BATCH_EVENTS).await?)
    }
}
