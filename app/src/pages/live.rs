//! Keeps the open pages of an account up to date by server-sent events (R35, R36). A notice says that something was changed, and each page
//! asks for what it shows. The stream is open while somebody can see the page.

use super::{here, shared_stream::SharedStream};
use crate::{
    api::{
        accounts::{AccountDeletion, ShowAccount},
        session::Whoami,
    },
    components::use_toasts,
    error::AppError,
    i18n::{text, use_locale},
    paths,
    rpc::{Query, call_in_background},
};
use js_sys::Reflect;
use leptos::{ev, leptos_dom::helpers::TimeoutHandle, prelude::*, task::spawn_local};
use leptos_router::{NavigateOptions, hooks::use_navigate, location::Url};
use send_wrapper::SendWrapper;
use std::time::Duration;

/// How long updates may be away before that is said: a server that restarts is back by then.
const INTERRUPTION_DELAY: Duration = Duration::from_secs(5);
/// The first delay before a stream is asked for again that the server did not open; doubled each time.
const FIRST_RETRY_DELAY: Duration = Duration::from_secs(2);
const MAX_RETRY_DELAY: Duration = Duration::from_secs(60);
/// What a stream tells; the server's names stand in `server/src/http/events.rs`.
const EVENTS: &[&str] =
    &["open", "error", "changed", "access-changed", "access-ended", "address-changed", "sign-in-needed"];

/// What the reader has to know about being up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LiveState {
    UpToDate,
    /// Nothing is heard from the server.
    Interrupted,
    /// The reader's own role or permissions were changed; what the page offers may be refused.
    AccessChanged,
    /// The session has ended.
    SignedOut,
}

/// The updates of one account, for the pages below.
#[derive(Clone, Copy)]
pub(super) struct Live {
    slug: Memo<String>,
    /// The slug that the account has instead, once it has another.
    moved_to: RwSignal<Option<String>>,
    me: Query<Whoami>,
    home: Query<ShowAccount>,
    /// The account's deletion, as the header shows it.
    deletion: RwSignal<Option<AccountDeletion>>,
    /// How many times something may have been changed.
    changes: RwSignal<u32>,
    state: RwSignal<LiveState>,
    /// There is none on the server.
    stream: StoredValue<Option<SendWrapper<SharedStream>>>,
    /// How many streams were refused in a row.
    refused: StoredValue<u32>,
    timers: StoredValue<Vec<TimeoutHandle>>,
}

impl Live {
    /// The updates of the account in the address, for the pages below this component. They begin with [`LiveStatus`].
    pub(super) fn provide(
        slug: Memo<String>,
        me: Query<Whoami>,
        home: Query<ShowAccount>,
        deletion: RwSignal<Option<AccountDeletion>>,
    ) -> Self {
        let live = Self {
            slug,
            moved_to: RwSignal::new(None),
            me,
            home,
            deletion,
            changes: RwSignal::new(0),
            state: RwSignal::new(LiveState::UpToDate),
            stream: StoredValue::new(None),
            refused: StoredValue::new(0),
            timers: StoredValue::new(Vec::new()),
        };
        provide_context(live);
        live
    }

    /// Opens a stream, unless nobody can see the page.
    fn open(self) {
        self.close();
        let Some(Ok(Some(me))) = self.me.shown() else { return };
        if document().hidden() {
            return;
        }
        let slug = self.slug.get_untracked();
        // Tabs of somebody else, or of another account, have a stream of their own.
        let name = format!("roster/{slug}/{}", me.email);
        let stream = SharedStream::join(paths::account_events(&slug), &name, EVENTS, move |event| self.hear(event));
        self.stream.set_value(Some(SendWrapper::new(stream)));
    }

    fn close(self) {
        self.stop_timers();
        if let Some(closed) = self.stream.try_update_value(Option::take).flatten() {
            closed.leave();
            // The listener may be running.
            set_timeout(move || drop(closed), Duration::ZERO);
        }
    }

    fn hear(self, name: &str) {
        match name {
            "open" => {
                self.stop_timers();
                self.refused.set_value(0);
                self.state.update(|state| {
                    if *state == LiveState::Interrupted {
                        *state = LiveState::UpToDate;
                    }
                });
                // What was changed while nobody listened is not told.
                self.note_change();
                spawn_local(self.look_at_access());
            }
            "changed" => self.note_change(),
            "address-changed" => spawn_local(self.look_at_access()),
            "access-changed" => {
                self.state.set(LiveState::AccessChanged);
                self.note_change();
            }
            "access-ended" => {
                self.close();
                self.home.refetch();
            }
            // Perhaps somebody signed in again in another tab.
            "sign-in-needed" => {
                self.close();
                spawn_local(self.ask_why());
            }
            _ => self.reconnect(),
        }
    }

    /// Were the reader's own rights changed while nobody listened (R35), has the account another address, or is it going to be deleted?
    async fn look_at_access(self) {
        let Some(account) = self.slug.try_get_untracked() else { return };
        let (now, then) = (call_in_background(ShowAccount { account }).await, self.home.shown());
        if let (Ok(now), Some(Ok(then))) = (now, then) {
            if now.effective != then.effective {
                self.state.try_set(LiveState::AccessChanged);
            }
            self.deletion.try_set(now.deletion);
            self.moved_to.try_set(now.former_slug.map(|_| now.slug.to_string()));
        }
    }

    fn note_change(self) {
        self.changes.update(|changes| *changes = changes.wrapping_add(1));
    }

    /// The browser opens a stream that broke by itself, and one that was refused never again.
    fn reconnect(self) {
        if self.state.is_disposed() {
            return;
        }
        if self.timers.with_value(Vec::is_empty) {
            self.after(INTERRUPTION_DELAY, move || {
                self.state.try_update(|state| {
                    if *state == LiveState::UpToDate {
                        *state = LiveState::Interrupted;
                    }
                });
            });
        }
        let is_refused = self.stream.with_value(|stream| stream.as_ref().is_none_or(|stream| stream.is_refused()));
        if is_refused {
            let times = self.refused.get_value();
            self.refused.set_value(times.saturating_add(1));
            let delay = FIRST_RETRY_DELAY.saturating_mul(1 << times.min(6)).min(MAX_RETRY_DELAY);
            self.after(delay, move || spawn_local(self.ask_why()));
        }
    }

    /// Finds out why there is no stream, which an event does not tell.
    async fn ask_why(self) {
        let Some(account) = self.slug.try_get_untracked() else { return };
        let answer = call_in_background(ShowAccount { account }).await;
        if self.state.is_disposed() {
            return;
        }
        match answer {
            Ok(_) => {
                self.state.update(|state| {
                    if *state == LiveState::SignedOut {
                        *state = LiveState::UpToDate;
                    }
                });
                let reopened = self.stream.with_value(|stream| stream.as_ref().map(|stream| stream.reopen()));
                if reopened.is_none() {
                    self.open();
                }
            }
            Err(AppError::NoLongerAMember { .. } | AppError::NotFound) => {
                self.close();
                self.home.refetch();
            }
            Err(AppError::Unauthenticated | AppError::SecondFactorRequired) => {
                self.close();
                self.state.set(LiveState::SignedOut);
            }
            Err(_) => self.reconnect(),
        }
    }

    fn after(self, delay: Duration, then: impl FnOnce() + 'static) {
        if let Ok(timer) = set_timeout_with_handle(then, delay) {
            self.timers.update_value(|timers| timers.push(timer));
        }
    }

    fn stop_timers(self) {
        for timer in self.timers.try_update_value(std::mem::take).unwrap_or_default() {
            timer.clear();
        }
    }
}

/// Does something whenever something in the account may have been changed; nothing where no account is shown.
pub(super) fn on_account_change(then: impl Fn() + 'static) {
    if let Some(Live { changes, .. }) = use_context() {
        Effect::watch(move || changes.get(), move |_, _, _| then(), false);
    }
}

/// Keeps the updates of the account on, and says when they are not.
#[component]
pub(super) fn LiveStatus() -> impl IntoView {
    let live = expect_context::<Live>();
    // All of it stands in the effect, since a server has neither window nor timers.
    Effect::new(move |_| {
        live.slug.track();
        live.moved_to.set(None);
        live.state.set(LiveState::UpToDate);
        live.open();
        let seen = window_event_listener(ev::visibilitychange, move |_| match document().hidden() {
            true => live.close(),
            // Perhaps somebody signed in again in another tab.
            false if live.state.get_untracked() == LiveState::SignedOut => spawn_local(live.ask_why()),
            false => live.open(),
        });
        on_cleanup(move || {
            seen.remove();
            live.close();
        });
    });
    follow_account(live);
    view! {
        <div class="live" role="status">
            {move || state_note(live)}
        </div>
    }
}

/// Goes to the same page at the account's other address, and says so. What somebody fills in stays: then the note has a link, and the next
/// page is at the other address.
fn follow_account(live: Live) {
    let (locale, here, navigate, toasts) = (use_locale(), here(), use_navigate(), use_toasts());
    Effect::new(move |_| {
        let (path, slug) = (here.get(), live.moved_to.get());
        let Some(slug) = slug.filter(|_| !is_filled_in()) else { return };
        let there = paths::at_slug(&path, &slug);
        // It is said once, and here.
        live.moved_to.set(None);
        toasts.show(text!(locale, common.live_moved, address = paths::account(&slug)));
        navigate(&there, NavigateOptions { replace: true, ..NavigateOptions::default() });
    });
}

/// Is a dialog open, or does a field of the page hold something else than it came with?
fn is_filled_in() -> bool {
    let of = |node: &web_sys::Node, name: &str| Reflect::get(node, &name.into()).unwrap_or_default();
    let fields = document().query_selector_all("main :is(input:not([type=hidden]), textarea)").ok();
    let mut fields = fields.iter().flat_map(|fields| (0..fields.length()).filter_map(|at| fields.get(at)));
    document().query_selector("dialog[open]").is_ok_and(|dialog| dialog.is_some())
        || fields.any(|field| match of(&field, "type").as_string().as_deref() {
            // The value of a box says what it stands for.
            Some("checkbox" | "radio") => of(&field, "checked") != of(&field, "defaultChecked"),
            _ => of(&field, "value") != of(&field, "defaultValue"),
        })
}

fn state_note(live: Live) -> AnyView {
    let locale = use_locale();
    let here = here();
    let (words, link) = match live.state.get() {
        LiveState::UpToDate => {
            let Some(slug) = live.moved_to.get() else { return ().into_any() };
            let words = text!(locale, common.live_moved, address = paths::account(&slug));
            return live_note(words, Some((paths::at_slug(&here.get(), &slug), text!(locale, common.live_go_there))));
        }
        LiveState::Interrupted => (text!(locale, common.live_interrupted), None),
        LiveState::AccessChanged => {
            (text!(locale, common.live_access_changed), Some((here.get(), text!(locale, common.reload))))
        }
        LiveState::SignedOut => {
            let sign_in = format!("{}?next={}", paths::login(&live.slug.get_untracked()), Url::escape(&here.get()));
            (text!(locale, common.live_signed_out), Some((sign_in, text!(locale, common.sign_in))))
        }
    };
    live_note(words.to_owned(), link)
}

fn live_note(words: String, link: Option<(String, &'static str)>) -> AnyView {
    let link = link.map(|(href, label)| view! { <a class="button button-small" href=href rel="external">{label}</a> });
    view! {
        // Its mark is the style sheet's, since a file could not be had from a server that is away.
        <p class="live-note">
            <span>{words}</span>
            {link}
        </p>
    }
    .into_any()
}
