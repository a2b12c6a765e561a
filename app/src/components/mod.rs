//! The kit: what pages are made of. Every part works as plain HTML first and gets livelier once the page is hydrated in the
//! browser. Texts come from [`crate::i18n`]; looks from `style/`, one file per part; no part writes inline styles.
//!
//! **A form**
//! ```ignore
//! let locale = use_locale();
//! let invite = FormAction::<InviteUser>::new();
//! let error = invite.error();                         // Signal<Option<AppError>>, also after a post without scripting
//! invite.on_success(move |invited| go(…));            // runs in the browser alone
//! view! {
//!     <ActionForm action=invite class="form">
//!         <ErrorBox error />                          // what is not about one field, role="alert"
//!         <input type="hidden" name="account" value=slug />
//!         <Field name="form[email]" label=text!(locale, users.email) kind=Kind::Email
//!                problem=problem_at(error, Field::Email) check=check_shape required=true />
//!         <div class="actions">
//!             <Button busy=invite.pending()>{text!(locale, users.invite)}</Button>
//!             <a class="button" href=back>{text!(locale, common.cancel)}</a>
//!         </div>
//!     </ActionForm>
//! }
//! ```
//! * [`Field`]: label, hint, input, problem. `check` looks at the text when the person leaves the field; the server's problem
//!   shows until the text changes. The input belongs to the browser: what was typed before hydration stays.
//!   [`SelectField`] is the same for one of several. For radio buttons or checkboxes write the HTML, put [`FieldProblem`] beneath them, and let [`crate::flash::old_input`] choose.
//! * [`NewPasswordField`]: the same with show/hide, the rules in words, and the strength meter.
//! * [`Button`]: `look=Look::Primary` (default), `Plain`, `Danger`, `Quiet`; links that look like buttons: `class="button"`,
//!   `class="button button-primary"`, `-danger`, `-quiet`, `-small`. While `busy` it keeps its width and ignores clicks.
//!   A button that may not be used stays visible with its reason: `refused=Some(reason)`.
//! * [`stays_open`]: for `<details open=…>` around fields, so that it opens for a problem, and does not close while somebody mends it.
//!
//! **Other parts**
//! * [`Dialog`] `title back_to back_label`: over the list, a page without scripting. Escape, × and the backdrop go to `back_to`.
//! * [`Toasts`] (`use_toasts()`): `toasts.show(text)`, `toasts.show_with_action(text, ToastAction { label, act })`.
//! * [`Icon`] `name`: one of `public/icons.svg`. [`Badge`] `tone icon`: icon and text, never colour alone.
//! * [`Time`] `at`: in the zone that the person chose, or UTC until the page is hydrated and then the browser's zone; `relative=true` says "5 minutes ago".
//! * [`EmptyState`] `icon title`: children say what to do next. [`ErrorBox`] also takes a `roles` signal to word permissions.
//! * [`PermissionSummary`]: what a grant allows, by area.
//! * [`focus_soon`] and the attributes `data-autofocus` and `data-focus`: where the focus goes. [`keep_focus`] sees to it that it is not lost.
//!
//! **Going places**: links are plain `<a href>`; the router takes them over. A link to what is not a page of the router (a mail's
//! text, `/language/…`, the platform) needs `rel="external"`. After a success go on with `use_navigate()`.

mod badge;
mod button;
mod clipboard;
mod dialog;
mod done;
mod empty;
mod error_box;
mod field;
mod focus;
mod form;
mod icon;
mod menu;
mod note;
mod passkeys;
mod password;
mod permissions;
mod select;
mod shortcut;
mod slug;
mod time;
mod toast;

pub use badge::*;
pub use button::*;
pub use clipboard::*;
pub use dialog::*;
pub use done::*;
pub use empty::*;
pub use error_box::*;
pub use field::*;
pub use focus::*;
pub use form::*;
pub use icon::*;
pub use menu::*;
pub use note::*;
pub use passkeys::*;
pub use password::*;
pub use permissions::*;
pub use select::*;
pub use shortcut::*;
pub use slug::*;
pub use time::*;
pub use toast::*;
