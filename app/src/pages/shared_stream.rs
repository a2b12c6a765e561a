//! One stream of events for all tabs that show the same account to the same person: browsers open six connections to a server, and a stream
//! takes one for as long as it lasts. The tab that holds a lock of the browser has the stream, and tells the others what it hears. When it
//! is closed or hidden, the next one gets the lock and opens the stream anew.

use js_sys::{Function, Object, Promise, Reflect};
use leptos::{prelude::*, task::spawn_local, wasm_bindgen::closure::Closure};
use std::{
    cell::RefCell,
    rc::{Rc, Weak},
};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, BroadcastChannel, Event, EventSource, MessageEvent,
    wasm_bindgen::{JsCast, JsValue},
};

/// What a tab hears when another one has the stream already: as after `open`, what was changed until now is not told.
const JOINED: &str = "open";

/// This tab's part in a stream, until it is dropped.
pub(super) struct SharedStream(Rc<Tab>);

struct Tab {
    /// The address of the stream.
    address: String,
    /// The events of the stream, by their names.
    events: &'static [&'static str],
    hear: Box<dyn Fn(&str)>,
    /// The other tabs.
    channel: Option<BroadcastChannel>,
    /// There while this tab has the stream.
    source: RefCell<Option<Source>>,
    /// Gives the lock to the next tab.
    resign: RefCell<Option<Function>>,
    /// Ends waiting for the lock.
    waiting: Option<AbortController>,
    /// What the browser calls; kept as long as it may do so.
    granted: RefCell<Vec<Granted>>,
    told: RefCell<Option<Told>>,
}

/// Called when the browser grants the lock.
type Granted = Closure<dyn FnMut(JsValue) -> JsValue>;
/// Called when another tab tells what it heard.
type Told = Closure<dyn Fn(MessageEvent)>;

/// An open stream; dropping it closes it.
struct Source {
    source: EventSource,
    _listener: Closure<dyn Fn(Event)>,
}

impl Drop for Source {
    fn drop(&mut self) {
        self.source.close();
    }
}

impl SharedStream {
    /// Takes part in the stream at `address`, with all tabs that do so under the same name. Where the browser has no locks, as on an address
    /// without TLS, each tab has a stream of its own.
    pub(super) fn join(
        address: String,
        name: &str,
        events: &'static [&'static str],
        hear: impl Fn(&str) + 'static,
    ) -> Self {
        let locks = Reflect::get(&window().navigator(), &"locks".into()).unwrap_or_default();
        let channel = if locks.is_object() { BroadcastChannel::new(name).ok() } else { None };
        let tab = Rc::new(Tab {
            address,
            events,
            hear: Box::new(hear),
            channel,
            source: RefCell::new(None),
            resign: RefCell::new(None),
            waiting: AbortController::new().ok(),
            granted: RefCell::new(Vec::new()),
            told: RefCell::new(None),
        });
        match &tab.channel {
            Some(channel) => {
                tab.listen_to(channel);
                tab.ask_for_lead(&locks, name, Patience::None);
            }
            None => tab.lead(),
        }
        Self(tab)
    }

    /// Did the server refuse the stream to this tab? The browser does not try again by itself.
    pub(super) fn is_refused(&self) -> bool {
        let source = self.0.source.borrow();
        source.as_ref().is_some_and(|Source { source, .. }| source.ready_state() == EventSource::CLOSED)
    }

    /// Asks for a stream again that the server refused.
    pub(super) fn reopen(&self) {
        self.0.lead();
    }

    /// Leaves the stream, which goes on in the next tab.
    pub(super) fn leave(&self) {
        self.0.leave();
    }
}

impl Drop for SharedStream {
    fn drop(&mut self) {
        self.leave();
    }
}

/// How long a tab waits for the lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    /// It has it at once, or another tab has it.
    None,
    UntilItLeaves,
}

impl Tab {
    fn listen_to(self: &Rc<Self>, channel: &BroadcastChannel) {
        let tab = Rc::downgrade(self);
        let told = Closure::<dyn Fn(MessageEvent)>::new(move |message: MessageEvent| {
            if let (Some(tab), Some(name)) = (tab.upgrade(), message.data().as_string()) {
                (tab.hear)(&name);
            }
        });
        channel.set_onmessage(Some(told.as_ref().unchecked_ref()));
        self.told.replace(Some(told));
    }

    fn ask_for_lead(self: &Rc<Self>, locks: &JsValue, name: &str, patience: Patience) {
        let (tab, again) = (Rc::downgrade(self), (locks.clone(), name.to_owned()));
        let granted = Closure::<dyn FnMut(JsValue) -> JsValue>::new(move |lock: JsValue| {
            let Some(tab) = tab.upgrade() else { return JsValue::UNDEFINED };
            if lock.is_null() {
                (tab.hear)(JOINED);
                let (locks, name) = &again;
                tab.ask_for_lead(locks, name, Patience::UntilItLeaves);
                return JsValue::UNDEFINED;
            }
            tab.lead();
            // The lock is held until this is resolved.
            Promise::new(&mut |resolve, _| drop(tab.resign.replace(Some(resolve)))).into()
        });
        let asked = self.request(locks, name, patience, granted.as_ref());
        self.granted.borrow_mut().push(granted);
        match asked {
            // It ends with an error where this tab leaves before.
            Ok(held) => spawn_local(async move { drop(JsFuture::from(held).await) }),
            Err(_) => self.lead(),
        }
    }

    fn request(&self, locks: &JsValue, name: &str, patience: Patience, granted: &JsValue) -> Result<Promise, JsValue> {
        let options = Object::new();
        match patience {
            Patience::None => Reflect::set(&options, &"ifAvailable".into(), &true.into())?,
            Patience::UntilItLeaves => match &self.waiting {
                Some(waiting) => Reflect::set(&options, &"signal".into(), &waiting.signal())?,
                None => false,
            },
        };
        let request: Function = Reflect::get(locks, &"request".into())?.dyn_into()?;
        request.call3(locks, &name.into(), &options, granted)?.dyn_into()
    }

    fn lead(self: &Rc<Self>) {
        let Ok(source) = EventSource::new(&self.address) else { return };
        let tab: Weak<Self> = Rc::downgrade(self);
        let listener = Closure::<dyn Fn(Event)>::new(move |event: Event| {
            if let Some(tab) = tab.upgrade() {
                tab.tell(&event.type_());
            }
        });
        for name in self.events {
            let _ = source.add_event_listener_with_callback(name, listener.as_ref().unchecked_ref());
        }
        let before = self.source.replace(Some(Source { source, _listener: listener }));
        // Its listener may be running.
        set_timeout(move || drop(before), std::time::Duration::ZERO);
    }

    /// Tells the other tabs and this one.
    fn tell(&self, name: &str) {
        if let Some(channel) = &self.channel {
            let _ = channel.post_message(&name.into());
        }
        (self.hear)(name);
    }

    fn leave(&self) {
        if let Some(Source { source, .. }) = &*self.source.borrow() {
            source.close();
        }
        if let Some(channel) = &self.channel {
            channel.set_onmessage(None);
            channel.close();
        }
        if let Some(waiting) = &self.waiting {
            waiting.abort();
        }
        if let Some(resign) = self.resign.take() {
            let _ = resign.call0(&JsValue::UNDEFINED);
        }
    }
}
