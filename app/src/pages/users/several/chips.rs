//! Addresses as they are typed, one after the other: each that is finished becomes a chip, which says how the person stands to the account and can be
//! removed (R54). The chips are people as any others: what is sent is the table of them.

use super::look_up::LookUp;
use crate::{
    api::invitations::Standing,
    components::{FieldProblem, Icon},
    domain::{
        email::check_shape,
        fields::Problem,
        pasted_people::{MAX_PEOPLE_AT_ONCE, PastedPeople, PastedPerson, finished_people, pasted_people},
        people_table::write_table,
    },
    i18n::{Locale, text},
};
use leptos::{ev, html, prelude::*};
use std::sync::Arc;
use web_sys::{HtmlElement, wasm_bindgen::JsCast};

/// The people so far, and what is being typed.
#[derive(Clone, Copy)]
pub(super) struct Chips {
    people: RwSignal<Vec<PastedPerson>>,
    draft: RwSignal<String>,
    input: NodeRef<html::Input>,
    /// What was just done, for those who are read to.
    said: RwSignal<String>,
    /// More than there is room for, or a table: what becomes of it then.
    too_many: Callback<String>,
}

impl Chips {
    /// Begins with these; `too_many` takes the whole text over once it is more than chips are for.
    pub(super) fn new(people: Vec<PastedPerson>, draft: String, too_many: Callback<String>) -> Self {
        let (people, draft) = (RwSignal::new(people), RwSignal::new(draft));
        Self { people, draft, input: NodeRef::new(), said: RwSignal::new(String::new()), too_many }
    }

    /// The people, the one that is being typed among them once the address is whole.
    pub(super) fn all(self) -> Arc<PastedPeople> {
        let mut people = self.people.get();
        let typed = self.draft.with(|draft| pasted_people(draft).people);
        let repeats = |one: &PastedPerson| people.iter().any(|other| is_same(one, other));
        let typed = typed.into_iter().find(|one| check_shape(&one.email).is_ok() && !repeats(one));
        people.extend(typed);
        Arc::new(PastedPeople { people, repeated: 0 })
    }

    /// The people whom the form sends: what is in the field is not lost, even if it is no address; then the answer says so.
    fn sent(self) -> Vec<PastedPerson> {
        let mut people = self.people.get();
        for one in self.draft.with(|draft| pasted_people(draft).people) {
            if !people.iter().any(|other| is_same(&one, other)) {
                people.push(one);
            }
        }
        people
    }

    /// Makes chips of what is finished in the field.
    fn typed(self, locale: Locale, text: &str) {
        let (people, rest) = finished_people(text);
        self.draft.set(rest.to_owned());
        self.add(locale, people.people);
    }

    /// Makes chips of all that is in the field.
    fn finish(self, locale: Locale) {
        let people = self.draft.with_untracked(|draft| pasted_people(draft).people);
        self.draft.set(String::new());
        self.add(locale, people);
    }

    /// Makes chips of what is pasted. Says whether it was taken.
    fn pasted(self, locale: Locale, pasted: &str) -> bool {
        let people = pasted_people(pasted).people;
        if !people.iter().all(PastedPerson::is_plain) {
            self.too_many.run(pasted.to_owned());
            return true;
        }
        let is_whole = people.len() > 1 || finished_people(pasted).0.people.len() == 1;
        if is_whole {
            self.add(locale, people);
        }
        is_whole
    }

    fn add(self, locale: Locale, new: Vec<PastedPerson>) {
        let (mut added, mut repeated) = (Vec::new(), None);
        self.people.update(|people| {
            for one in new {
                if people.iter().any(|other| is_same(&one, other)) {
                    repeated = Some(one.email);
                } else {
                    added.push(one.email.clone());
                    people.push(one);
                }
            }
        });
        let words = match (added.as_slice(), repeated) {
            ([], None) => return,
            ([], Some(email)) => text!(locale, users.chip_repeated, email = email),
            ([email], _) => text!(locale, users.chip_added_one, email = email.clone()),
            (several, _) => text!(locale, users.chip_added, count = several.len()),
        };
        self.said.set(words);
        if self.people.with_untracked(Vec::len) > MAX_PEOPLE_AT_ONCE {
            let lines = self.people.with_untracked(|people| people.iter().map(line_of).collect::<Vec<_>>().join("\n"));
            self.too_many.run(lines);
        }
    }

    /// Removes a chip; the focus goes to the next one, or to the field.
    fn remove(self, locale: Locale, email: &str) {
        let Some(at) = self.place_of(email) else { return };
        self.people.update(|people| drop(people.remove(at)));
        self.said.set(text!(locale, users.chip_removed, email = email.to_owned()));
        request_animation_frame(move || self.focus(at));
    }

    fn place_of(self, email: &str) -> Option<usize> {
        self.people.with_untracked(|people| people.iter().position(|one| one.email == email))
    }

    /// Focuses the chip at a place, or the field beyond the last one.
    fn focus(self, at: usize) {
        let Some(input) = self.input.try_get_untracked().flatten() else { return };
        let chips = input.closest(".chips").ok().flatten().and_then(|all| all.query_selector_all(".chip-remove").ok());
        let chip = chips.and_then(|chips| chips.get(u32::try_from(at).ok()?)?.dyn_into::<HtmlElement>().ok());
        let _ = match chip {
            Some(chip) => chip.focus(),
            None => input.focus(),
        };
    }

    /// The keys of the field: from its beginning back to the chips, and Enter ends an address before it sends the form.
    fn key_in_field(self, locale: Locale, event: &ev::KeyboardEvent) {
        let at_start = self.input.get_untracked().is_some_and(|input| {
            input.selection_start().ok().flatten() == Some(0) && input.selection_end().ok().flatten() == Some(0)
        });
        let count = self.people.with_untracked(Vec::len);
        match event.key().as_str() {
            "Enter" if !self.draft.with_untracked(|draft| draft.trim().is_empty()) => {
                event.prevent_default();
                self.finish(locale);
            }
            "Backspace" | "ArrowLeft" if at_start && count > 0 => {
                event.prevent_default();
                self.focus(count - 1);
            }
            _ => {}
        }
    }

    /// The keys of a chip.
    fn key_in_chip(self, locale: Locale, email: &str, event: &ev::KeyboardEvent) {
        let Some(at) = self.place_of(email) else { return };
        match event.key().as_str() {
            "Backspace" | "Delete" => self.remove(locale, email),
            "ArrowLeft" => self.focus(at.saturating_sub(1)),
            "ArrowRight" => self.focus(at + 1),
            "Home" => self.focus(0),
            "End" => self.focus(usize::MAX),
            _ => return,
        }
        event.prevent_default();
    }
}

fn is_same(one: &PastedPerson, other: &PastedPerson) -> bool {
    one.email.eq_ignore_ascii_case(&other.email)
}

/// A person as a line of a text that reads back as the same.
fn line_of(person: &PastedPerson) -> String {
    match person.first_name.as_str() {
        "" => person.email.clone(),
        name => format!("\"{}\" <{}>", name.replace('"', ""), person.email),
    }
}

/// The field.
pub(super) fn chips_field(
    locale: Locale,
    chips: Chips,
    look_up: LookUp,
    problem: Signal<Option<Problem>>,
) -> impl IntoView {
    // Keys are pressed on while the field takes the place of another.
    chips.input.on_load(move |_| {
        request_animation_frame(move || {
            chips.focus(usize::MAX);
            if let Some(input) = chips.input.try_get_untracked().flatten() {
                let end = u32::try_from(input.value().encode_utf16().count()).unwrap_or_default();
                let _ = input.set_selection_range(end, end);
            }
        });
    });
    let pasted = move |event: ev::ClipboardEvent| {
        let text = event.clipboard_data().and_then(|data| data.get_data("text").ok()).unwrap_or_default();
        if chips.pasted(locale, &text) {
            event.prevent_default();
        }
    };
    view! {
        <div class="field">
            <label for="form-people">{text!(locale, users.several_addresses)}</label>
            <p class="field-hint" id="form-people-hint">{text!(locale, users.chips_hint)}</p>
            <div class="chips">
                <ul aria-label=text!(locale, users.chips_list)>
                    <For each=move || chips.people.get() key=|person| person.email.clone() let:person>
                        {chip(locale, chips, look_up, person.email)}
                    </For>
                </ul>
                <input
                    node_ref=chips.input
                    id="form-people"
                    type="text"
                    inputmode="email"
                    autocomplete="off"
                    autocapitalize="none"
                    spellcheck="false"
                    prop:value=move || chips.draft.get()
                    data-autofocus=""
                    aria-describedby="form-people-hint form-people-problem"
                    aria-invalid=move || problem.get().map(|_| "true")
                    on:input:target=move |event| chips.typed(locale, &event.target().value())
                    on:keydown=move |event| chips.key_in_field(locale, &event)
                    on:paste=pasted
                />
            </div>
            <input type="hidden" name="form[people]" value=move || write_table(&chips.sent()) />
            <FieldProblem id="form-people-problem" problem />
            <p class="visually-hidden" role="status">{move || chips.said.get()}</p>
        </div>
    }
}

fn chip(locale: Locale, chips: Chips, look_up: LookUp, email: String) -> impl IntoView {
    let standing = {
        let email = email.clone();
        Memo::new(move |_| look_up.standing_of(&email))
    };
    let tone = move || match standing.get() {
        Some(Ok(Standing::New)) | None => "chip",
        Some(Ok(Standing::RemovedBefore { .. })) => "chip chip-info",
        Some(Ok(Standing::Member | Standing::Invited | Standing::Suspended)) => "chip chip-warn",
        Some(Err(_)) => "chip chip-bad",
    };
    let words = move || match standing.get() {
        Some(Ok(Standing::New)) => None,
        Some(Ok(Standing::Member)) => Some(text!(locale, users.chip_member)),
        Some(Ok(Standing::Invited)) => Some(text!(locale, users.chip_invited)),
        Some(Ok(Standing::Suspended)) => Some(text!(locale, users.chip_suspended)),
        Some(Ok(Standing::RemovedBefore { .. })) => Some(text!(locale, users.chip_before)),
        Some(Err(_)) => Some(text!(locale, users.chip_wrong)),
        None => Some(text!(locale, users.chip_looking)),
    };
    let (of_click, of_key) = (email.clone(), email.clone());
    view! {
        <li class=tone>
            <span class="chip-address">{email.clone()}</span>
            {move || words().map(|words| view! { <span class="chip-standing">{words}</span> })}
            <button
                type="button"
                class="chip-remove"
                tabindex="-1"
                aria-label=text!(locale, users.chip_remove, email = email)
                on:click=move |_| chips.remove(locale, &of_click)
                on:keydown=move |event| chips.key_in_chip(locale, &of_key, &event)
            >
                <Icon name="x" />
            </button>
        </li>
    }
}
