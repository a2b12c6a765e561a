//! The ways in through a provider, as people go them: to the provider, back, and on.

use super::{
    Answer, Browser, World,
    provider::{CLIENT_SECRET, Provider},
};
use app::{
    api::{invitations::Invited, joining::Joined, login_methods::NextPage, members::Edited},
    domain::{
        member::MemberRow,
        oauth::{Configuration, ConfigurationForm},
        role::Grant,
    },
    error::AppError,
};
use serde_json::{Value, json};
use url::Url;

/// The test that a page is about.
pub fn attempt_in(page: &str) -> &str {
    page.split("name=\"form[attempt]\" value=\"").nth(1).expect("a test").split('"').next().unwrap()
}

impl World {
    /// The same deployment, for which these providers can be reached.
    pub fn with_providers(&self, providers: &[&Provider]) -> Self {
        self.configured(|config| config.oauth = Provider::settings_of(providers))
    }
}

impl World {
    /// Acme with a provider that its owner Ana has set up: the deployment that reaches it, the provider, Ana, and the method.
    pub async fn with_acme_sso(&self) -> (Self, Provider, Browser, String) {
        let provider = Provider::openid(self.clock.clone()).await;
        let world = self.with_providers(&[&provider]);
        let ana = world.owner("ana@example.org").await;
        let method = ana.sets_up(&provider, "Acme SSO", json!({ "sub": "00u-ana", "email": "ana@example.org" })).await;
        (world, provider, ana, method)
    }
}

impl Browser {
    /// Adds a login method, saves a configuration for it, and signs in as a test; the method's id. It is live if `claims` pass.
    pub async fn sets_up(&self, provider: &Provider, name: &str, claims: Value) -> String {
        let method = self.adds_method().await;
        self.saves(&method, name, &provider.configuration()).await;
        self.tests(provider, &method, claims).await;
        method
    }

    /// Lets people be invited by this method without an identifier (R67).
    pub async fn leaves_identifiers_open(&self, provider: &Provider, method: &str) {
        let open = Configuration { first_sign_in: true, ..provider.configuration() };
        self.saves(method, "Acme SSO", &open).await;
        let ana = json!({ "sub": "00u-ana", "email": "ana@example.org", "email_verified": true });
        self.tests(provider, method, ana).await;
    }

    /// Adds a login method with nothing set up.
    pub async fn adds_method(&self) -> String {
        let fields = [("account", self.account.as_str()), ("preset", "openid")];
        let page: NextPage = self.call("login-methods/add", &fields).await.unwrap();
        page.path.rsplit('/').next().unwrap().split('?').next().unwrap().to_owned()
    }

    /// Saves a draft; the page that says how it went.
    pub async fn saves(&self, method: &str, name: &str, configuration: &Configuration) -> Answer {
        self.saves_with_secret(method, name, configuration, CLIENT_SECRET).await
    }

    /// As [`Self::saves`], with this in the field for the client secret.
    pub async fn saves_with_secret(
        &self,
        method: &str,
        name: &str,
        configuration: &Configuration,
        secret: &str,
    ) -> Answer {
        let form = ConfigurationForm::from((name, configuration));
        self.sends(&ConfigurationForm { method: method.to_owned(), client_secret: secret.to_owned(), ..form }).await
    }

    /// Sends the form of a login method; the page that says how it went.
    pub async fn sends(&self, form: &ConfigurationForm) -> Answer {
        let Value::Object(typed) = serde_json::to_value(form).unwrap() else { panic!("a form is an object") };
        let mut fields = vec![("account".to_owned(), self.account.clone())];
        fields
            .extend(typed.into_iter().map(|(key, value)| (format!("form[{key}]"), value.as_str().unwrap().to_owned())));
        let fields: Vec<_> = fields.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let page = format!("/a/{}/settings/login-methods/{}", self.account, form.method);
        self.submits(&page, "login-methods/save", &fields).await
    }

    /// Signs in as a test; the page with what came of it.
    pub async fn tests(&self, provider: &Provider, method: &str, claims: Value) -> Answer {
        let start = format!("/a/{}/settings/login-methods/{method}/test", self.account);
        let tested = self.goes_through(provider, &start, claims).await;
        self.get(tested.location()).await
    }

    /// Follows a link to the provider, signs in there, and comes back: where Roster leads then.
    pub async fn goes_through(&self, provider: &Provider, start: &str, claims: Value) -> Answer {
        provider.signs_in_as(claims);
        let begun = self.presses(start).await;
        assert!(begun.location().starts_with("https://"), "{start} leads to {:?}", begun.location());
        let back = Url::parse(&provider.visit(begun.location()).await).unwrap();
        self.get(&format!("{}?{}", back.path(), back.query().unwrap())).await
    }

    /// Signs in by a method.
    pub async fn signs_in_by(&self, provider: &Provider, method: &str, claims: Value) -> Answer {
        self.goes_through(provider, &format!("/oauth/{method}/start"), claims).await
    }

    /// Invites somebody by a provider's method.
    pub async fn invites_by(
        &self,
        method: &str,
        email: &str,
        identifier: &str,
        grant: &Grant,
    ) -> Result<Invited, AppError> {
        let mut fields = vec![
            ("account", self.account.as_str()),
            ("form[method]", method),
            ("form[email]", email),
            ("form[identifier]", identifier),
            ("form[role]", grant.role.as_str()),
        ];
        fields.extend(grant.extras.iter().map(|key| ("form[extras][]", key.as_str())));
        self.call("users/invite", &fields).await
    }

    /// Gives a row another way in; role and extras stay.
    pub async fn changes_login_method(
        &self,
        row: &MemberRow,
        method: &str,
        identifier: &str,
    ) -> Result<Edited, AppError> {
        let (id, version) = (row.id.to_string(), row.version.to_string());
        let mut fields = vec![
            ("account", self.account.as_str()),
            ("form[member]", id.as_str()),
            ("form[version]", version.as_str()),
            ("form[role]", row.grant.role.as_str()),
            ("form[method]", method),
            ("form[identifier]", identifier),
        ];
        fields.extend(row.grant.extras.iter().map(|key| ("form[extras][]", key.as_str())));
        self.call("users/edit", &fields).await
    }

    /// Goes from an invitation's page to the provider and back: where Roster leads then.
    pub async fn arrives(&self, provider: &Provider, method: &str, invitation: &str, claims: Value) -> Answer {
        self.goes_through(provider, &format!("/oauth/{method}/start?invitation={invitation}"), claims).await
    }

    /// The last step of joining, after [`Self::arrives`].
    pub async fn joins_by(&self, invitation: &str, arrived: &Answer, name: &str) -> Result<Joined, AppError> {
        let attempt = arrived.location().split("attempt=").nth(1).unwrap_or_default().to_owned();
        let fields = [("form[invitation]", invitation), ("form[attempt]", attempt.as_str()), ("form[name]", name)];
        self.call("invitation/join-by-method", &fields).await
    }

    /// Invites somebody by a provider, who joins from the mail in a browser of their own.
    pub async fn brings_in_by(
        &self,
        provider: &Provider,
        method: &str,
        email: &str,
        claims: Value,
        grant: &Grant,
    ) -> Browser {
        let identifier = claims["sub"].as_str().expect("known by sub").to_owned();
        self.invites_by(method, email, &identifier, grant).await.unwrap();
        let browser = self.world().browser().on(&self.account);
        let id = browser.opens_link(&self.world().link_to(email, 0).await).await;
        let arrived = browser.arrives(provider, method, &id, claims).await;
        browser.joins_by(&id, &arrived, email.split('@').next().unwrap()).await.unwrap();
        browser
    }
}
