//! Inviting several people at once: addresses as they were pasted, or a table of up to ten thousand, and a result for each (R1 to R7, R54).

mod chips;
mod in_parts;
mod look_up;
mod results;

use super::{
    HandedOver, OverList, Users,
    choice::{Choice, Purpose, first_role},
    close_link,
    grant_picker::GrantPicker,
    invite::{language, lifetime},
    loaded_once, scroll_into_view_when,
};
use crate::{
    api::{invitations::InviteSeveral, members::AccountFacts},
    components::{Button, ErrorBox, Icon, Note, NoteTone, RefusalNote, TextArea, problem_at},
    domain::{
        fields,
        member::LoginMethodKind,
        pasted_people::{MAX_PEOPLE, MAX_PEOPLE_AT_ONCE, PastedPeople, PastedPerson, finished_people, pasted_people},
        permission::{Gate, Permissions},
        policy::{Verdict, can_pass},
        role::Grant,
    },
    flash::old_input,
    i18n::{Locale, grouped, text},
    rpc::{ActionForm, FormAction},
};
use chips::{Chips, chips_field};
use in_parts::{InParts, in_parts_view};
use leptos::{html, prelude::*, task::spawn_local};
use look_up::{LookUp, looked_up_view};
use results::several_results;
use send_wrapper::SendWrapper;
use std::sync::Arc;
use wasm_bindgen_futures::JsFuture;
use web_sys::{File, HtmlInputElement, wasm_bindgen::JsCast};

lazy_page!(InviteSeveralRoute, administration, InviteSeveralDialog);

/// The largest file that is read, in bytes: ten thousand long lines.
const MAX_FILE_BYTES: f64 = 5.0 * 1024.0 * 1024.0;

/// The dialog for inviting several people, over the list.
#[component]
fn InviteSeveralDialog() -> impl IntoView {
    let users = expect_context::<Users>();
    loaded_once(async move {
        // A list that fails says so itself.
        users.page.await.ok().map(|page| view! { <Invitations users facts=Arc::new(page.facts) /> }).into_any()
    })
}

#[component]
fn Invitations(users: Users, facts: Arc<AccountFacts>) -> impl IntoView {
    let in_parts = InParts::new();
    let content = match can_pass(&facts.my, Gate::UsersInvite) {
        Verdict::No(refusal) => {
            view! { <RefusalNote refusal roles=facts.roles.clone() /> {close_link(users)} }.into_any()
        }
        Verdict::Yes => several_content(users, facts, in_parts),
    };
    view! {
        <OverList users title=text!(users.locale, users.several_title) busy=in_parts.is_under_way()>
            {content}
        </OverList>
    }
}

/// What the form begins with.
#[derive(Default)]
struct Start {
    /// The people as chips.
    people: Vec<PastedPerson>,
    /// What is being typed beside them.
    draft: String,
    /// The people as a text, where they are more than chips are for.
    text: String,
    grant: Option<Grant>,
    language: Option<String>,
    lifetime: Option<String>,
}

impl From<HandedOver> for Start {
    /// Chips for a few people with nothing but names, else the text as it is.
    fn from(HandedOver { text, grant, language, lifetime }: HandedOver) -> Self {
        let (PastedPeople { people, .. }, draft) = finished_people(&text);
        let are_chips = people.len() <= MAX_PEOPLE_AT_ONCE && people.iter().all(PastedPerson::is_plain);
        let (people, draft, text) = match are_chips {
            true => (people, draft.to_owned(), String::new()),
            false => (Vec::new(), String::new(), text),
        };
        Self { people, draft, text, grant: Some(grant), language, lifetime }
    }
}

/// The form for several people, and then what came of it.
fn several_content(users: Users, facts: Arc<AccountFacts>, in_parts: InParts) -> AnyView {
    let method = facts.methods.iter().find(|method| method.kind == LoginMethodKind::Password).map(|method| method.id);
    let invite = FormAction::<InviteSeveral>::new();
    invite.on_success(move |_| users.page.refetch());
    // What was typed outlives an error: the form is made anew for another answer alone.
    let results = Memo::new(move |_| invite.output().get());
    let method = method.map(|method| method.to_string()).unwrap_or_default();
    (move || match (results.get(), in_parts.has_begun()) {
        (Some(results), _) => several_results(users, &facts.roles, results, invite),
        (None, true) => in_parts_view(users, facts.clone(), in_parts),
        (None, false) => {
            // Whoever invites more begins anew.
            let handed_over = users.handed_over.try_update_value(Option::take).flatten();
            let start = handed_over.map(Start::from).unwrap_or_default();
            view! { <SeveralForm users facts=facts.clone() method=method.clone() invite in_parts start /> }.into_any()
        }
    })
    .into_any()
}

/// Where the people come from.
#[derive(Clone, PartialEq)]
struct ChosenFile {
    name: String,
    people: Arc<PastedPeople>,
}

/// Why a file is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FileProblem {
    TooLarge,
    NotText,
    Empty,
    TooMany,
}

#[component]
fn SeveralForm(
    users: Users,
    facts: Arc<AccountFacts>,
    method: String,
    invite: FormAction<InviteSeveral>,
    in_parts: InParts,
    start: Start,
) -> impl IntoView {
    let locale = users.locale;
    let error = invite.error();
    let grant = start.grant.unwrap_or_else(|| Grant { role: first_role(&facts), extras: Permissions::new() });
    let choice = Choice::starting_from(&grant);
    let typed = RwSignal::new(old_input("form[people]").unwrap_or(start.text));
    let chips = RwSignal::new(None::<Chips>);
    if !start.people.is_empty() {
        let too_many = Callback::new(move |text| {
            typed.set(text);
            chips.set(None);
        });
        chips.set(Some(Chips::new(start.people, start.draft, too_many)));
    }
    let file = RwSignal::new(None::<ChosenFile>);
    let people = Memo::new(move |_| match (file.get(), chips.get()) {
        (Some(file), _) => file.people,
        (None, Some(chips)) => chips.all(),
        (None, None) => Arc::new(typed.with(|typed| pasted_people(typed))),
    });
    let form = NodeRef::<html::Div>::new();
    let look_up = LookUp::of(facts.slug.to_string(), people, choice, form);
    let failed = NodeRef::new();
    scroll_into_view_when(failed, move || {
        error.with(|error| error.as_ref().is_some_and(|error| error.fields().is_none()))
    });
    // One request takes so many; more, and what no field holds, are sent one part after the other, which takes a script.
    let are_many = Memo::new(move |_| {
        let too_many = people.with(|people| people.people.len() > MAX_PEOPLE_AT_ONCE);
        choice.is_live() && (too_many || file.with(Option::is_some))
    });
    let account = facts.slug.to_string();
    let begin = Callback::new(move |()| in_parts.begin(account.clone(), look_up.form_of_all(), look_up.answered()));
    let send = move || match are_many.get() {
        false => view! { <Button busy=invite.pending()>{text!(locale, users.invite_button)}</Button> }.into_any(),
        true => {
            let count = look_up.to_invite();
            view! {
                <Button on_click=begin busy=look_up.is_under_way() disabled={count == 0}>
                    {match count {
                        1 => text!(locale, users.several_invite_one).to_owned(),
                        count => text!(locale, users.several_invite_many, count = grouped(locale, count as u64)),
                    }}
                </Button>
            }
            .into_any()
        }
    };
    let problem = problem_at(error, fields::Field::People);
    let addresses = move || match chips.get() {
        Some(chips) => chips_field(locale, chips, look_up, problem).into_any(),
        None => view! {
            <TextArea
                name="form[people]"
                label=text!(locale, users.several_addresses)
                hint=text!(locale, users.several_hint)
                rows=6
                initial=typed.get_untracked()
                autofocus=true
                problem
                on_input=Callback::new(move |text| typed.set(text))
            />
        }
        .into_any(),
    };
    view! {
        <ActionForm action=invite class="form">
            <div class="answer" node_ref=failed>
                <ErrorBox error roles=Signal::stored(Some(facts.roles.clone())) />
            </div>
            <input type="hidden" name="account" value=facts.slug.to_string() />
            <input type="hidden" name="form[method]" value=method.clone() />
            {method.is_empty().then(|| view! {
                <Note tone=NoteTone::Plain icon="info">
                    <p>{text!(locale, users.several_no_password)}</p>
                </Note>
            })}
            <div class="form" node_ref=form>
                <div class:hidden=move || file.with(Option::is_some)>{addresses}</div>
                {file_field(locale, file)}
                {looked_up_view(locale, facts.clone(), look_up)}
                <GrantPicker facts=facts.clone() purpose=Purpose::Invite choice error />
                <p class="field-hint">{text!(locale, users.several_for_all)}</p>
                <div class="field-row">
                    {language(locale, facts.language, start.language)}
                    {lifetime(locale, facts.invitations.lifetime, start.lifetime)}
                </div>
            </div>
            <div class="actions">
                {send}
                <a class="button" href=move || users.list() data-noscroll="">{text!(locale, common.cancel)}</a>
            </div>
        </ActionForm>
    }
}

/// Chooses a file, or says which one was chosen.
fn file_field(locale: Locale, file: RwSignal<Option<ChosenFile>>) -> impl IntoView {
    let problem = RwSignal::new(None::<FileProblem>);
    let input = NodeRef::<html::Input>::new();
    let chosen = move |_| {
        let Some(input) = input.get_untracked() else { return };
        if let Some(chosen) = first_file(&input) {
            spawn_local(async move {
                let read = read_file(&chosen).await;
                problem.set(read.as_ref().err().copied());
                if let Ok(people) = read {
                    file.set(Some(ChosenFile { name: chosen.name(), people: Arc::new(people) }));
                }
            });
        }
        // The same file can be chosen again after it was mended.
        input.set_value("");
    };
    let words = move |problem| match problem {
        FileProblem::TooLarge => text!(locale, users.file_too_large).to_owned(),
        FileProblem::NotText => text!(locale, users.file_not_text).to_owned(),
        FileProblem::Empty => text!(locale, users.file_empty).to_owned(),
        FileProblem::TooMany => text!(locale, users.file_too_many, most = grouped(locale, MAX_PEOPLE as u64)),
    };
    view! {
        <div class="field only-with-scripting several-file">
            {move || file.get().map(|ChosenFile { name, .. }| view! {
                <p class="several-chosen">
                    <Icon name="check" />
                    <span>{name}</span>
                    <button type="button" class="button button-small" on:click=move |_| file.set(None)>
                        {text!(locale, users.file_remove)}
                    </button>
                </p>
            })}
            <label for="people-file" class="button">
                <Icon name="upload" />
                {text!(locale, users.file_choose)}
            </label>
            <input
                type="file"
                id="people-file"
                class="visually-hidden"
                accept=".csv,.tsv,.txt,text/csv,text/plain"
                aria-describedby="people-file-hint people-file-problem"
                node_ref=input
                on:change=chosen
            />
            <p class="field-hint" id="people-file-hint">{text!(locale, users.file_hint)}</p>
            <p class="field-problem" id="people-file-problem" role="alert">{move || problem.get().map(words)}</p>
        </div>
    }
}

fn first_file(input: &HtmlInputElement) -> Option<SendWrapper<File>> {
    input.files()?.get(0).map(SendWrapper::new)
}

async fn read_file(file: &File) -> Result<PastedPeople, FileProblem> {
    if file.size() > MAX_FILE_BYTES {
        return Err(FileProblem::TooLarge);
    }
    let text = JsFuture::from(file.text()).await.ok().and_then(|text| text.as_string()).unwrap_or_default();
    // The browser puts this where bytes are no UTF-8, and a spreadsheet of another kind is full of it.
    if text.contains([char::REPLACEMENT_CHARACTER, '\0']) {
        return Err(FileProblem::NotText);
    }
    let people = pasted_people(&text);
    match people.people.len() {
        _ if !people.people.iter().any(|person| person.email.contains('@')) => Err(FileProblem::Empty),
        count if count > MAX_PEOPLE => Err(FileProblem::TooMany),
        _ => Ok(people),
    }
}

/// The value of a field of the dialog that no signal follows.
fn value_of(form: NodeRef<html::Div>, name: &str) -> String {
    let field = form.get_untracked().and_then(|form| form.query_selector(&format!("[name='{name}']")).ok()?);
    field
        .and_then(|field| field.dyn_into::<web_sys::HtmlSelectElement>().ok())
        .map(|field| field.value())
        .unwrap_or_default()
}
