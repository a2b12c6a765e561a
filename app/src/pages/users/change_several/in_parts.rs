//! A bulk action on more people than one request changes: part after part. Nobody is touched who was not shown before it began, and nobody whose row
//! was changed since (R66); a part that is sent twice changes nothing twice.

use super::{
    super::{
        Users,
        parts::{Parts, PartsWords, is_about_caller, parts_view, result_file},
    },
    key_of_row,
    people::Judged,
    results::{key_of, result_words},
};
use crate::{
    api::members::{AccountFacts, BulkForm, BulkOutcome, BulkResult, ChangeSeveral},
    components::{Icon, Note, NoteTone},
    domain::{
        bulk::{BulkAction, MAX_CHANGED_AT_ONCE, Selected},
        csv_line::csv_line,
        role::Roles,
    },
    error::AppError,
    i18n::{Locale, grouped, text},
    rpc::call,
};
use leptos::prelude::*;
use std::sync::Arc;

/// The most lines about people for whom it was not done; the file has them all.
const MAX_LINES: usize = 50;

/// A person, and what came of it for them.
type Row = (Selected, Option<Result<BulkOutcome, AppError>>);

/// The changes of many people.
#[derive(Clone, Copy)]
pub(super) struct InParts {
    rows: RwSignal<Vec<Row>>,
    parts: Parts,
    account: StoredValue<String>,
    form: StoredValue<BulkForm>,
}

impl InParts {
    pub(super) fn new() -> Self {
        Self {
            rows: RwSignal::new(Vec::new()),
            parts: Parts::new(),
            account: StoredValue::new(String::new()),
            form: StoredValue::new(BulkForm::default()),
        }
    }

    pub(super) fn has_begun(self) -> bool {
        self.parts.has_begun()
    }

    pub(super) fn is_under_way(self) -> Signal<bool> {
        self.parts.is_under_way()
    }

    /// Begins with those whom it is for.
    pub(super) fn begin(self, account: String, form: BulkForm, judged: &Judged) {
        self.parts.count(judged.concerned.len());
        self.rows.set(judged.concerned.iter().map(|person| (person.clone(), None)).collect());
        self.account.set_value(account);
        self.form.set_value(form);
        self.go_on();
    }

    fn go_on(self) {
        let next = move || Some(self.next_part()).filter(|part| !part.is_empty());
        self.parts.go_on(next, move |part| self.send(part));
    }

    /// The places of the next people.
    fn next_part(self) -> Vec<usize> {
        self.rows.with_untracked(|rows| {
            let waiting = rows.iter().enumerate().filter(|(_, (_, result))| result.is_none());
            waiting.take(MAX_CHANGED_AT_ONCE).map(|(at, _)| at).collect()
        })
    }

    async fn send(self, part: Vec<usize>) -> Result<(), AppError> {
        let members: Vec<_> = self.rows.with_untracked(|rows| {
            part.iter().filter_map(|at| rows.get(*at)).map(|(person, _)| key_of_row(person)).collect()
        });
        let form = BulkForm { members, ..self.form.get_value() };
        let results = call(ChangeSeveral { account: self.account.get_value(), form }).await?;
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
    fn keep(self, part: Vec<usize>, results: Vec<BulkResult>) -> Result<(), AppError> {
        let mut why = Ok(());
        self.rows.update(|rows| {
            for (at, BulkResult { result, .. }) in part.into_iter().zip(results) {
                match result {
                    Err(error) if is_about_caller(&error) || error == AppError::ReauthenticationRequired => {
                        why = Err(error);
                    }
                    Ok(_) | Err(_) => {
                        self.parts.count_one();
                        if let Some(row) = rows.get_mut(at) {
                            row.1 = Some(result);
                        }
                    }
                }
            }
        });
        why
    }

    fn action(self) -> Option<BulkAction> {
        self.form.with_value(|form| BulkAction::from_key(&form.action))
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
        progress: Box::new(move |done, all| text!(locale, users.bulk_progress, done = count(done), all = count(all))),
        stay: text!(locale, users.bulk_stay),
        go_on: Callback::new(move |()| in_parts.go_on()),
        ended: Box::new(move || ended(users, &facts.roles, in_parts).into_any()),
    };
    parts_view(locale, in_parts.parts, words)
}

/// What came of all of it.
fn ended(users: Users, roles: &Roles, in_parts: InParts) -> impl IntoView + use<> {
    let locale = users.locale;
    let action = in_parts.action();
    let count = move |count: usize| grouped(locale, count as u64);
    let rows = in_parts.rows.get_untracked();
    let done = rows.iter().filter(|row| outcome(row) == "done").count();
    let title = text!(locale, users.bulk_some, count = count(done), all = count(rows.len()));
    let others: Vec<_> = rows.iter().filter(|row| outcome(row) != "done").collect();
    let more = others.len().saturating_sub(MAX_LINES);
    let lines: Vec<_> = others
        .into_iter()
        .take(MAX_LINES)
        .map(|row| {
            let words = words_of(locale, roles, action, row);
            view! { <li><strong>{row.0.label().to_owned()}</strong> " " {words}</li> }
        })
        .collect();
    let more = (more > 0).then(|| view! { <li>{text!(locale, users.look_up_more, count = count(more))}</li> });
    let file = result_file(&result_lines(locale, roles, action, &rows));
    let tone = if done == rows.len() { NoteTone::Good } else { NoteTone::Plain };
    view! {
        <Note tone icon="info">
            <p tabindex="-1" data-autofocus="">{title}</p>
        </Note>
        <ul class="several-results">{lines} {more}</ul>
        <div class="actions">
            <a class="button button-primary" href=move || users.list() data-noscroll="">{text!(locale, users.done)}</a>
            {file.map(|href| view! {
                <a class="button" href=href download="results.csv" rel="external">
                    <Icon name="download" />
                    {text!(locale, users.parts_file)}
                </a>
            })}
        </div>
    }
}

/// What came of it for a row, in a word that is the same in every language.
fn outcome((_, result): &Row) -> &'static str {
    result.as_ref().map_or("not_done", key_of)
}

fn words_of(locale: Locale, roles: &Roles, action: Option<BulkAction>, (_, result): &Row) -> String {
    match result {
        Some(result) => result_words(locale, roles, action, result),
        None => text!(locale, users.bulk_not_done).to_owned(),
    }
}

/// A file with the result of each row (IN-07).
fn result_lines(locale: Locale, roles: &Roles, action: Option<BulkAction>, rows: &[Row]) -> String {
    let mut text = csv_line(["email", "name", "result", "detail"]);
    for row in rows {
        let (person, words) = (&row.0, words_of(locale, roles, action, row));
        let name = person.name.as_deref().unwrap_or_default();
        text.push_str(&csv_line([person.email.as_str(), name, outcome(row), &words]));
    }
    text
}
