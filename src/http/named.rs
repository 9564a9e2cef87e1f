//! Tells the door which route took a request: the door stands outside the router, and counts by the route's template, as
//! paths themselves are without number.

use std::task::{Context, Poll};

use axum::extract::{MatchedPath, Request};
use tower::layer::layer_fn;
use tower::{Layer, Service};

use crate::app::App;
use crate::live::metrics::Template;

/// What stands before each route; it adds no future of its own.
#[derive(Clone)]
pub(super) struct Named<S> {
    app: App,
    inner: S,
}

impl Named<()> {
    /// Puts it before a route.
    pub fn layer<S>(app: &App) -> impl Layer<S, Service = Named<S>> + Clone + use<S> {
        let app = app.clone();
        layer_fn(move |inner| Named { app: app.clone(), inner })
    }
}

impl<S: Service<Request>> Service<Request> for Named<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> S::Future {
        let (route, template) = (request.extensions().get::<MatchedPath>(), request.extensions().get::<Template>());
        if let (Some(route), Some(template)) = (route, template) {
            self.app.metrics.took(template, route.as_str());
        }
        self.inner.call(request)
    }
}
