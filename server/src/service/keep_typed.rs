//! What somebody without scripting typed into a form that comes back with an error: kept for the page, so that nothing is typed twice.

use super::{Services, flash::Flash};
use app::{
    domain::ids::FlashId,
    error::AppError,
    ports::{Typed, Visitor},
};
use url::form_urlencoded;

/// More than people type.
const LARGEST: usize = 8 * 1024;
/// The ends of the names of fields that are never kept: whoever typed them types them again.
const SECRET: [&str; 3] = ["password]", "secret]", "code]"];

impl Services {
    /// Keeps the fields of a form, and answers the page's address with what brings them back. A page for people who are not signed in
    /// stays as it is: there is nothing that what they typed could be bound to.
    pub(crate) async fn keep_typed(&self, visitor: &Visitor, form: &[u8], page: &str) -> Result<String, AppError> {
        let Some(signed_in) = &visitor.signed_in else { return Ok(page.to_owned()) };
        if form.len() > LARGEST {
            return Ok(page.to_owned());
        }
        let typed = without_secrets(form);
        let mut tx = self.database.begin_write().await?;
        let flash = Flash { typed, ..Flash::default() };
        let path = self.flash(&mut tx, signed_in.session, &without_flash(page), &flash).await?;
        tx.commit().await?;
        Ok(path)
    }

    /// What [`Self::keep_typed`] kept.
    pub(crate) async fn typed(&self, visitor: &Visitor, id: FlashId) -> Result<Typed, AppError> {
        let Some(signed_in) = &visitor.signed_in else { return Ok(Typed::default()) };
        let mut tx = self.database.begin_read().await?;
        Ok(self.flashed(&mut tx, signed_in.session, Some(id)).await?.typed)
    }
}

fn without_secrets(form: &[u8]) -> Typed {
    let fields = form_urlencoded::parse(form).into_owned();
    Typed(fields.filter(|(name, _)| !SECRET.iter().any(|end| name.ends_with(end))).collect())
}

/// A page that comes back for the second time has an earlier flash in its address.
pub(crate) fn without_flash(page: &str) -> String {
    let Some((path, query)) = page.split_once('?') else { return page.to_owned() };
    let kept: Vec<_> = query.split('&').filter(|pair| !pair.starts_with("flash=")).collect();
    if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oa_17_nothing_secret_is_kept_of_a_form() {
        let form =
            b"form%5Bemail%5D=a&form[password]=b&form[client_secret]=c&form[code]=d&form[client_id]=e&account=acme";
        let kept: Vec<_> = without_secrets(form).0.into_iter().map(|(name, _)| name).collect();
        assert_eq!(kept, ["form[email]", "form[client_id]", "account"]);
    }

    #[test]
    fn an_address_has_one_flash() {
        assert_eq!(without_flash("/a/acme?x=1&flash=7&__err=y"), "/a/acme?x=1&__err=y");
        assert_eq!(without_flash("/a/acme?flash=7"), "/a/acme");
        assert_eq!(without_flash("/a/acme"), "/a/acme");
    }
}
