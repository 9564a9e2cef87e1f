//! Where traces go: to a collector by OTLP over HTTP, as the standard `OTEL_` variables of the process say. (They are read
//! by the OpenTelemetry crates, so a `.env` file does not hold them.)

use std::env;

/// True where the variables of the process ask for traces.
fn is_asked_for() -> bool {
    let has = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_disabled = env::var("OTEL_SDK_DISABLED").is_ok_and(|value| value.eq_ignore_ascii_case("true"));
    let has_none = env::var("OTEL_TRACES_EXPORTER").is_ok_and(|value| value.eq_ignore_ascii_case("none"));
    let has_target = has("OTEL_EXPORTER_OTLP_ENDPOINT") || has("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    let has_otlp = env::var("OTEL_TRACES_EXPORTER").is_ok_and(|value| value.eq_ignore_ascii_case("otlp"));
    (has_target || has_otlp) && !is_disabled && !has_none
}

#[cfg(not(feature = "otel"))]
pub use off::note;
#[cfg(feature = "otel")]
pub use on::{Traces, open};

#[cfg(not(feature = "otel"))]
mod off {
    /// Says once that this build tells no traces, where some are asked for.
    pub fn note() {
        if super::is_asked_for() {
            tracing::warn!(
                "The OTEL_ variables ask for traces, but this build has no traces: build it with --features otel"
            );
        }
    }
}

#[cfg(feature = "otel")]
mod on {
    use std::env;
    use std::time::Duration;

    use anyhow::{Context as _, bail};
    use async_trait::async_trait;
    use opentelemetry::trace::TracerProvider as _;
    use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
    use opentelemetry_otlp::{SpanExporter, WithHttpConfig as _};
    use opentelemetry_sdk::Resource;
    use opentelemetry_sdk::trace::{SdkTracerProvider, Tracer};
    use tokio::runtime::Handle;

    use crate::live::trace;
    use crate::providers::outbound;

    const CONNECT: Duration = Duration::from_secs(5);
    const LONGEST: Duration = Duration::from_secs(10);

    /// The way to the collector; what is left is sent when this is closed.
    #[derive(Debug)]
    pub struct Traces(SdkTracerProvider);

    impl Traces {
        /// What makes spans into traces.
        #[must_use]
        pub fn tracer(&self) -> Tracer {
            self.0.tracer("pollux")
        }

        /// Sends what is left. The runtime must still run.
        pub fn close(self) {
            let _ = self.0.shutdown();
        }
    }

    /// Opens the way that the variables name; none where no traces are asked for.
    pub fn open(runtime: &Handle) -> anyhow::Result<Option<Traces>> {
        if !super::is_asked_for() {
            return Ok(None);
        }
        for name in ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] {
            if env::var(name).is_ok_and(|value| !value.is_empty() && value != "http/protobuf") {
                bail!("{name} must be http/protobuf: this is what pollux speaks");
            }
        }
        let client = Post { client: outbound::client(CONNECT)?, runtime: runtime.clone() };
        let exporter = SpanExporter::builder().with_http().with_http_client(client).build();
        let exporter = exporter.context("OTEL_EXPORTER_OTLP_ENDPOINT can't be used")?;
        let traces = SdkTracerProvider::builder().with_resource(resource()).with_batch_exporter(exporter).build();
        trace::switch_on();
        Ok(Some(Traces(traces)))
    }

    /// Whose traces they are: as the variables say, else `pollux`.
    fn resource() -> Resource {
        let named = env::var_os("OTEL_SERVICE_NAME").is_some_and(|name| !name.is_empty())
            || env::var("OTEL_RESOURCE_ATTRIBUTES").is_ok_and(|given| given.contains("service.name="));
        let builder = Resource::builder();
        if named { builder.build() } else { builder.with_service_name("pollux").build() }
    }

    /// Sends by our own client, on our own runtime: the exporter's thread has none.
    #[derive(Debug)]
    struct Post {
        client: reqwest::Client,
        runtime: Handle,
    }

    #[async_trait]
    impl HttpClient for Post {
        async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
            let client = self.client.clone();
            let sent = self.runtime.spawn(async move {
                let mut request: reqwest::Request = request.try_into()?;
                *request.timeout_mut() = Some(LONGEST);
                let answer = client.execute(request).await?;
                let status = answer.status();
                Ok::<_, reqwest::Error>((status, answer.bytes().await?))
            });
            let (status, body) = sent.await??;
            Ok(Response::builder().status(status).body(body)?)
        }
    }
}
