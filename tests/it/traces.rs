//! A request and the job that comes of it are one trace, told to a collector; a build that tells none says so once.

use crate::harness::binary::Binary;

#[cfg(not(feature = "otel"))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_build_without_traces_says_so_once_where_some_are_asked_for() {
    const SAID: &str = "this build has no traces";
    let asked = Binary::start(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")]).await;
    assert_eq!(asked.log().matches(SAID).count(), 1, "{}", asked.log());
    let disabled = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"), ("OTEL_SDK_DISABLED", "true")];
    assert!(!Binary::start(&disabled).await.log().contains(SAID));
    assert!(!Binary::start(&[]).await.log().contains(SAID));
}

#[cfg(feature = "otel")]
mod collected {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use serde_json::json;

    use super::Binary;
    use crate::harness::work::until;

    /// A field of a message of protobuf: its number, and its bytes where it has some.
    fn fields(mut bytes: &[u8]) -> Vec<(u64, &[u8])> {
        let mut found = Vec::new();
        while !bytes.is_empty() {
            let tag = number(&mut bytes);
            let length = match tag & 7 {
                0 => {
                    number(&mut bytes);
                    0
                }
                1 => 8,
                2 => usize::try_from(number(&mut bytes)).unwrap(),
                5 => 4,
                other => panic!("wire type {other}"),
            };
            let (value, rest) = bytes.split_at(length);
            found.push((tag >> 3, value));
            bytes = rest;
        }
        found
    }

    fn number(bytes: &mut &[u8]) -> u64 {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = bytes.split_first().unwrap();
            *bytes = rest;
            value |= u64::from(byte & 127) << shift;
            if byte & 128 == 0 {
                break;
            }
        }
        value
    }

    /// The values of a field in all these messages.
    fn inside(messages: Vec<&[u8]>, field: u64) -> Vec<&[u8]> {
        let all = messages.into_iter().flat_map(fields);
        all.filter(|(number, _)| *number == field).map(|(_, value)| value).collect()
    }

    #[derive(Clone, Debug)]
    struct Span {
        name: String,
        trace: Vec<u8>,
        id: Vec<u8>,
        parent: Vec<u8>,
        /// All of it, to be searched.
        text: String,
    }

    fn read(span: &[u8]) -> Span {
        let field = |number: u64| inside(vec![span], number).first().map_or(Vec::new(), |value| value.to_vec());
        let name = String::from_utf8(field(5)).unwrap();
        let text = String::from_utf8_lossy(span).into_owned();
        Span { name, trace: field(1), id: field(2), parent: field(4), text }
    }

    #[derive(Clone, Default)]
    struct Collector(Arc<Mutex<(Vec<Span>, Vec<u8>)>>);

    impl Collector {
        /// Listens, and says where.
        async fn open(&self) -> String {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = format!("http://{}", listener.local_addr().unwrap());
            let this = self.clone();
            let take = move |body: bytes::Bytes| {
                let spans = inside(inside(inside(vec![&body], 1), 2), 2).into_iter().map(read);
                let mut kept = this.0.lock().unwrap();
                kept.0.extend(spans);
                kept.1.extend_from_slice(&body);
                async { "" }
            };
            let router = axum::Router::new().route("/v1/traces", axum::routing::post(take));
            tokio::spawn(axum::serve(listener, router).into_future());
            address
        }

        /// Waits until a span of that name has come, and answers with it.
        async fn span(&self, name: &str, parent: Option<&Span>) -> Span {
            until(Duration::from_secs(20), "a span", || {
                let spans = self.0.lock().unwrap().0.clone();
                let fits = |span: &Span| span.name == name && parent.is_none_or(|parent| parent.id == span.parent);
                let found = spans.into_iter().find(fits);
                async { found }
            })
            .await
        }

        fn bytes(&self) -> String {
            String::from_utf8_lossy(&self.0.lock().unwrap().1).into_owned()
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_message_and_its_reply_are_one_trace() {
        let collector = Collector::default();
        let address = collector.open().await;
        let settings = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", address.as_str()),
            ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=harbour"),
            ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        ];
        let mut binary = Binary::start(&settings).await;
        let number = "+15005550006";
        let user = binary.client().sign_in(number).await;
        let room = user.room().await;
        let path = format!("/chatroom/{room}/message");
        let head = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ("prefer", "wait=20")];
        user.post_with(&path, &head, json!({"content": "seven green herons"})).await.expect(200);

        let request = collector.span("POST /chatroom/{id}/message", None).await;
        assert_eq!(request.parent, 0x00f0_67aa_0ba9_02b7_u64.to_be_bytes());
        assert_eq!(request.trace, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736_u128.to_be_bytes());
        let accept = collector.span("accept", Some(&request)).await;
        let job = collector.span("reply", Some(&request)).await;
        let call = collector.span("model call", Some(&job)).await;
        let finish = collector.span("finish", Some(&job)).await;
        for span in [&accept, &job, &call, &finish] {
            assert_eq!(span.trace, request.trace, "{span:?}");
        }
        assert!(request.text.contains("/chatroom/{id}/message") && job.text.contains("job.kind"));
        assert_ne!(collector.span("POST /chatroom", None).await.trace, request.trace);
        binary.stop().await;
        let all = collector.bytes();
        assert!(all.contains("pollux") && all.contains("harbour"));
        let token = user.token.clone().unwrap();
        for hidden in ["herons", &number[1..], &token, &room] {
            assert!(!all.contains(hidden), "{hidden}");
        }
        let log = binary.log();
        assert!(log.contains("A reply is final.") && !log.contains("model call"), "{log}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn nothing_is_told_where_nothing_is_asked_for() {
        let collector = Collector::default();
        let address = collector.open().await;
        let settings = [("OTEL_EXPORTER_OTLP_ENDPOINT", address.as_str()), ("OTEL_SDK_DISABLED", "true")];
        let mut binary = Binary::start(&settings).await;
        binary.client().sign_in("+15005550006").await.room().await;
        binary.stop().await;
        assert_eq!(collector.bytes(), "");
    }
}
