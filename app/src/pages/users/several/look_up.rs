//! Who the people are to the account, asked while they are typed and before anybody is invited (R54).

use super::{
    super::{choice::Choice, edit::whole_grant_words},
    value_of,
};
use crate::{
    api::{
        invitations::{InviteSeveralForm, LookUpSeveral, LookedUpOne, Standing},
        members::AccountFacts,
    },
    domain::{
        pasted_people::{MAX_PEOPLE_AT_ONCE, PastedPeople, PastedPerson, part_len},
        people_table::write_table,
        permission::PermissionKey,
        role::Grant,
    },
    error::AppError,
    i18n::{Locale, grouped, text},
    rpc::call,
};
use leptos::{html, prelude::*, task::spawn_local};
use std::{sync::Arc, time::Duration};

/// How long nothing is typed before it is looked up.
const TYPING_PAUSE: Duration = Duration::from_millis(500);
/// The most lines about people who cannot be invited.
const MAX_LINES: usize = 20;

/// What is known of the people so far.
#[derive(Clone, Copy)]
pub(super) struct LookUp {
    account: StoredValue<String>,
    people: Memo<Arc<PastedPeople>>,
    choice: Choice,
    form: NodeRef<html::Div>,
    /// What was answered about the first people of the list.
    found: RwSignal<Vec<LookedUpOne>>,
    /// What was answered before somebody went on typing, shown until there is a new answer.
    earlier: RwSignal<Vec<LookedUpOne>>,
    /// Why no more is known.
    failed: RwSignal<Option<AppError>>,
    /// What those get who were removed before: `restore`, `fresh`, or nothing.
    again: RwSignal<String>,
    /// Counts the look-ups, so that one that was overtaken ends.
    number: StoredValue<u32>,
}

impl LookUp {
    /// Looks up whoever is in the list, and anew when it or what is chosen for all of them changes.
    pub(super) fn of(
        account: String,
        people: Memo<Arc<PastedPeople>>,
        choice: Choice,
        form: NodeRef<html::Div>,
    ) -> Self {
        let look_up = Self {
            account: StoredValue::new(account),
            people,
            choice,
            form,
            found: RwSignal::new(Vec::new()),
            earlier: RwSignal::new(Vec::new()),
            failed: RwSignal::new(None),
            again: RwSignal::new(String::new()),
            number: StoredValue::new(0),
        };
        Effect::new(move |_| {
            people.track();
            choice.grant();
            look_up.begin();
        });
        look_up
    }

    fn begin(self) {
        let number = self.number.get_value().wrapping_add(1);
        self.number.set_value(number);
        let found = self.found.try_update(std::mem::take).unwrap_or_default();
        if !found.is_empty() {
            self.earlier.set(found);
        }
        self.failed.set(None);
        set_timeout(
            move || {
                if self.number.try_get_value() == Some(number) {
                    spawn_local(self.go_on(number));
                }
            },
            TYPING_PAUSE,
        );
    }

    async fn go_on(self, number: u32) {
        let Some(people) = self.people.try_get_untracked() else { return };
        let mut rest = people.people.as_slice();
        while !rest.is_empty() {
            let (part, later) = rest.split_at(part_len(rest.iter()).min(rest.len()));
            rest = later;
            let Some(account) = self.account.try_get_value() else { return };
            let form = InviteSeveralForm { people: write_table(part), ..self.form_of_all() };
            let answer = call(LookUpSeveral { account, form }).await;
            // The dialog is closed, or something else was typed meanwhile.
            if self.number.try_get_value() != Some(number) {
                return;
            }
            match answer {
                Ok(found) if found.len() == part.len() => self.found.update(|all| all.extend(found)),
                // The server reads the same people from the part as the page does, or it is another version.
                Ok(_) => return self.failed.set(Some(AppError::Transport)),
                Err(error) => return self.failed.set(Some(error)),
            }
        }
    }

    /// What is chosen for all of the people.
    pub(super) fn form_of_all(self) -> InviteSeveralForm {
        let grant = untrack(|| self.choice.grant());
        let method = document()
            .query_selector("input[name='form[method]']")
            .ok()
            .flatten()
            .and_then(|method| method.get_attribute("value"));
        InviteSeveralForm {
            method: method.unwrap_or_default(),
            people: String::new(),
            role: grant.role.to_string(),
            extras: grant.extras.iter().map(PermissionKey::to_string).collect(),
            language: value_of(self.form, "form[language]"),
            lifetime: value_of(self.form, "form[lifetime]"),
            again: self.again.get_untracked(),
        }
    }

    /// Each person with what is known of them.
    pub(super) fn answered(self) -> Vec<(PastedPerson, Option<LookedUpOne>)> {
        let found = self.found.get_untracked();
        let people = self.people.get_untracked();
        let known = found.into_iter().map(Some).chain(std::iter::repeat(None));
        people.people.iter().cloned().zip(known).collect()
    }

    /// How the person with this address stands to the account, as far as is known.
    pub(super) fn standing_of(self, email: &str) -> Option<Result<Standing, AppError>> {
        let of = |known: &Vec<LookedUpOne>| known.iter().find(|one| one.typed == email).map(|one| one.standing.clone());
        self.found.with(of).or_else(|| self.earlier.with(of))
    }

    /// Is there anybody of whom nothing is known yet?
    pub(super) fn is_under_way(self) -> Signal<bool> {
        Signal::derive(move || {
            let all = self.people.with(|people| people.people.len());
            self.failed.with(Option::is_none) && self.found.with(Vec::len) < all
        })
    }

    /// How many would be invited.
    pub(super) fn to_invite(self) -> usize {
        let again = self.again.get();
        self.found.with(|found| found.iter().filter(|one| would_invite(one, &again)).count())
    }
}

/// Would this person be invited, if those removed before get this?
pub(super) fn would_invite(one: &LookedUpOne, again: &str) -> bool {
    match &one.standing {
        Ok(Standing::New) => true,
        Ok(Standing::RemovedBefore { restore, .. }) => match again {
            "restore" => restore.is_yes(),
            "fresh" => true,
            _ => false,
        },
        Ok(Standing::Member | Standing::Invited | Standing::Suspended) | Err(_) => false,
    }
}

/// How many people stand how to the account.
#[derive(Clone, Default, PartialEq)]
struct Standings {
    new: usize,
    members: usize,
    invited: usize,
    suspended: usize,
    removed: usize,
    /// What those had who were removed.
    had: Vec<(String, Grant)>,
    wrong: Vec<(String, AppError)>,
    wrong_in_all: usize,
}

impl Standings {
    fn of(found: &[LookedUpOne]) -> Self {
        let mut standings = Self::default();
        for one in found {
            match &one.standing {
                Ok(Standing::New) => standings.new += 1,
                Ok(Standing::Member) => standings.members += 1,
                Ok(Standing::Invited) => standings.invited += 1,
                Ok(Standing::Suspended) => standings.suspended += 1,
                Ok(Standing::RemovedBefore { previous, .. }) => {
                    standings.removed += 1;
                    if standings.had.len() < MAX_LINES {
                        standings.had.push((one.typed.clone(), previous.clone()));
                    }
                }
                Err(error) => {
                    standings.wrong_in_all += 1;
                    if standings.wrong.len() < MAX_LINES {
                        standings.wrong.push((one.typed.clone(), error.clone()));
                    }
                }
            }
        }
        standings
    }
}

/// What was found out, while it is found out.
pub(super) fn looked_up_view(locale: Locale, facts: Arc<AccountFacts>, look_up: LookUp) -> impl IntoView {
    let standings = Memo::new(move |_| look_up.found.with(|found| Standings::of(found)));
    let all = Memo::new(move |_| look_up.people.with(|people| people.people.len()));
    let progress = move || {
        let (done, all) = (look_up.found.with(Vec::len), all.get());
        (all > MAX_PEOPLE_AT_ONCE && done < all && look_up.failed.with(Option::is_none)).then(|| {
            let words = text!(
                locale,
                users.look_up_progress,
                done = grouped(locale, done as u64),
                all = grouped(locale, all as u64)
            );
            view! {
                <p class="several-progress">
                    <progress max=all.to_string() value=done.to_string() aria-label=words.clone()></progress>
                    <span>{words}</span>
                </p>
            }
        })
    };
    let summary = move || {
        let standings = standings.get();
        let repeated = look_up.people.with(|people| people.repeated);
        let line = |count: usize, one: &'static str, many: String| match count {
            0 => None,
            1 => Some(one.to_owned()),
            _ => Some(many),
        };
        let count = |count: usize| grouped(locale, count as u64);
        let lines = [
            line(
                standings.new,
                text!(locale, users.look_up_new_one),
                text!(locale, users.look_up_new, count = count(standings.new)),
            ),
            line(
                standings.members,
                text!(locale, users.look_up_member_one),
                text!(locale, users.look_up_members, count = count(standings.members)),
            ),
            line(
                standings.invited,
                text!(locale, users.look_up_invited_one),
                text!(locale, users.look_up_invited, count = count(standings.invited)),
            ),
            line(
                standings.suspended,
                text!(locale, users.look_up_suspended_one),
                text!(locale, users.look_up_suspended, count = count(standings.suspended)),
            ),
            line(
                standings.removed,
                text!(locale, users.look_up_removed_one),
                text!(locale, users.look_up_removed, count = count(standings.removed)),
            ),
            line(
                repeated,
                text!(locale, users.look_up_repeated_one),
                text!(locale, users.look_up_repeated, count = count(repeated)),
            ),
            line(
                standings.wrong_in_all,
                text!(locale, users.look_up_wrong_one),
                text!(locale, users.look_up_wrong, count = count(standings.wrong_in_all)),
            ),
        ];
        lines.into_iter().flatten().map(|words| view! { <li>{words}</li> }).collect_view()
    };
    let had = {
        let facts = facts.clone();
        move || {
            let had = standings.with(|standings| standings.had.clone());
            let lines = had.into_iter().map(|(typed, grant)| {
                let grant = whole_grant_words(locale, &grant, &facts.roles);
                let words = text!(locale, users.look_up_removed_named, grant = grant);
                view! { <li><strong>{typed}</strong> " " {words}</li> }
            });
            lines.collect_view()
        }
    };
    let wrong = {
        let facts = facts.clone();
        move || {
            let Standings { wrong, wrong_in_all, .. } = standings.get();
            let more = wrong_in_all.saturating_sub(wrong.len());
            let lines = wrong.into_iter().map(|(typed, error)| {
                view! { <li><strong>{typed}</strong> " " {super::results::why_not(locale, &facts.roles, &error)}</li> }
            });
            let more = (more > 0).then(|| {
                view! { <li>{text!(locale, users.look_up_more, count = grouped(locale, more as u64))}</li> }
            });
            view! { {lines.collect_view()} {more} }
        }
    };
    let failed = move || {
        look_up.failed.get().map(|error| {
            view! { <li class="field-problem">{crate::i18n::error_text(locale, &error)}</li> }
        })
    };
    view! {
        <div class="looked-up" aria-live="polite">
            {progress}
            <ul class="looked-up-lines">{summary} {had} {wrong} {failed}</ul>
        </div>
        {move || (standings.with(|standings| standings.removed) > 0).then(|| again_field(locale, look_up))}
    }
}

/// What becomes of those who were removed before (R4).
fn again_field(locale: Locale, look_up: LookUp) -> impl IntoView {
    let option = move |key: &'static str, label: &'static str| {
        view! { <option value=key selected=move || look_up.again.with(|again| again == key)>{label}</option> }
    };
    view! {
        <div class="field">
            <label for="form-again">{text!(locale, users.again_label)}</label>
            <select
                id="form-again"
                name="form[again]"
                on:change=move |event| look_up.again.set(event_target_value(&event))
            >
                {option("", text!(locale, users.again_leave_out))}
                {option("restore", text!(locale, users.again_restore))}
                {option("fresh", text!(locale, users.again_fresh))}
            </select>
        </div>
    }
}
