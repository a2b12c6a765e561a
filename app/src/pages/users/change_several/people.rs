//! The people of a bulk action: those selected in the list, or everybody whom its view matches; and who of them it is for.

use super::{super::Users, left_out_words};
use crate::{
    api::members::{AccountFacts, SelectMatching, Selection},
    components::{Button, Look, Note, NoteTone},
    domain::{
        bulk::{BulkAction, LeftOut, MAX_SELECTED, Selected},
        ids::MemberId,
        list::{Cursor, ListQuery},
        permission::PermissionKey,
        policy::Whose,
        role::Roles,
    },
    error::AppError,
    i18n::{Locale, error_text, grouped, text},
    rpc::call,
};
use leptos::{prelude::*, task::spawn_local};
use std::collections::HashSet;

/// The most people of a group who are shown at once.
const MAX_SHOWN: usize = 10;
/// The most people of a group who are named.
const MAX_NAMED: usize = 100;

/// Who is selected, as far as is known.
#[derive(Clone, Copy)]
pub(super) struct People {
    selected: RwSignal<Vec<Selected>>,
    /// Where to look for those who are not known yet.
    next: RwSignal<Option<Cursor>>,
    /// Why no more are known.
    failed: RwSignal<Option<AppError>>,
    account: StoredValue<String>,
    query: StoredValue<ListQuery>,
}

impl People {
    /// Begins with these, and looks for the others in the browser.
    pub(super) fn new(users: Users, Selection { people, next }: Selection) -> Self {
        let people = Self {
            selected: RwSignal::new(people),
            next: RwSignal::new(next),
            failed: RwSignal::new(None),
            account: StoredValue::new(users.slug.get_untracked()),
            query: StoredValue::new(users.query.get_untracked()),
        };
        Effect::new(move |_| people.look());
        people
    }

    /// Looks for those who are not known yet.
    fn look(self) {
        self.failed.set(None);
        spawn_local(async move {
            while let Some(Some(from)) = self.next.try_get_untracked()
                && self.selected.with_untracked(Vec::len) < MAX_SELECTED
            {
                let (account, query) = (self.account.get_value(), self.query.get_value());
                let answer = call(SelectMatching { account, query, from: Some(from) }).await;
                // The dialog was closed meanwhile.
                if self.next.is_disposed() {
                    return;
                }
                match answer {
                    Ok(Selection { people, next }) => {
                        self.selected.update(|selected| {
                            // Whoever was renamed meanwhile may come twice.
                            let known: HashSet<MemberId> = selected.iter().map(|one| one.id).collect();
                            selected.extend(people.into_iter().filter(|one| !known.contains(&one.id)));
                        });
                        self.next.set(next);
                    }
                    Err(error) => return self.failed.set(Some(error)),
                }
            }
        });
    }

    pub(super) fn is_nobody(self) -> bool {
        self.selected.with_untracked(Vec::is_empty)
    }

    /// Is there anybody who is not known yet?
    pub(super) fn are_incomplete(self) -> bool {
        self.next.with(Option::is_some)
    }

    /// Are there more than can be selected?
    pub(super) fn are_too_many(self) -> bool {
        self.are_incomplete() && self.selected.with(Vec::len) >= MAX_SELECTED
    }

    /// Nothing is sent before all are known.
    pub(super) fn is_looking(self) -> Signal<bool> {
        Signal::derive(move || self.are_incomplete())
    }

    /// How far looking for them is, and what keeps it.
    pub(super) fn looking(self, locale: Locale) -> impl IntoView {
        move || {
            let count = || grouped(locale, self.selected.with(Vec::len) as u64);
            if self.are_too_many() {
                let most = grouped(locale, MAX_SELECTED as u64);
                return Some(note(text!(locale, users.bulk_too_many, most = most), ().into_any()));
            }
            if let Some(error) = self.failed.get() {
                let again = Callback::new(move |()| self.look());
                let button =
                    view! { <Button look=Look::Small on_click=again>{text!(locale, users.parts_go_on)}</Button> };
                return Some(note(error_text(locale, &error), button.into_any()));
            }
            self.are_incomplete().then(|| {
                view! {
                    <p class="field-hint only-with-scripting">{text!(locale, users.bulk_looking, count = count())}</p>
                }
                .into_any()
            })
        }
    }

    /// Who of them it is for.
    pub(super) fn judged(self, action: BulkAction, permission: Option<&PermissionKey>, facts: &AccountFacts) -> Judged {
        let mut judged = Judged::default();
        self.selected.with(|selected| {
            for person in selected {
                let whose = if person.id == facts.me { Whose::Own } else { Whose::Others };
                match action.applies_to(person, permission, whose, &facts.my, &facts.roles) {
                    Ok(()) => judged.concerned.push(person.clone()),
                    Err(why) => judged.leave_out(person.clone(), why),
                }
            }
        });
        judged
    }
}

fn note(words: String, more: AnyView) -> AnyView {
    view! {
        <Note tone=NoteTone::Bad icon="alert">
            <p>{words}</p>
            {more}
        </Note>
    }
    .into_any()
}

/// Who a bulk action is for, and who is left out, by the reason.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Judged {
    pub(super) concerned: Vec<Selected>,
    pub(super) left_out: Vec<(LeftOut, Vec<Selected>)>,
}

impl Judged {
    fn leave_out(&mut self, person: Selected, why: LeftOut) {
        match self.left_out.iter_mut().find(|(reason, _)| *reason == why) {
            Some((_, people)) => people.push(person),
            None => self.left_out.push((why, vec![person])),
        }
    }
}

/// Those whom it is for, and those left out: how many, and their names to be opened.
pub(super) fn groups(locale: Locale, roles: &Roles, action: BulkAction, judged: &Judged) -> impl IntoView + use<> {
    let concerned = (!judged.concerned.is_empty()).then(|| {
        let title = match judged.concerned.len() {
            1 => text!(locale, users.bulk_concerned_one).to_owned(),
            count => text!(locale, users.bulk_concerned, count = grouped(locale, count as u64)),
        };
        group(locale, title, &judged.concerned)
    });
    let left_out: Vec<_> = judged
        .left_out
        .iter()
        .map(|(why, people)| {
            let why = left_out_words(locale, roles, Some(action), why);
            let title = match people.len() {
                1 => text!(locale, users.bulk_left_out_one, why = why),
                count => text!(locale, users.bulk_left_out, count = grouped(locale, count as u64), why = why),
            };
            group(locale, title, people)
        })
        .collect();
    view! { <div class="bulk-groups">{concerned} {left_out}</div> }
}

fn group(locale: Locale, title: String, people: &[Selected]) -> impl IntoView + use<> {
    let more = people.len().saturating_sub(MAX_NAMED);
    let names: Vec<_> = people
        .iter()
        .take(MAX_NAMED)
        .map(|person| {
            let email =
                person.name.as_ref().map(|_| view! { " " <span class="bulk-email">{person.email.clone()}</span> });
            view! { <li>{person.label().to_owned()} {email}</li> }
        })
        .collect();
    let more = (more > 0)
        .then(|| view! { <li>{text!(locale, users.look_up_more, count = grouped(locale, more as u64))}</li> });
    view! {
        <details open=people.len() <= MAX_SHOWN>
            <summary>{title}</summary>
            <ul class="several-results">{names} {more}</ul>
        </details>
    }
}
