//! When the page is taken over in the browser. Its chunk may come later than the main part, so this takes longer than one turn.

use leptos::prelude::*;
use std::cell::RefCell;

/// Said on `<html>` once the page answers: until then, its links and forms are the browser's.
const HYDRATED: &str = "data-hydrated";
/// Said there, by `start.js` as well, when they will stay the browser's: the code could not be had.
const STATIC: &str = "data-static";

thread_local! {
    static WAITING: RefCell<Vec<Box<dyn FnOnce()>>> = RefCell::default();
}

/// Is the page taken over?
pub fn is_hydrated() -> bool {
    document().document_element().is_some_and(|html| html.has_attribute(HYDRATED))
}

/// Does something as soon as the page is hydrated; at once, if it is already.
pub fn on_hydrated(then: impl FnOnce() + 'static) {
    if is_hydrated() {
        then();
    } else {
        WAITING.with_borrow_mut(|waiting| waiting.push(Box::new(then)));
    }
}

/// The page will not be taken over.
pub fn stays_static() {
    say(STATIC);
}

fn say(attribute: &str) {
    if let Some(html) = document().document_element() {
        let _ = html.set_attribute(attribute, "");
    }
}

/// The page is taken over.
pub fn hydrated() {
    say(HYDRATED);
    WAITING.take().into_iter().for_each(|then| then());
}
