//! Invites more people than one request takes: part after part, with what came of each (R54, F13). Whoever leaves the page stops it; the same file
//! again goes on, since nobody is invited twice.

use super::{
    super::Users,
    look_up::would_invite,
    results::{key_of, key_of_standing, why_not},
};
use crate::{
    api::{
        invitations::{InviteSeveral, InviteSeveralForm, Invited, InvitedOne, LookedUpOne},
        members::AccountFacts,
    },
    components::{Button, Icon, Look, Note, NoteTone},
    domain::{
        csv_line::csv_line,
        member::MailState,
        pasted_people::{MAX_PEOPLE_AT_ONCE, PastedPerson, part_len},
        people_table::write_table,
        role::Roles,
    },
    error::AppError,
    i18n::{Locale, error_text, grouped, text},
    rpc::call,
};
use leptos::{ev, prelude::*, task::spawn_local};
use std::sync::Arc;
use web_sys::{Blob, Url, js_sys::Array, wasm_bindgen::JsValue};

/// The most lines about people who were not invited; the file has them all.
const MAX_LINES: usize = 50;

/// A person, and what came of them.
type Row = (PastedPerson, Option<LookedUpOne>, Option<InvitedOne>);

/// The invitations of many people.
#[derive(Clone, Copy)]
pub(super) struct InParts {
    rows: RwSignal<Vec<Row>>,
    /// How many have been sent of those to be sent.
    sent: RwSignal<usize>,
    to_send: RwSignal<usize>,
    state: RwSignal<State>,
    account: StoredValue<String>,
    form: StoredValue<InviteSeveralForm>,
}

#[derive(Clone, Debug, PartialEq)]
enum State {
    NotBegun,
    UnderWay,
    /// Somebody stops it; the part that was sent last is waited for.
    Stopping,
    /// All was sent, or somebody stopped it.
    Ended,
    /// A part could not be sent.
    Failed(AppError),
}

impl InParts {
    pub(super) fn new() -> Self {
        Self {
            rows: RwSignal::new(Vec::new()),
            sent: RwSignal::new(0),
            to_send: RwSignal::new(0),
            state: RwSignal::new(State::NotBegun),
            account: StoredValue::new(String::new()),
            form: StoredValue::new(InviteSeveralForm::default()),
        }
    }

    pub(super) fn has_begun(self) -> bool {
        self.state.with(|state| *state != State::NotBegun)
    }

    /// Is a part being sent, or the next one about to be?
    pub(super) fn is_under_way(self) -> Signal<bool> {
        Signal::derive(move || self.state.with(|state| matches!(state, State::UnderWay | State::Stopping)))
    }

    /// Begins to invite those who can be.
    pub(super) fn begin(
        self,
        account: String,
        form: InviteSeveralForm,
        people: Vec<(PastedPerson, Option<LookedUpOne>)>,
    ) {
        let is_to_be_sent =
            |known: &Option<LookedUpOne>| known.as_ref().is_some_and(|one| would_invite(one, &form.again));
        self.to_send.set(people.iter().filter(|(_, known)| is_to_be_sent(known)).count());
        self.sent.set(0);
        self.rows.set(people.into_iter().map(|(person, known)| (person, known, None)).collect());
        self.account.set_value(account);
        self.form.set_value(form);
        self.go_on();
    }

    fn go_on(self) {
        self.state.set(State::UnderWay);
        spawn_local(async move {
            while self.state.try_get_untracked() == Some(State::UnderWay) {
                let part = self.next_part();
                if part.is_empty() {
                    self.state.set(State::Ended);
                    return;
                }
                let people: Vec<_> = part.iter().map(|(_, person)| person.clone()).collect();
                let form = InviteSeveralForm { people: write_table(&people), ..self.form.get_value() };
                let answer = call(InviteSeveral { account: self.account.get_value(), form }).await;
                // The dialog was closed meanwhile.
                if self.rows.is_disposed() {
                    return;
                }
                match answer {
                    Ok(results) if results.len() == part.len() => self.keep(part, results),
                    Ok(_) => self.fail(AppError::Transport),
                    Err(error) => self.fail(error),
                }
            }
            if self.state.try_get_untracked() == Some(State::Stopping) {
                self.state.set(State::Ended);
            }
        });
    }

    /// Keeps what came of a part. Whom nobody looked at, because the session or the database went in the middle, is sent again when it goes on.
    fn keep(self, part: Vec<(usize, PastedPerson)>, results: Vec<InvitedOne>) {
        let mut why = None;
        self.rows.update(|rows| {
            for ((at, _), result) in part.into_iter().zip(results) {
                match &result.result {
                    Err(error) if is_about_caller(error) => why = Some(error.clone()),
                    Ok(_) | Err(_) => {
                        self.sent.update(|sent| *sent += 1);
                        if let Some(row) = rows.get_mut(at) {
                            row.2 = Some(result);
                        }
                    }
                }
            }
        });
        if let Some(error) = why {
            self.fail(error);
        }
    }

    fn fail(self, error: AppError) {
        self.state.update(|state| {
            if *state == State::UnderWay {
                *state = State::Failed(error);
            }
        });
    }

    fn stop(self) {
        self.state.update(|state| {
            *state = if *state == State::UnderWay { State::Stopping } else { State::Ended };
        });
    }

    /// The next people to be invited, with their places.
    fn next_part(self) -> Vec<(usize, PastedPerson)> {
        let again = self.form.with_value(|form| form.again.clone());
        self.rows.with_untracked(|rows| {
            let waiting = rows.iter().enumerate().filter(|(_, (_, known, result))| {
                result.is_none() && known.as_ref().is_some_and(|one| would_invite(one, &again))
            });
            let mut part: Vec<_> =
                waiting.take(MAX_PEOPLE_AT_ONCE).map(|(at, (person, ..))| (at, person.clone())).collect();
            part.truncate(part_len(part.iter().map(|(_, person)| person)));
            part
        })
    }
}

/// How far it is, and in the end what came of it.
pub(super) fn in_parts_view(users: Users, facts: Arc<AccountFacts>, in_parts: InParts) -> AnyView {
    let locale = users.locale;
    // Closing the window in the middle is asked about.
    Effect::new(move |_| {
        let leaving = window_event_listener(ev::beforeunload, move |event| {
            if untrack(|| in_parts.is_under_way().get()) {
                event.prevent_default();
            }
        });
        on_cleanup(move || leaving.remove());
    });
    Effect::new(move |_| {
        if in_parts.state.with(|state| *state == State::Ended) {
            users.page.refetch();
        }
    });
    let count = move |count: usize| grouped(locale, count as u64);
    let progress = move || {
        let (sent, all) = (in_parts.sent.get(), in_parts.to_send.get());
        let words = text!(locale, users.parts_progress, done = count(sent), all = count(all));
        view! {
            <p class="several-progress">
                <progress max=all.to_string() value=sent.to_string() aria-label=words.clone()></progress>
                <span role="status">{words}</span>
            </p>
        }
    };
    let state = Memo::new(move |_| in_parts.state.get());
    let below = move || match state.get() {
        State::NotBegun => ().into_any(),
        State::UnderWay => view! {
            <p class="field-hint">{text!(locale, users.parts_stay)}</p>
            <div class="actions">
                <Button look=Look::Plain on_click=Callback::new(move |()| in_parts.stop())>
                    {text!(locale, users.parts_stop)}
                </Button>
            </div>
        }
        .into_any(),
        State::Stopping => view! { <p class="field-hint">{text!(locale, users.parts_stopping)}</p> }.into_any(),
        State::Ended => ended(users, &facts.roles, in_parts).into_any(),
        State::Failed(error) => view! {
            <Note tone=NoteTone::Bad icon="alert">
                <p>{error_text(locale, &error)}</p>
            </Note>
            <div class="actions">
                <Button on_click=Callback::new(move |()| in_parts.go_on())>{text!(locale, users.parts_go_on)}</Button>
                <Button look=Look::Plain on_click=Callback::new(move |()| in_parts.stop())>
                    {text!(locale, users.parts_stop)}
                </Button>
            </div>
        }
        .into_any(),
    };
    view! {
        <div class="form">{progress} {below}</div>
    }
    .into_any()
}

/// What came of all of it.
fn ended(users: Users, roles: &Roles, in_parts: InParts) -> impl IntoView + use<> {
    let locale = users.locale;
    let rows = in_parts.rows.get_untracked();
    let invited = rows.iter().filter(|row| outcome(row) == "invited").count();
    let title = text!(
        locale,
        users.several_some,
        count = grouped(locale, invited as u64),
        all = grouped(locale, rows.len() as u64)
    );
    let others: Vec<_> = rows.iter().filter(|row| outcome(row) != "invited").collect();
    let more = others.len().saturating_sub(MAX_LINES);
    let lines: Vec<_> = others
        .into_iter()
        .take(MAX_LINES)
        .map(|row| {
            let words = words_of(locale, roles, row);
            view! { <li><strong>{row.0.email.clone()}</strong> " " {words}</li> }
        })
        .collect();
    let more = (more > 0)
        .then(|| view! { <li>{text!(locale, users.look_up_more, count = grouped(locale, more as u64))}</li> });
    let file = result_file(locale, roles, &rows);
    if let Some(file) = file.clone() {
        on_cleanup(move || drop(Url::revoke_object_url(&file)));
    }
    let tone = if invited == rows.len() { NoteTone::Good } else { NoteTone::Plain };
    view! {
        <Note tone icon="info">
            <p tabindex="-1" data-autofocus="">{title}</p>
        </Note>
        <ul class="several-results">{lines} {more}</ul>
        <div class="actions">
            <a class="button button-primary" href=move || users.list() data-noscroll="">{text!(locale, users.done)}</a>
            {file.map(|href| view! {
                <a class="button" href=href download="invitations.csv" rel="external">
                    <Icon name="download" />
                    {text!(locale, users.parts_file)}
                </a>
            })}
        </div>
    }
}

/// What came of a row, in a word that is the same in every language.
fn outcome((_, known, result): &Row) -> &'static str {
    match (result, known) {
        (Some(result), _) => key_of(&result.result),
        (None, Some(known)) => match key_of_standing(&known.standing) {
            "new" => "not_sent",
            other => other,
        },
        (None, None) => "not_sent",
    }
}

fn words_of(locale: Locale, roles: &Roles, (_, known, result): &Row) -> String {
    let error = match (result, known) {
        (Some(InvitedOne { result: Err(error), .. }), _) => Some(error),
        (Some(InvitedOne { result: Ok(_), .. }), _) => None,
        (None, known) => known.as_ref().and_then(|known| known.standing.as_ref().err()),
    };
    if let Some(error) = error {
        return why_not(locale, roles, error);
    }
    if let Some(InvitedOne { result: Ok(Invited::Done { mail, .. }), .. }) = result {
        return match mail {
            MailState::NoMailServer => text!(locale, users.several_not_mailed).to_owned(),
            MailState::Queued { until: Some(_) } => text!(locale, users.parts_mailed_later).to_owned(),
            MailState::Queued { until: None }
            | MailState::Accepted { .. }
            | MailState::Deferred { .. }
            | MailState::Unanswered { .. }
            | MailState::Refused { .. } => text!(locale, users.several_done).to_owned(),
        };
    }
    match outcome(&(PastedPerson::default(), known.clone(), result.clone())) {
        "member" => text!(locale, users.parts_member),
        "already_invited" => text!(locale, users.several_invited),
        "suspended" => text!(locale, users.several_suspended),
        "removed_before" => text!(locale, users.several_removed),
        _ => text!(locale, users.parts_not_sent),
    }
    .to_owned()
}

/// The address of a file with the result of each row (IN-07), made in the browser.
fn result_file(locale: Locale, roles: &Roles, rows: &[Row]) -> Option<String> {
    let mut text = csv_line(["email", "result", "detail"]);
    for row in rows {
        text.push_str(&csv_line([row.0.email.as_str(), outcome(row), &words_of(locale, roles, row)]));
    }
    let blob = Blob::new_with_str_sequence(&Array::of1(&JsValue::from_str(&text))).ok()?;
    Url::create_object_url_with_blob(&blob).ok()
}

/// Does an error say something of whoever invites, or of the server, and nothing of the person?
const fn is_about_caller(error: &AppError) -> bool {
    error.may_pass_soon()
        || matches!(
            error,
            AppError::Unauthenticated
                | AppError::SecondFactorRequired
                | AppError::ReauthenticationRequired
                | AppError::NoLongerAMember { .. }
                | AppError::NotFound
        )
}

/// Was the person invited by this answer?
pub(super) const fn is_invited(result: &Result<Invited, AppError>) -> bool {
    matches!(result, Ok(Invited::Done { .. }))
}
