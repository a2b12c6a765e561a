//! Settings → Audit: reading what was changed in an account.

mod export_audit;
pub(super) mod list_audit_events;
mod show_access;
