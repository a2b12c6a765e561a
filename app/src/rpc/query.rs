//! What a page loads.

use super::{Answer, ServerCall, codec::to_form, transport};
use leptos::{prelude::*, server::codee::string::JsonSerdeWasmCodec};
use std::pin::Pin;

/// The answer to a call whose arguments depend on signals; called again when they change, and on [`Query::refetch`].
pub struct Query<S: ServerCall> {
    resource: Resource<Answer<S>, JsonSerdeWasmCodec>,
    /// Is the next call one that the page makes by itself?
    in_background: StoredValue<bool>,
    /// How many calls are under way.
    loading: StoredValue<u32>,
}

/// A call that is under way, or was given up.
struct Loading(StoredValue<u32>);

impl Drop for Loading {
    fn drop(&mut self) {
        self.0.try_update_value(|calls| *calls = calls.saturating_sub(1));
    }
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
        let (in_background, loading) = (StoredValue::new(false), StoredValue::new(0));
        let call = move |form| {
            let by_itself = in_background.try_update_value(std::mem::take).unwrap_or_default();
            loading.try_update_value(|calls| *calls += 1);
            let under_way = Loading(loading);
            async move {
                let answer = transport::send::<S>(form, by_itself).await;
                drop(under_way);
                answer
            }
        };
        Self { resource: Resource::new_serde_wb_blocking(move || to_form(&arguments()), call), in_background, loading }
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

    /// Is a call under way? What is shown meanwhile would be taken for its answer.
    pub fn is_loading(self) -> bool {
        self.loading.try_get_value().is_some_and(|calls| calls > 0)
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
