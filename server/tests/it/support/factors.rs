//! Second factors, as people use them.

use super::{Answer, Browser, World};
use app::{
    api::second_factors::{RecoveryCodes, SecondFactorAdded, SecondFactorsView, SecondStepView, TotpView},
    error::AppError,
};
use totp_rs::{Builder, Secret, Totp};

impl World {
    /// The same deployment, reached by a host name, as passkeys need one.
    pub fn with_host_name(&self) -> Self {
        self.configured(|config| config.base_url = "http://localhost:3000".parse().unwrap())
    }
}

/// An app on somebody's phone.
pub struct App {
    totp: Totp,
    /// The recovery codes that came with it, if it was the first factor.
    pub codes: Vec<String>,
}

impl App {
    /// From the key that the page shows.
    pub fn with_seed(seed: &str) -> Self {
        let seed = Secret::try_from_base32(seed.replace(' ', "")).unwrap();
        Self { totp: Builder::new().with_secret(seed).build().unwrap(), codes: Vec::new() }
    }

    /// What it shows now.
    pub fn shows(&self, world: &World) -> String {
        self.showed(world, 0)
    }

    /// What it showed, or will show, so many steps of thirty seconds from now.
    pub fn showed(&self, world: &World, steps: i64) -> String {
        let seconds = world.now().0 / 1000 + steps * 30;
        self.totp.generate(u64::try_from(seconds).unwrap()).to_string()
    }
}

impl Browser {
    /// Begins to set an app up: the factor's id, and what the page shows.
    pub async fn begins_app(&self) -> Result<(String, TotpView), AppError> {
        let page: String = self.call("second-factors/begin-totp", &[]).await?;
        let id = page.rsplit('/').next().unwrap().to_owned();
        let shown = self.call("second-factors/show-totp", &[("factor", &id)]).await?;
        Ok((id, shown))
    }

    /// Sets an app up, from the button to the code.
    pub async fn adds_app(&self) -> Result<App, AppError> {
        let (id, shown) = self.begins_app().await?;
        let mut app = App::with_seed(&shown.seed);
        let fields = [("form[factor]", id.as_str()), ("form[code]", &app.shows(self.world()))];
        let added: SecondFactorAdded = self.call("second-factors/confirm-totp", &fields).await?;
        app.codes = added.recovery_codes.map(|codes| codes.codes).unwrap_or_default();
        Ok(app)
    }

    pub async fn factors(&self) -> Result<SecondFactorsView, AppError> {
        self.call("second-factors/list", &[]).await
    }

    pub async fn removes_factor(&self, id: impl ToString) -> Result<(), AppError> {
        self.call("second-factors/remove", &[("factor", &id.to_string())]).await
    }

    pub async fn makes_recovery_codes(&self) -> Result<RecoveryCodes, AppError> {
        self.call("second-factors/make-recovery-codes", &[]).await
    }

    pub async fn second_step(&self) -> SecondStepView {
        self.call("session/view-second-step", &[]).await.unwrap()
    }

    /// The second step, by an app's code.
    pub async fn types_code(&self, code: &str) -> Result<String, AppError> {
        self.call("session/finish-sign-in", &[("form[code]", code)]).await
    }

    /// The second step, by a recovery code.
    pub async fn types_recovery_code(&self, code: &str) -> Result<String, AppError> {
        self.call("session/finish-sign-in", &[("form[recovery_code]", code)]).await
    }

    /// Both steps of signing in.
    pub async fn signs_in_with(&self, email: &str, app: &App) -> Result<String, AppError> {
        assert_eq!(self.sign_in(email, super::PASSWORD).await?, "/second-factor");
        self.types_code(&app.shows(self.world())).await
    }

    /// The second step, after which this browser is remembered.
    pub async fn types_code_and_is_remembered(&self, code: &str) -> Result<String, AppError> {
        self.call("session/finish-sign-in", &[("form[code]", code), ("form[remember]", "on")]).await
    }

    /// Reauthenticates for changes of the login.
    pub async fn confirms_by(&self, field: &str, value: &str) -> Result<String, AppError> {
        self.call("me/reauthenticate", &[(field, value)]).await
    }

    /// Posts the second step as the browser itself does.
    pub async fn submits_second_step(&self, fields: &[(&str, &str)]) -> Answer {
        self.submits("/second-factor", "session/finish-sign-in", fields).await
    }
}
