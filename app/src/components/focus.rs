//! Focus management: what comes next has the focus, it is never lost, and it is never taken from somebody who types.
//!
//! * `data-autofocus` marks what is next on a page or in a dialog that has just come. It is not the attribute `autofocus`: some browsers
//!   heed that one late, when somebody types in another field already.
//! * `data-focus` marks where the focus goes when what had it was taken away; otherwise it goes to the dialog's heading or to the page.

use leptos::{ev, prelude::*, wasm_bindgen::closure::Closure};
use std::{cell::RefCell, rc::Rc};
use web_sys::{Element, HtmlElement, MutationObserver, MutationObserverInit, wasm_bindgen::JsCast};

/// What gets the focus on a page or in a dialog that opens, best first: after an error the field that is wrong.
const FOCUS_TARGETS: [&str; 2] = ["[aria-invalid=true]", "[data-autofocus]"];
/// Where the focus goes when it was lost, best first.
const FALLBACK_TARGETS: [&str; 5] = [
    "dialog[open] [data-focus]",
    "dialog[open] [data-autofocus]",
    "dialog[open] h2",
    "main :is([data-autofocus], [data-focus])",
    "main",
];

/// Looks after the focus of the whole page; once, at the root.
pub fn keep_focus() {
    Effect::new(|| {
        if let (None, Some(main)) = (focused(), find("main")) {
            focus_next(&main);
        }
        let last = Rc::new(RefCell::new(None::<Element>));
        let (entered, pressed) = (last.clone(), last.clone());
        window_event_listener(ev::focusin, move |event| {
            entered.replace(event.target().and_then(|target| target.dyn_into().ok()));
        });
        // A press beside every control gives the focus up.
        window_event_listener(ev::pointerdown, move |_| drop(pressed.take()));
        let changed = Closure::<dyn Fn()>::new(move || {
            let is_gone = last.borrow().as_ref().is_some_and(|last| !last.is_connected());
            if is_gone && focused().is_none() {
                last.take();
                // A dialog that closes restores the focus itself, a moment later.
                request_animation_frame(|| {
                    if focused().is_none() {
                        focus_on(FALLBACK_TARGETS.into_iter().find_map(find));
                    }
                });
            }
        });
        if let Ok(observer) = MutationObserver::new(changed.as_ref().unchecked_ref()) {
            let options = MutationObserverInit::new();
            options.set_child_list(true);
            options.set_subtree(true);
            let _ = observer.observe_with_options(&document(), &options);
        }
        // The closure must live as long as the page.
        changed.forget();
    });
}

/// What has the focus, if anything has.
pub(super) fn focused() -> Option<HtmlElement> {
    let element = document().active_element()?;
    (element.tag_name() != "BODY").then(|| element.dyn_into().ok())?
}

/// Gives the focus to what is next inside of this.
pub(super) fn focus_next(inside: &Element) {
    focus_on(FOCUS_TARGETS.into_iter().find_map(|selector| html(inside.query_selector(selector).ok()?)));
}

/// Focuses the element that a selector finds once what is about to be shown is there, unless somebody has moved on to a field.
pub fn focus_soon(selector: impl Into<String>) {
    let selector = selector.into();
    request_animation_frame(move || {
        let in_field = focused().is_some_and(|element| element.matches("input, textarea, select").unwrap_or(false));
        if !in_field {
            focus_on(find(&selector));
        }
    });
}

/// Focuses the first element that one of these selectors finds, in their order, once what is about to be shown is there.
pub fn focus_first_soon(selectors: &'static [&'static str]) {
    request_animation_frame(move || focus_on(selectors.iter().find_map(|selector| find(selector))));
}

fn find(selector: &str) -> Option<HtmlElement> {
    html(document().query_selector(selector).ok()?)
}

fn html(element: Option<Element>) -> Option<HtmlElement> {
    element?.dyn_into().ok()
}

fn focus_on(element: Option<HtmlElement>) {
    if let Some(element) = element {
        let _ = element.focus();
    }
}
