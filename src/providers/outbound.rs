//! How we call the outside: one way to build an HTTP client, so that no provider follows a redirect, obeys a proxy
//! from the environment, or fails to start on a machine without certificates of its own.

use std::time::Duration;

use reqwest::header::DATE;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder};

use crate::domain::time::Timestamp;
use crate::error::{Error, Result};

/// How long a look at the outside's clock may take.
const LONGEST_LOOK: Duration = Duration::from_secs(3);

/// Builds a client that trusts the machine's certificate authorities or, where it has none, those compiled in.
pub fn client(connect_timeout: Duration) -> Result<Client> {
    // Refused when a provider is there already, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    builder(connect_timeout).build().or_else(|_| with_compiled_roots(connect_timeout)).map_err(Error::internal)
}

/// The date that a server of the outside gives, whatever it answers; none where it can't be reached or gives none.
/// Nothing is sent but the address, which is a provider's base.
pub async fn date_at(base_url: &str) -> Option<Timestamp> {
    let request = client(LONGEST_LOOK).ok()?.get(base_url).timeout(LONGEST_LOOK);
    let answer = request.send().await.ok()?;
    Timestamp::parse_http_date(answer.headers().get(DATE)?.to_str().ok()?)
}

fn builder(connect_timeout: Duration) -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("pollux/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(connect_timeout)
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy()
}

fn with_compiled_roots(connect_timeout: Duration) -> reqwest::Result<Client> {
    let roots: reqwest::Result<Vec<_>> =
        webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(|root| Certificate::from_der(root)).collect();
    builder(connect_timeout).tls_certs_only(roots?).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_built_with_the_machines_certificates_or_without() {
        client(Duration::from_secs(1)).unwrap();
        with_compiled_roots(Duration::from_secs(1)).unwrap();
    }

    #[test]
    fn a_machine_without_certificates_gets_a_client_too() {
        const CHILD: &str = "POLLUX_TEST_WITHOUT_CERTIFICATES";
        if std::env::var_os(CHILD).is_some() {
            client(Duration::from_secs(1)).unwrap();
            assert!(builder(Duration::from_secs(1)).build().is_err(), "there are certificates after all");
            return;
        }
        let name = "providers::outbound::tests::a_machine_without_certificates_gets_a_client_too";
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name])
            .env(CHILD, "1")
            .env("SSL_CERT_FILE", "/nowhere/certificates.pem")
            .env("SSL_CERT_DIR", "/nowhere")
            .output()
            .unwrap();
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
        assert!(String::from_utf8_lossy(&child.stdout).contains("1 passed"));
    }
}
