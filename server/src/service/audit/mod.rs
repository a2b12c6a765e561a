//! Settings → Audit: reading what was changed in an account.

mod export_audit;
mod list_audit_events;
