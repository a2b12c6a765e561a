//! Invites more people than one request takes: part after part, with what came of each (R54, F13). Whoever leaves the page stops it; the same file
//! again goes on, since nobody is invited twice.

use super::{
    super::{
        Users,
        parts::{Parts, PartsWords, is_about_caller, parts_view, result_file},
    },
    look_up::would_invite,
    results::{key_of, key_of_standing, results_title, why_not},
};
use crate::{
    api::{
        invitations::{InviteSeveral, InviteSeveralForm, Invited, InvitedOne, LookedUpOne},
        members::AccountFacts,
    },
    components::{Icon, Note, NoteTone},
    domain::{
        csv_line::csv_line,
        member::MailState,
        pasted_people::{MAX_PEOPLE_AT_ONCE, PastedPerson, part_len},
        people_table::write_table,
        role::Roles,
    },
    error::AppError,
    i18n::{Locale, grouped, text},
    rpc::call,
};
use leptos::prelude::*;
use std::sync::Arc;

/// The most lines about people who were not invited; the file has them all.
const MAX_LINES: usize = 50;

/// A person, and what came of them.
type Row = (PastedPerson, Option<LookedUpOne>, Option<InvitedOne>);

/// The invitations of many people.
#[derive(Clone, Copy)]
pub(super) struct InParts {
    rows: RwSignal<Vec<Row>>,
    parts: Parts,
    account: StoredValue<String>,
    form: StoredValue<InviteSeveralForm>,
}

impl InParts {
    pub(super) fn new() -> Self {
        Self {
            rows: RwSignal::new(Vec::new()),
            parts: Parts::new(),
            account: StoredValue::new(String::new()),
            form: StoredValue::new(InviteSeveralForm::default()),
        }
    }

    pub(super) fn has_begun(self) -> bool {
        self.parts.has_begun()
    }

    /// Is a part being sent, or the next one about to be?
    pub(super) fn is_under_way(self) -> Signal<bool> {
        self.parts.is_under_way()
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
        self.parts.count(people.iter().filter(|(_, known)| is_to_be_sent(known)).count());
        self.rows.set(people.into_iter().map(|(person, known)| (person, known, None)).collect());
        self.account.set_value(account);
        self.form.set_value(form);
        self.go_on();
    }

    fn go_on(self) {
        let next = move || Some(self.next_part()).filter(|part| !part.is_empty());
        self.parts.go_on(next, move |part| self.send(part));
    }

    async fn send(self, part: Vec<(usize, PastedPerson)>) -> Result<(), AppError> {
        let people: Vec<_> = part.iter().map(|(_, person)| person.clone()).collect();
        let form = InviteSeveralForm { people: write_table(&people), ..self.form.get_value() };
        let results = call(InviteSeveral { account: self.account.get_value(), form }).await?;
        // The dialog was closed meanwhile.
        if self.rows.is_disposed() {
            return Ok(());
        }
        if results.len() != part.len() {
            return Err(AppError::Transport);
        }
        self.keep(part, results)
    }

    /// Keeps what came of a part. Whom nobody looked at, because the session or the database went in the middle, is sent again when it goes on.
    fn keep(self, part: Vec<(usize, PastedPerson)>, results: Vec<InvitedOne>) -> Result<(), AppError> {
        let mut why = Ok(());
        self.rows.update(|rows| {
            for ((at, _), result) in part.into_iter().zip(results) {
                match &result.result {
                    Err(error) if is_about_caller(error) || *error == AppError::ReauthenticationRequired => {
                        why = Err(error.clone());
                    }
                    Ok(_) | Err(_) => {
                        self.parts.count_one();
                        if let Some(row) = rows.get_mut(at) {
                            row.2 = Some(result);
                        }
                    }
                }
            }
        });
        why
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
    Effect::new(move |_| {
        if in_parts.parts.has_ended() {
            users.page.refetch();
        }
    });
    let count = move |count: usize| grouped(locale, count as u64);
    let words = PartsWords {
        progress: Box::new(move |done, all| text!(locale, users.parts_progress, done = count(done), all = count(all))),
        stay: text!(locale, users.parts_stay),
        go_on: Callback::new(move |()| in_parts.go_on()),
        ended: Box::new(move || ended(users, &facts.roles, in_parts).into_any()),
    };
    parts_view(locale, in_parts.parts, words)
}

/// What came of all of it.
fn ended(users: Users, roles: &Roles, in_parts: InParts) -> impl IntoView + use<> {
    let locale = users.locale;
    let rows = in_parts.rows.get_untracked();
    let invited = rows.iter().filter(|row| outcome(row) == "invited").count();
    let title = results_title(locale, invited, rows.len());
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
    let file = result_file(&result_lines(locale, roles, &rows));
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

/// A file with the result of each row.
fn result_lines(locale: Locale, roles: &Roles, rows: &[Row]) -> String {
    let mut text = csv_line(["email", "result", "detail"]);
    for row in rows {
        text.push_str(&csv_line([row.0.email.as_str(), outcome(row), &words_of(locale, roles, row)]));
    }
    text
}

/// Was the person invited by this answer?
pub(super) const fn is_invited(result: &Result<Invited, AppError>) -> bool {
    matches!(result, Ok(Invited::Done { .. }))
}
