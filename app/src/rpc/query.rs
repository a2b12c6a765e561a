//! What a page loads.

use super::{Answer, ServerCall, codec::to_form, transport};
use leptos::{prelude::*, server::codee::string::JsonSerdeWasmCodec};
use std::pin::Pin;

/// The answer to a call whose arguments depend on signals; called again when they change, and on [`Query::refetch`].
pub struct Query<S: ServerCall>(Resource<Answer<S>, JsonSerdeWasmCodec>);

impl<S: ServerCall> Clone for Query<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: ServerCall> Copy for Query<S> {}

impl<S: ServerCall> Query<S> {
    /// Calls now, and again when what `arguments` reads has changed.
    pub fn new(arguments: impl Fn() -> S + Send + Sync + 'static) -> Self {
        Self(Resource::new_serde_wb_blocking(move || to_form(&arguments()), transport::send::<S>))
    }

    /// Calls again.
    pub fn refetch(self) {
        self.0.refetch();
    }

    /// The answer that is shown, once there is one.
    pub fn shown(self) -> Option<Answer<S>> {
        self.0.try_get_untracked().flatten()
    }

    /// Shows another answer, which came in another way.
    pub fn show(self, answer: Answer<S>) {
        self.0.set(Some(answer));
    }
}

impl<S: ServerCall> IntoFuture for Query<S> {
    type Output = Answer<S>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.0.into_future())
    }
}
