//! A browser: its cookies, and the calls that the pages make, through the server's own router.

use super::World;
use app::{
    api::{
        accounts::{AccountHome, NewAccount},
        invitations::{Invited, Link, Resent},
        joining::{Code, InvitationView, Joined, NewLink, OpenInvitation},
        members::{Edited, MemberDetails, Reactivated, RemovalPlan, Removed, Suspended, UsersPage},
        session::Me,
    },
    domain::{
        ids::MemberId,
        list::{ListQuery, StateFilter},
        member::{MemberRow, ShownState},
        role::{BuiltInRole, Grant},
    },
    error::AppError,
};
use axum::{
    body::{Body, BodyDataStream},
    http::{HeaderMap, Method, Request, Response, StatusCode, header},
};
use futures::StreamExt;
use serde::de::DeserializeOwned;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::timeout;
use tower::ServiceExt;

/// The password of everybody in the tests.
pub const PASSWORD: &str = "seventeen purple otters sing";

/// What somebody hears who is no more in the first account.
pub fn no_longer_in_acme() -> AppError {
    AppError::NoLongerAMember { account: "Acme".to_owned() }
}

/// How long a browser waits for an answer: longer than the server lets any take, even in a story with a slow turn at hashing a password.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(150);

/// A browser with its own cookies.
#[derive(Clone)]
pub struct Browser {
    world: World,
    cookies: Arc<Mutex<BTreeMap<String, String>>>,
    forwarded_for: Arc<Mutex<Option<String>>>,
    /// The account whose pages it shows.
    pub account: String,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn location(&self) -> &str {
        self.headers.get(header::LOCATION).map_or("", |location| location.to_str().unwrap())
    }

    /// The answer of a server function.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, AppError> {
        if self.status.is_success() {
            return Ok(serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body)));
        }
        Err(serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.body)))
    }
}

/// What an open page is told.
pub struct Events {
    body: BodyDataStream,
    read: String,
}

impl Events {
    /// The name of the next event; `None` when the stream has ended. What is not told within a quarter of a minute is not told.
    pub async fn next(&mut self) -> Option<String> {
        timeout(Duration::from_secs(15), self.read_event()).await.expect("an event or the end")
    }

    /// Nothing is told for a while.
    pub async fn tells_nothing(&mut self) {
        if let Ok(told) = timeout(Duration::from_millis(800), self.read_event()).await {
            panic!("told {told:?}");
        }
    }

    /// Reads on until nothing more is told for a while.
    pub async fn settles(&mut self) {
        while timeout(Duration::from_millis(800), self.read_event()).await.is_ok_and(|told| told.is_some()) {}
    }

    async fn read_event(&mut self) -> Option<String> {
        loop {
            while let Some((event, rest)) = self.read.split_once("\n\n") {
                let name = event.lines().find_map(|line| line.strip_prefix("event: ")).map(str::to_owned);
                self.read = rest.to_owned();
                if name.is_some() {
                    return name;
                }
            }
            let part = self.body.next().await?.unwrap();
            self.read.push_str(std::str::from_utf8(&part).unwrap());
        }
    }
}

/// Fields of a form.
pub type Fields<'a> = &'a [(&'a str, &'a str)];

fn encoded(fields: Fields<'_>) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

impl Browser {
    pub fn new(world: World) -> Self {
        Self { world, cookies: Arc::default(), forwarded_for: Arc::default(), account: "acme".to_owned() }
    }

    /// From now on a proxy says that this browser is at this address.
    pub fn comes_from(&self, ip: &str) {
        *self.forwarded_for.lock().unwrap() = Some(ip.to_owned());
    }

    /// The same cookies in front of another instance.
    pub fn at(&self, world: &World) -> Self {
        Self { world: world.clone(), ..self.clone() }
    }

    /// The same browser on another account's pages.
    pub fn on(&self, account: &str) -> Self {
        Self { account: account.to_owned(), ..self.clone() }
    }

    pub fn world(&self) -> &World {
        &self.world
    }

    pub fn cookie(&self, part: &str) -> Option<String> {
        self.cookies.lock().unwrap().iter().find(|(name, _)| name.contains(part)).map(|(_, value)| value.clone())
    }

    pub fn set_cookie(&self, name: &str, value: &str) {
        self.cookies.lock().unwrap().insert(name.to_owned(), value.to_owned());
    }

    /// Sends a request with this browser's cookies, and keeps those that come back. Of a stream without an end nothing is read.
    /// What gets no answer fails by what was asked.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let asked = format!("{} {}", request.method(), request.uri());
        timeout(ANSWER_TIMEOUT, self.answered(request)).await.unwrap_or_else(|_| panic!("no answer to {asked}"))
    }

    async fn answered(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.exchange(request).await.into_parts();
        let endless =
            parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream; charset=utf-8");
        let body = if endless { Body::empty() } else { body };
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Answer { status: parts.status, headers: parts.headers, body: String::from_utf8_lossy(&body).into_owned() }
    }

    async fn exchange(&self, mut request: Request<Body>) -> Response<Body> {
        let cookies = self
            .cookies
            .lock()
            .unwrap()
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("; ");
        // Passkeys need a name; everything else is reached by a number.
        let named = self.world.services.config.base_url.host_str() == Some("localhost");
        let host = if named { "localhost:3000" } else { "127.0.0.1:3000" };
        request.headers_mut().entry(header::HOST).or_insert(host.parse().unwrap());
        if let Some(ip) = self.forwarded_for.lock().unwrap().as_ref() {
            request.headers_mut().insert("x-forwarded-for", ip.parse().unwrap());
        }
        if !cookies.is_empty() {
            request.headers_mut().insert(header::COOKIE, cookies.parse().unwrap());
        }
        let response = self.world.router.clone().oneshot(request).await.unwrap();
        for set in response.headers().get_all(header::SET_COOKIE) {
            let (pair, rest) = set.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let mut jar = self.cookies.lock().unwrap();
            if value.is_empty() || rest.contains("Max-Age=0") {
                jar.remove(name);
            } else {
                jar.insert(name.to_owned(), value.to_owned());
            }
        }
        response
    }

    /// Opens the stream by which an open page of the account is told of changes.
    pub async fn watches(&self) -> Result<Events, StatusCode> {
        let request = Request::builder()
            .uri(format!("/a/{}/events", self.account))
            .header(header::ACCEPT, "text/event-stream")
            .header("sec-fetch-site", "same-origin")
            .body(Body::empty())
            .unwrap();
        let response = self.exchange(request).await;
        match response.status() {
            StatusCode::OK => Ok(Events { body: response.into_body().into_data_stream(), read: String::new() }),
            other => Err(other),
        }
    }

    /// Opens an address that was typed, or a link from elsewhere.
    pub async fn get(&self, path: &str) -> Answer {
        self.get_from("none", path).await
    }

    /// Presses a link on a page of ours.
    pub async fn presses(&self, path: &str) -> Answer {
        self.get_from("same-origin", path).await
    }

    async fn get_from(&self, site: &str, path: &str) -> Answer {
        let request = Request::builder()
            .uri(path)
            .header(header::ACCEPT, "text/html")
            .header("sec-fetch-site", site)
            .body(Body::empty())
            .unwrap();
        self.send(request).await
    }

    /// Opens a link and goes where it leads.
    pub async fn follow(&self, path: &str) -> Answer {
        let answer = self.get(path).await;
        if answer.status.is_redirection() { self.get(answer.location()).await } else { answer }
    }

    /// Posts a form to a server function, as the page's script does.
    pub async fn post(&self, function: &str, fields: Fields<'_>) -> Answer {
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("/api/{function}"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .header("sec-fetch-site", "same-origin")
            .body(Body::from(encoded(fields)))
            .unwrap();
        self.send(request).await
    }

    /// Asks a server function something about the account, as a page does by itself.
    pub async fn asks_in_background(&self, function: &str) -> Answer {
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("/api/{function}"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .header("sec-fetch-site", "same-origin")
            .header(app::rpc::BACKGROUND_HEADER, "1")
            .body(Body::from(encoded(&[("account", &self.account)])))
            .unwrap();
        self.send(request).await
    }

    /// Posts a form as the browser itself does, without scripting, and goes where that leads.
    pub async fn submits(&self, page: &str, function: &str, fields: Fields<'_>) -> Answer {
        let location = self.is_sent_on(Some(page), function, fields).await;
        self.get(&location).await
    }

    /// Posts a form as the browser itself does, perhaps without naming the page that it stands on; answers where that leads.
    pub async fn is_sent_on(&self, page: Option<&str>, function: &str, fields: Fields<'_>) -> String {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(format!("/api/{function}"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "text/html,application/xhtml+xml")
            .header("sec-fetch-site", "same-origin");
        if let Some(page) = page {
            request = request.header(header::REFERER, format!("http://127.0.0.1:3000{page}"));
        }
        let answer = self.send(request.body(Body::from(encoded(fields))).unwrap()).await;
        assert!(answer.status.is_redirection(), "{}: {}", answer.status, answer.body);
        assert!(answer.body.is_empty(), "{}", answer.body);
        answer.location().to_owned()
    }

    pub async fn call<T: DeserializeOwned>(&self, function: &str, fields: Fields<'_>) -> Result<T, AppError> {
        self.post(function, fields).await.read()
    }

    pub async fn call_in<T: DeserializeOwned>(&self, function: &str, fields: Fields<'_>) -> Result<T, AppError> {
        let mut all = vec![("account", self.account.as_str())];
        all.extend_from_slice(fields);
        self.call(function, &all).await
    }

    pub async fn set_up(&self, name: &str, slug: &str, email: &str) -> Result<String, AppError> {
        let fields = [
            ("form[account_name]", name),
            ("form[slug]", slug),
            ("form[name]", "Ana Owner"),
            ("form[email]", email),
            ("form[password]", PASSWORD),
        ];
        self.call("setup/set-up", &fields).await
    }

    pub async fn sign_in(&self, email: &str, password: &str) -> Result<String, AppError> {
        self.call("session/sign-in", &[("form[email]", email), ("form[password]", password)]).await
    }

    pub async fn sign_out(&self) {
        self.call::<String>("session/sign-out", &[]).await.unwrap();
    }

    pub async fn me(&self) -> Option<Me> {
        self.call("session/whoami", &[]).await.unwrap()
    }

    pub async fn home(&self) -> Result<AccountHome, AppError> {
        self.call_in("accounts/home", &[]).await
    }

    pub async fn opens_account(&self, name: &str, slug: &str) -> Result<NewAccount, AppError> {
        self.call("accounts/open", &[("form[account_name]", name), ("form[slug]", slug)]).await
    }

    pub async fn leaves(&self) -> Result<(), AppError> {
        self.call_in::<String>("accounts/leave", &[]).await.map(drop)
    }

    pub async fn list(&self, query: &ListQuery) -> Result<UsersPage, AppError> {
        let parts = [
            ("query[search]", query.search.clone()),
            ("query[role]", query.role.as_ref().map(ToString::to_string).unwrap_or_default()),
            ("query[state]", query.state.map(|state| state.key().to_owned()).unwrap_or_default()),
            ("query[sort]", serde_json::to_value(query.sort).unwrap().as_str().unwrap().to_owned()),
            ("query[method]", query.method.map(|method| method.to_string()).unwrap_or_default()),
            ("query[mail_trouble]", if query.mail_trouble { "true".to_owned() } else { String::new() }),
            ("query[with_extras]", if query.with_extras { "true".to_owned() } else { String::new() }),
            ("query[before]", query.before.as_ref().map(|cursor| cursor.as_str().to_owned()).unwrap_or_default()),
            ("query[after]", query.after.as_ref().map(|cursor| cursor.as_str().to_owned()).unwrap_or_default()),
        ];
        let parts: Vec<_> =
            parts.iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| (*key, value.as_str())).collect();
        self.call_in("users/list", &parts).await
    }

    /// The row with this address, removed ones included.
    pub async fn row(&self, email: &str) -> MemberRow {
        // The part before the @ is typed and stored in the same letters, whatever the domain.
        let search = email.split('@').next().unwrap().to_owned();
        for state in [None, Some(StateFilter::In(ShownState::Removed))] {
            let page = self.list(&ListQuery { search: search.clone(), state, ..ListQuery::default() }).await.unwrap();
            if let Some(row) = page.rows.into_iter().find(|row| row.email.eq_ignore_ascii_case(email)) {
                return row;
            }
        }
        panic!("no row of {email}");
    }

    pub async fn shows(&self, member: MemberId) -> Result<MemberDetails, AppError> {
        self.call_in("users/show", &[("member", &member.to_string())]).await
    }

    pub async fn invites(&self, email: &str, grant: &Grant) -> Result<Invited, AppError> {
        self.invites_with(email, grant, &[]).await
    }

    pub async fn invites_with(&self, email: &str, grant: &Grant, more: Fields<'_>) -> Result<Invited, AppError> {
        let page = self.list(&ListQuery::default()).await?;
        let method = page.facts.methods[0].id.to_string();
        let mut fields =
            vec![("form[method]", method.as_str()), ("form[email]", email), ("form[role]", grant.role.as_str())];
        fields.extend(grant.extras.iter().map(|key| ("form[extras][]", key.as_str())));
        fields.extend_from_slice(more);
        self.call_in("users/invite", &fields).await
    }

    pub async fn edits(&self, row: &MemberRow, grant: &Grant) -> Result<Edited, AppError> {
        self.edits_confirming(row, grant, "").await
    }

    pub async fn edits_confirming(&self, row: &MemberRow, grant: &Grant, slug: &str) -> Result<Edited, AppError> {
        let (id, version) = (row.id.to_string(), row.version.to_string());
        let mut fields = vec![
            ("form[member]", id.as_str()),
            ("form[version]", version.as_str()),
            ("form[role]", grant.role.as_str()),
            ("form[confirmation]", slug),
        ];
        fields.extend(grant.extras.iter().map(|key| ("form[extras][]", key.as_str())));
        self.call_in("users/edit", &fields).await
    }

    pub async fn removes(&self, row: &MemberRow) -> Result<Removed, AppError> {
        self.removes_with(row, "").await
    }

    pub async fn removes_with(&self, row: &MemberRow, sponsored: &str) -> Result<Removed, AppError> {
        let (id, version) = (row.id.to_string(), row.version.to_string());
        let fields =
            [("form[member]", id.as_str()), ("form[version]", version.as_str()), ("form[sponsored]", sponsored)];
        self.call_in("users/remove", &fields).await
    }

    pub async fn suspends(&self, row: &MemberRow) -> Result<Suspended, AppError> {
        let (id, version) = (row.id.to_string(), row.version.to_string());
        self.call_in("users/suspend", &[("form[member]", &id), ("form[version]", &version)]).await
    }

    pub async fn reactivates(&self, row: &MemberRow) -> Result<Reactivated, AppError> {
        self.call_in("users/reactivate", &[("member", &row.id.to_string())]).await
    }

    pub async fn plans_removal(&self, row: &MemberRow) -> Result<RemovalPlan, AppError> {
        self.call_in("users/plan-removal", &[("member", &row.id.to_string())]).await
    }

    pub async fn resends(&self, row: &MemberRow) -> Result<Resent, AppError> {
        self.call_in("users/resend", &[("member", &row.id.to_string())]).await
    }

    pub async fn copies_link(&self, row: &MemberRow) -> Result<Link, AppError> {
        self.call_in("users/copy-link", &[("member", &row.id.to_string())]).await
    }

    /// Opens an invitation's link: the token goes into a cookie, and the answer names the page. Answers the invitation's id.
    pub async fn opens_link(&self, link: &str) -> String {
        let path = link.strip_prefix("http://127.0.0.1:3000").unwrap_or(link);
        let answer = self.get(path).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        answer.location().strip_prefix("/invitation/").expect("leads to the invitation").to_owned()
    }

    pub async fn views(&self, invitation: &str) -> InvitationView {
        self.call("invitation/view", &[("invitation", invitation)]).await.unwrap()
    }

    pub async fn views_open(&self, invitation: &str) -> OpenInvitation {
        match self.views(invitation).await {
            InvitationView::Open(open) => *open,
            other => panic!("not open: {other:?}"),
        }
    }

    pub async fn signs_up(&self, invitation: &str, email: &str) -> Result<Joined, AppError> {
        self.signs_up_with(invitation, email, PASSWORD, &[]).await
    }

    pub async fn signs_up_with(
        &self,
        invitation: &str,
        email: &str,
        password: &str,
        more: Fields<'_>,
    ) -> Result<Joined, AppError> {
        let name = email.split('@').next().unwrap();
        let mut fields = vec![
            ("form[invitation]", invitation),
            ("form[email]", email),
            ("form[name]", name),
            ("form[password]", password),
        ];
        fields.extend_from_slice(more);
        self.call("invitation/sign-up", &fields).await
    }

    pub async fn asks_for_code(&self, invitation: &str) -> Result<Code, AppError> {
        self.call("invitation/mail-code", &[("invitation", invitation)]).await
    }

    pub async fn joins(&self, invitation: &str) -> Result<Joined, AppError> {
        self.call("invitation/join", &[("invitation", invitation)]).await
    }

    pub async fn declines(&self, invitation: &str) -> Result<(), AppError> {
        self.call("invitation/decline", &[("invitation", invitation)]).await
    }

    pub async fn asks_for_new_link(&self, invitation: &str) -> Result<NewLink, AppError> {
        self.call("invitation/ask-for-new-link", &[("invitation", invitation)]).await
    }

    /// Invites somebody, who signs up from the mail in a browser of their own.
    pub async fn brings_in(&self, email: &str, grant: &Grant) -> Browser {
        self.invites(email, grant).await.unwrap();
        let browser = self.world.browser().on(&self.account);
        let id = browser.opens_link(&self.world.link_to(email, 0).await).await;
        browser.signs_up(&id, email).await.unwrap();
        browser
    }

    /// As [`Self::brings_in`], with a built-in role alone.
    pub async fn brings_in_as(&self, email: &str, role: BuiltInRole) -> Browser {
        self.brings_in(email, &Grant::of(role)).await
    }
}
