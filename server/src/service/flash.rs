//! Flashes: what a form has to show on the page that it leads to; sealed, for its own session, and for a quarter of an hour.

use super::Services;
use crate::{
    secrets::SealedFor,
    storage::{Tx, flashes},
};
use app::{
    api::login_methods::Notice,
    domain::{
        fields::FieldErrors,
        ids::{FlashId, SessionId},
        oauth::ConfigurationForm,
        time::Span,
    },
    error::AppError,
    ports::Typed,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

const KEPT: Span = Span::minutes(15);

/// What a page has to show beside what is there.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Flash {
    /// What came of the form.
    pub(super) notice: Option<Notice>,
    /// What was typed into the form of a login method, without secrets.
    pub(super) form: Option<ConfigurationForm>,
    /// What was typed into a form that came back with an error, without secrets.
    #[serde(default)]
    pub(super) typed: Typed,
    /// What is wrong with it.
    pub(super) errors: FieldErrors,
}

impl Flash {
    /// A flash that only says how it went.
    pub(super) fn notice(notice: Notice) -> Self {
        Self { notice: Some(notice), ..Self::default() }
    }
}

impl Services {
    /// Keeps a flash, and answers the address of `page` that shows it.
    pub(super) async fn flash(
        &self,
        tx: &mut Tx,
        session: SessionId,
        page: &str,
        flash: &Flash,
    ) -> Result<String, AppError> {
        let (id, now) = (FlashId(Uuid::now_v7()), self.now());
        let plain = serde_json::to_vec(flash).unwrap_or_default();
        let sealed = self.keyring.seal(SealedFor::Flash(id), &plain);
        flashes::insert(tx, id, session, &sealed, now + KEPT, now).await?;
        let joint = if page.contains('?') { '&' } else { '?' };
        Ok(format!("{page}{joint}flash={id}"))
    }

    /// The flash of this session; an empty one if there is none (any more).
    pub(super) async fn flashed(
        &self,
        tx: &mut Tx,
        session: SessionId,
        id: Option<FlashId>,
    ) -> Result<Flash, AppError> {
        let Some(id) = id else { return Ok(Flash::default()) };
        let Some(sealed) = flashes::find(tx, id, session, self.now()).await? else { return Ok(Flash::default()) };
        let plain = self.keyring.open(SealedFor::Flash(id), &sealed)?;
        Ok(serde_json::from_slice(&plain).unwrap_or_default())
    }
}
