//! Shows in the open list what others change (R35), and moves no row from under somebody's hands.

use super::Users;
use crate::{
    api::members::{ListMembers, UsersPage as ListPage},
    components::focus_soon,
    error::AppError,
    i18n::text,
    pages::live::on_account_change,
    rpc::call_in_background,
};
use leptos::{prelude::*, task::spawn_local};
use std::time::Duration;

/// The list is asked for at most this often.
const MIN_INTERVAL: Duration = Duration::from_secs(1);
/// What says that somebody is at the rows: rows then stay where they are.
const IN_USE: [&str; 4] =
    [".users-table:hover", ".users-table:focus-within", ".users-table input:checked", ".users-table :popover-open"];

/// How the list follows what others change.
#[derive(Clone, Copy)]
pub(super) struct Following {
    /// Are there other rows by now, while somebody is at those that were there?
    newer: RwSignal<bool>,
    /// Is the list being asked for, or was it within the last second?
    resting: StoredValue<bool>,
    /// Was something changed meanwhile?
    again: StoredValue<bool>,
}

impl Following {
    pub(super) fn new() -> Self {
        Self { newer: RwSignal::new(false), resting: StoredValue::new(false), again: StoredValue::new(false) }
    }
}

impl Users {
    /// Keeps the list up to date while it is open.
    pub(super) fn follow_changes(self) {
        // What was kept back belongs to the view that was left.
        Effect::watch(move || self.query.get(), move |_, _, _| self.following.newer.set(false), false);
        on_account_change(move || self.look());
    }

    /// Asks for the list as it is now.
    fn look(self) {
        // Whoever comes back to the page gets it all at once.
        if document().hidden() {
            return;
        }
        let Following { resting, again, .. } = self.following;
        if resting.get_value() {
            again.set_value(true);
            return;
        }
        resting.set_value(true);
        again.set_value(false);
        let (account, query) = (self.slug.get_untracked(), self.query.get_untracked());
        spawn_local(async move {
            let answer = call_in_background(ListMembers { account, query: query.clone() }).await;
            if self.query.try_get_untracked() == Some(query) {
                self.take(answer);
            }
            set_timeout(
                move || {
                    resting.try_update_value(|resting| *resting = false);
                    if again.try_get_value() == Some(true) {
                        self.look();
                    }
                },
                MIN_INTERVAL,
            );
        });
    }

    fn take(self, answer: Result<ListPage, AppError>) {
        // The list is being read because of something that was done here, which this answer may not know of.
        if self.page.is_loading() {
            self.following.again.set_value(true);
            return;
        }
        let page = match answer {
            Ok(page) => page,
            // That the server is away is said elsewhere, and the rows stay.
            Err(error) if error.may_pass() => return,
            Err(error) => return self.page.show(Err(error)),
        };
        let Some(Ok(shown)) = self.page.shown() else { return self.page.show(Ok(page)) };
        let same_rows = shown.rows.iter().map(|row| row.id).eq(page.rows.iter().map(|row| row.id));
        if same_rows || !is_in_use() {
            self.following.newer.set(false);
            if !says_the_same(&shown, &page) {
                self.page.show(Ok(page));
            }
            return;
        }
        let rows = shown.rows.iter().map(|row| page.rows.iter().find(|new| new.id == row.id).unwrap_or(row).clone());
        let kept =
            ListPage { rows: rows.collect(), next: shown.next.clone(), previous: shown.previous.clone(), ..page };
        if !says_the_same(&shown, &kept) {
            self.page.show(Ok(kept));
        }
        self.following.newer.set(true);
    }

    /// Says that there are newer rows, and shows them when asked to.
    pub(super) fn newer_rows(self) -> impl IntoView {
        let show = move |_| {
            self.following.newer.set(false);
            self.page.refetch();
            focus_soon(".users-count");
        };
        move || {
            self.following.newer.get().then(|| {
                view! {
                    <span class="users-newer">
                        {text!(self.locale, users.list_changed)} " "
                        <button type="button" class="button button-small" on:click=show>
                            {text!(self.locale, users.show_changes)}
                        </button>
                    </span>
                }
            })
        }
    }
}

/// Do they show the same? Cursors are sealed anew each time.
fn says_the_same(one: &ListPage, other: &ListPage) -> bool {
    let with_cursors_of_other = ListPage { next: other.next.clone(), previous: other.previous.clone(), ..one.clone() };
    one.next.is_some() == other.next.is_some()
        && one.previous.is_some() == other.previous.is_some()
        && with_cursors_of_other == *other
}

fn is_in_use() -> bool {
    IN_USE.into_iter().any(|selector| document().query_selector(selector).is_ok_and(|found| found.is_some()))
}
