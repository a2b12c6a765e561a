//! What a page loads.

use super::{Answer, ServerCall, codec::to_form, transport};
use leptos::{prelude::*, server::codee::string::JsonSerdeWasmCodec};
use std::pin::Pin;

/// The answer to a call whose arguments depend on signals; called again when they change, and on [`Query::refetch`].
pub struct Query<S: ServerCall> {
    resource: Resource<Answer<S>, JsonSerdeWasmCodec>,
    /// Is the next call one that the page makes by itself?
    in_background: StoredValue<bool>,
}

impl<S: ServerCall> Clone for Query<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: ServerCall> Copy for Query<S> {}

impl<S: ServerCall> Query<S> {
    /// Calls now, and again when what `arguments` reads has changed.
    pub fn new(arguments: impl Fn() -> S + Send + Sync + 'static) -> Self {
        let in_background = StoredValue::new(false);
        let call = move |form| {
            let by_itself = in_background.try_update_value(std::mem::take).unwrap_or_default();
            transport::send::<S>(form, by_itself)
        };
        Self { resource: Resource::new_serde_wb_blocking(move || to_form(&arguments()), call), in_background }
    }

    /// Calls again.
    pub fn refetch(self) {
        self.resource.refetch();
    }

    /// Calls again, by the page itself and because of nothing that somebody did.
    pub fn refetch_in_background(self) {
        self.in_background.set_value(true);
        self.resource.refetch();
    }

    /// The answer that is shown, once there is one.
    pub fn shown(self) -> Option<Answer<S>> {
        self.resource.try_get_untracked().flatten()
    }

    /// Shows another answer, which came in another way.
    pub fn show(self, answer: Answer<S>) {
        self.resource.set(Some(answer));
    }
}

impl<S: ServerCall> IntoFuture for Query<S> {
    type Output = Answer<S>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.resource.into_future())
    }
}
