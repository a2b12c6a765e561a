//! What can be done with a row. What the policy refuses is shown, and says why (R30 to R32).

use super::{
    mail_state,
    words::{method_name, reactivated_words, resent_words, undone_words},
};
use crate::{
    api::{
        invitations::{CopyLink, ResendInvitation},
        members::{AccountFacts, ReactivateMember, UndoRemoval},
    },
    components::{Icon, Time, copy_to_clipboard, use_toasts},
    domain::{
        list::ListQuery,
        member::{MailState, MemberRow, ShownState},
        permission::Gate,
        policy::{Verdict, Whose, can_handle_invitation, can_pass, can_reactivate, can_remove, can_start_editing},
    },
    error::AppError,
    i18n::{Locale, refusal_text, text},
    paths::{self, with_parameters, with_view},
    rpc::FormAction,
};
use leptos::{ev::MouseEvent, prelude::*, server_fn::ServerFn};
use web_sys::{Element, Event, HtmlElement, wasm_bindgen::JsCast};

/// What is done with rows, in the list and on the page of a person: forms that stand in them, and links to dialogs over the list.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    pub(super) locale: Locale,
    /// The account in the address.
    pub(super) slug: Memo<String>,
    /// The view of the list that dialogs open over.
    pub(super) query: Memo<ListQuery>,
    pub(super) resend: FormAction<ResendInvitation>,
    pub(super) copy: FormAction<CopyLink>,
    pub(super) reactivate: FormAction<ReactivateMember>,
    pub(super) undo: FormAction<UndoRemoval>,
    /// Whose row something was just done with, and is to have the focus where the button that had it is gone.
    pub(super) acted_on: StoredValue<Option<String>>,
}

impl Rows {
    pub(super) fn new(locale: Locale, slug: Memo<String>, query: Memo<ListQuery>) -> Self {
        let (resend, copy) = (FormAction::new(), FormAction::new());
        let (reactivate, undo) = (FormAction::new(), FormAction::new());
        Self { locale, slug, query, resend, copy, reactivate, undo, acted_on: StoredValue::new(None) }
    }

    /// The address of a dialog over the list as it is seen now.
    fn over(self, dialog: String) -> String {
        with_view(dialog, &self.query.get())
    }

    /// What went wrong with one of the forms.
    pub(super) fn error(self) -> Signal<Option<AppError>> {
        Signal::derive(move || {
            let of_invitation = self.resend.error().get().or_else(|| self.copy.error().get());
            of_invitation.or_else(|| self.reactivate.error().get()).or_else(|| self.undo.error().get())
        })
    }

    /// Says in a corner what became of the forms, and has the rows shown as they are now; `true` where the button that had the focus is gone.
    pub(super) fn tell_what_became(self, show_again: impl Fn(bool) + Copy + Send + Sync + 'static) {
        let toasts = use_toasts();
        on_cleanup(move || toasts.dismiss_actions());
        self.reactivate.on_success(move |reactivated| {
            toasts.show(reactivated_words(self.locale, reactivated));
            show_again(true);
        });
        self.undo.on_success(move |undone| {
            toasts.show(undone_words(self.locale, undone));
            show_again(true);
        });
        self.resend.on_success(move |resent| {
            toasts.show(resent_words(self.locale, resent));
            self.acted_on.set_value(None);
            show_again(false);
        });
    }
}

/// Whose row is it, seen from the caller?
pub(super) fn whose(facts: &AccountFacts, row: &MemberRow) -> Whose {
    if facts.me == row.id { Whose::Own } else { Whose::Others }
}

/// What can be done with a row: the next sensible step, Edit and Remove in sight, all else in a menu.
pub(super) fn row_actions(rows: Rows, facts: &AccountFacts, row: &MemberRow) -> impl IntoView + use<> {
    let actions = Actions { rows, facts, row };
    let (next, others): (Vec<_>, Vec<_>) = actions.steps().into_iter().partition(|step| step.comes_next);
    let next = next.into_iter().map(|step| view! { <span class="row-next">{step.view}</span> }).collect_view();
    let held = match row.state {
        ShownState::Removed => None,
        ShownState::Invited
        | ShownState::Expired
        | ShownState::Declined
        | ShownState::AwaitingApproval
        | ShownState::Active
        | ShownState::Suspended => Some((actions.edit(), actions.remove())),
    };
    view! {
        <div class="row-actions">
            {next}
            <span class="row-always">{held} {actions.menu(others.into_iter().map(|step| step.view).collect())}</span>
        </div>
    }
}

/// A step beside Edit and Remove.
struct Step {
    /// Is it the one that is due, and so in sight?
    comes_next: bool,
    view: AnyView,
}

/// The actions of one row.
struct Actions<'a> {
    rows: Rows,
    facts: &'a AccountFacts,
    row: &'a MemberRow,
}

impl Actions<'_> {
    /// What the row's state allows, in the order of the menu.
    fn steps(&self) -> Vec<Step> {
        let row = self.row;
        let failed = row.mail.as_ref().is_some_and(MailState::has_failed);
        let unsent = row.mail == Some(MailState::NoMailServer);
        let step = |comes_next, view| Step { comes_next, view };
        let mut steps = Vec::new();
        if row.awaits_decision {
            steps.push(step(true, self.decide()));
        }
        match row.state {
            ShownState::Invited => {
                steps.push(step(failed && !row.awaits_decision, self.resend()));
                steps.push(step(unsent && !row.awaits_decision, self.copy()));
            }
            ShownState::Expired | ShownState::Declined | ShownState::AwaitingApproval => {
                steps.push(step(!row.awaits_decision, self.resend()));
            }
            ShownState::Active => steps.push(step(false, self.suspend())),
            ShownState::Suspended => steps.push(step(true, self.reactivate())),
            ShownState::Removed => {
                let undoable = row.undo_until.is_some();
                if undoable {
                    steps.push(step(true, self.undo()));
                }
                steps.push(step(!undoable, self.invite_again()));
            }
        }
        steps
    }

    fn decide(&self) -> AnyView {
        let named = text!(self.rows.locale, users.decide_named, name = self.row.label());
        let href = paths::decide(self.facts.slug.as_str(), self.row.id);
        link(text!(self.rows.locale, users.decide), named, href)
    }

    fn edit(&self) -> AnyView {
        let named = text!(self.rows.locale, users.edit_named, name = self.row.label());
        let label = text!(self.rows.locale, users.edit);
        let whose = whose(self.facts, self.row);
        let verdict = can_start_editing(&self.facts.my, whose, &self.row.grant, &self.facts.roles);
        let href = self.rows.over(paths::edit(self.facts.slug.as_str(), self.row.id));
        self.unless_refused("edit", label, named.clone(), verdict, link(label, named, href))
    }

    fn remove(&self) -> AnyView {
        let named = text!(self.rows.locale, users.remove_named, name = self.row.label());
        self.by_removing("remove", text!(self.rows.locale, users.remove), named)
    }

    /// Suspending is offered where removing is asked about.
    fn suspend(&self) -> AnyView {
        let named = text!(self.rows.locale, users.suspend_named, name = self.row.label());
        self.by_removing("suspend", text!(self.rows.locale, users.suspend_menu), named)
    }

    fn by_removing(&self, verb: &'static str, label: &'static str, named: String) -> AnyView {
        let verdict = can_remove(&self.facts.my, whose(self.facts, self.row), &self.row.grant, &self.facts.roles);
        let href = self.rows.over(paths::remove(self.facts.slug.as_str(), self.row.id));
        self.unless_refused(verb, label, named.clone(), verdict, link(label, named, href))
    }

    /// Sends the invitation again, which approves one that waits for that (R29).
    fn resend(&self) -> AnyView {
        let rows = self.rows;
        let name = self.row.label();
        let (label, named) = if self.row.state == ShownState::AwaitingApproval {
            (text!(rows.locale, users.approve), text!(rows.locale, users.approve_named, name = name))
        } else {
            (text!(rows.locale, users.resend), text!(rows.locale, users.resend_named, name = name))
        };
        let send = move |member| {
            rows.resend.dispatch(ResendInvitation { account: rows.slug.get_untracked(), member });
        };
        let form = row_form(rows, self.row, ResendInvitation::PATH, label, named.clone(), send);
        let verdict = can_handle_invitation(&self.facts.my, &self.row.grant, &self.facts.roles);
        self.unless_refused("resend", label, named, verdict, form)
    }

    fn copy(&self) -> AnyView {
        let rows = self.rows;
        let named = text!(rows.locale, users.copy_link_named, name = self.row.label());
        let label = text!(rows.locale, users.copy_link);
        let send = move |member| rows.copy.dispatch(CopyLink { account: rows.slug.get_untracked(), member });
        let form = row_form(rows, self.row, CopyLink::PATH, label, named.clone(), send);
        let verdict = can_handle_invitation(&self.facts.my, &self.row.grant, &self.facts.roles);
        self.unless_refused("copy", label, named, verdict, form)
    }

    fn reactivate(&self) -> AnyView {
        let rows = self.rows;
        let named = text!(rows.locale, users.reactivate_named, name = self.row.label());
        let label = text!(rows.locale, users.reactivate);
        let send = move |member| {
            rows.reactivate.dispatch(ReactivateMember { account: rows.slug.get_untracked(), member });
        };
        let form = row_form(rows, self.row, ReactivateMember::PATH, label, named.clone(), send);
        let verdict = can_reactivate(&self.facts.my, &self.row.grant, &self.facts.roles);
        self.unless_refused("reactivate", label, named, verdict, form)
    }

    fn undo(&self) -> AnyView {
        let rows = self.rows;
        let named = text!(rows.locale, users.undo_named, name = self.row.label());
        let label = text!(rows.locale, users.undo_removal);
        let send = move |member| {
            rows.undo.dispatch(UndoRemoval { account: rows.slug.get_untracked(), member });
        };
        let form = row_form(rows, self.row, UndoRemoval::PATH, label, named.clone(), send);
        let verdict = can_reactivate(&self.facts.my, &self.row.grant, &self.facts.roles);
        self.unless_refused("undo", label, named, verdict, form)
    }

    fn invite_again(&self) -> AnyView {
        let named = text!(self.rows.locale, users.invite_again_named, name = self.row.label());
        let label = text!(self.rows.locale, users.invite_again);
        let mut parameters = self.rows.query.get().to_url();
        parameters.push(("email", self.row.email.clone()));
        let href = with_parameters(paths::new_user(self.facts.slug.as_str()), parameters);
        let verdict = can_pass(&self.facts.my, Gate::UsersInvite);
        self.unless_refused("again", label, named.clone(), verdict, link(label, named, href))
    }

    /// The action, or its name with the reason why not.
    fn unless_refused(
        &self,
        verb: &'static str,
        label: &'static str,
        named: String,
        verdict: Verdict,
        allowed: AnyView,
    ) -> AnyView {
        match verdict {
            Verdict::Yes => allowed,
            Verdict::No(refusal) => {
                let reason = refusal_text(self.rows.locale, &refusal, Some(&self.facts.roles));
                refused(format!("why-{verb}-{}", self.row.id), label, named, reason).into_any()
            }
        }
    }

    /// The menu: what there is to know of the row, and what else can be done. The browser opens and closes it, without scripting too.
    fn menu(&self, steps: Vec<AnyView>) -> AnyView {
        let (locale, row) = (self.rows.locale, self.row);
        let id = format!("more-{}", row.id);
        let email = row.email.clone();
        let toasts = use_toasts();
        let copy_email = move |event: MouseEvent| {
            let words = text!(locale, users.email_copied, email = email.clone());
            copy_to_clipboard(&email, move || toasts.show(words));
            close_menu(&event);
        };
        view! {
            <button
                type="button"
                class="row-more"
                popovertarget=id.clone()
                aria-label=text!(locale, users.more_named, name = row.label())
            >
                <Icon name="more" />
            </button>
            <div class="row-popover row-menu" id=id popover="">
                {about(locale, row)}
                {steps}
                <button type="button" class="row-action only-with-scripting" on:click=copy_email>
                    {text!(locale, users.copy_email)}
                </button>
            </div>
        }
        .into_any()
    }
}

/// What the line has no room for: who invited, where the mail is in full, until when the link works, who answers for the mailbox.
fn about(locale: Locale, row: &MemberRow) -> impl IntoView + use<> {
    let invited = row.invited.clone().filter(|_| row.state.is_awaiting_answer()).map(|event| {
        let by = event.by.map(|name| text!(locale, users.invited_by, name = name));
        view! { <p>{text!(locale, users.invited_at)} " " <Time at=event.at relative=true /> " " {by}</p> }
    });
    let mail = row.mail.clone().filter(|_| row.state == ShownState::Invited);
    let mail = mail.map(|mail| view! { <p>{mail_state(locale, mail)}</p> });
    let ends = row.expires.filter(|_| row.state == ShownState::Invited);
    let ends = ends.map(|at| view! { <p>{text!(locale, users.expires)} " " <Time at /></p> });
    let joined = row.joined.map(|at| view! { <p>{text!(locale, users.joined_at)} " " <Time at /></p> });
    let vouched = row.vouched_by.clone();
    let vouched = vouched.map(|name| view! { <p>{text!(locale, users.vouched_by, name = name)}</p> });
    let method = text!(locale, users.login_method_by, method = method_name(locale, &row.method));
    view! { <div class="row-about">{invited} {mail} {ends} {joined} {vouched} <p>{method}</p></div> }
}

fn link(label: &'static str, named: String, href: String) -> AnyView {
    view! { <a class="row-action" href=href aria-label=named data-noscroll="">{label}</a> }.into_any()
}

/// Closes the menu in which something was pressed; the focus goes back to its button.
fn close_menu(event: &Event) {
    let pressed = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    let menu = pressed.and_then(|pressed| pressed.closest("[popover]").ok().flatten());
    if let Some(menu) = menu.and_then(|menu| menu.dyn_into::<HtmlElement>().ok()) {
        let _ = menu.hide_popover();
    }
}

/// An action that is refused: it can be reached, does nothing, and says why.
pub(super) fn refused(id: String, label: &'static str, named: String, reason: String) -> impl IntoView {
    view! {
        <span class="refused">
            <button type="button" class="row-action" aria-disabled="true" aria-label=named aria-describedby=id.clone()>
                {label}
            </button>
            <span class="refused-why" role="tooltip" id=id>{reason}</span>
        </span>
    }
}

/// A button in a form of its own, so that it works without scripting.
fn row_form(
    rows: Rows,
    row: &MemberRow,
    action: &'static str,
    label: &'static str,
    named: String,
    send: impl Fn(String) + 'static,
) -> AnyView {
    let member = row.id.to_string();
    let sent = member.clone();
    view! {
        <form
            method="post"
            action=action
            on:submit=move |event| {
                event.prevent_default();
                close_menu(&event);
                rows.copy.clear();
                rows.resend.clear();
                rows.reactivate.clear();
                rows.undo.clear();
                rows.acted_on.set_value(Some(sent.clone()));
                send(sent.clone());
            }
        >
            <input type="hidden" name="account" value=rows.slug.get() />
            <input type="hidden" name="member" value=member />
            <button type="submit" class="row-action" aria-label=named>{label}</button>
        </form>
    }
    .into_any()
}
