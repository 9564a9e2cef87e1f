//! Limits that somebody tries to walk around: other spellings, other names, other paths, and addresses that are only
//! claimed.

use std::time::Duration;

use serde_json::json;

use super::{codes, number, send};
use crate::harness::client::Answer;
use crate::harness::{Client, on_both_engines};

const MOBILE: &str = "+15005550006";

/// Ways to write [`MOBILE`].
const SPELLINGS: [&str; 12] = [
    "+15005550006",
    "15005550006",
    "+1 500 555 0006",
    "+1-500-555-0006",
    "+1.500.555.0006",
    "1 (500) 555-0006",
    "(1)5005550006",
    " +15005550006",
    "+15005550006 ",
    "+1 5 0 0 5 5 5 0 0 0 6",
    "+1--500--555--0006",
    "+(1500)5550006",
];

/// Headers by which other servers let a caller say where it comes from.
const CLAIMS: [(&str, &str); 16] = [
    ("x-forwarded-for", "203.0.113.9"),
    ("x-forwarded-for", "203.0.113.9, 198.51.100.7"),
    ("x-forwarded-for", "127.0.0.1, 203.0.113.10"),
    ("x-forwarded-for", "::ffff:203.0.113.11"),
    ("x-forwarded-for", "2001:db8::1"),
    ("x-forwarded-for", ""),
    ("forwarded", "for=203.0.113.9"),
    ("x-real-ip", "203.0.113.9"),
    ("x-client-ip", "203.0.113.9"),
    ("true-client-ip", "203.0.113.9"),
    ("cf-connecting-ip", "203.0.113.9"),
    ("fastly-client-ip", "203.0.113.9"),
    ("x-cluster-client-ip", "203.0.113.9"),
    ("x-originating-ip", "203.0.113.9"),
    ("x-remote-addr", "203.0.113.9"),
    ("via", "1.1 203.0.113.9"),
];

async fn claiming(client: &Client, claim: (&str, &str), path: &str, body: serde_json::Value) -> Answer {
    client.post_with(path, &[claim], body).await
}

on_both_engines! {
    async fn no_spelling_of_a_number_member_or_path_buys_another_code(app) {
        let client = app.client();
        send(&client, MOBILE).await;
        let mut tried = 0;
        for spelling in SPELLINGS {
            for name in ["mobile", "mobile_number", "mobileNumber", "phone"] {
                for path in ["/auth/send-otp", "/api/v1/auth/send-otp/", "/auth/forgot-password"] {
                    let refused = client.post(path, json!({name: spelling})).await;
                    refused.expect_problem(429, "otp_resend_too_soon");
                    tried += 1;
                }
            }
        }
        assert!(tried >= 60 && codes(&app).await == 1);
    }

    ["OTP_SENDS_PER_ADDRESS_HOUR" = "20"]
    async fn no_claim_of_another_address_buys_another_code(app) {
        let client = app.client();
        for index in 0..20 {
            send(&client, &number(index)).await;
        }
        for (index, claim) in CLAIMS.into_iter().enumerate() {
            let body = json!({"mobile": number(100 + index)});
            claiming(&client, claim, "/auth/send-otp", body).await.expect_problem(429, "otp_send_limited");
        }
        assert_eq!(codes(&app).await, 20);
    }

    ["OTP_CHECKS_PER_ADDRESS_5MIN" = "30"]
    async fn no_claim_of_another_address_buys_another_guess(app) {
        let client = app.client();
        let guess = json!({"mobile": number(1), "otp": "000000"});
        for turn in 0..30 {
            claiming(&client, CLAIMS[turn % CLAIMS.len()], "/auth/verify-otp", guess.clone()).await.expect(401);
        }
        for claim in CLAIMS {
            for path in ["/auth/verify-otp", "/api/v1/auth/verify-otp/", "/auth/reset-password"] {
                claiming(&client, claim, path, guess.clone()).await.expect_problem(429, "rate_limited");
            }
        }
    }

    [
        "TRUSTED_PROXIES" = "127.0.0.1,198.51.100.0/24",
        "OTP_SENDS_PER_ADDRESS_HOUR" = "20",
    ]
    async fn behind_a_proxy_a_caller_is_the_last_address_that_no_proxy_of_ours_wrote(app) {
        let client = app.client();
        let ask = async |forwarded: String, index: usize| {
            claiming(&client, ("x-forwarded-for", &forwarded), "/auth/send-otp", json!({"mobile": number(index)})).await
        };
        // The one network under as many addresses, with as many made-up hops before it and a proxy of ours behind.
        for index in 0..20 {
            ask(format!("203.0.113.{index}, 2001:db8:1:2:{index:x}::7, 198.51.100.4"), index).await.expect(200);
        }
        for (index, forwarded) in [
            "2001:db8:1:2:ffff::1",
            "2001:DB8:1:2::",
            "8.8.8.8, 2001:db8:1:2::9",
            "[2001:db8:1:2::9]:443",
            "unknown, 2001:db8:1:2::9, 198.51.100.9",
        ].into_iter().enumerate() {
            ask(forwarded.to_owned(), 200 + index).await.expect_problem(429, "otp_send_limited");
        }
        ask("2001:db8:1:3::1".to_owned(), 300).await.expect(200);
        assert_eq!(codes(&app).await, 21);
        app.advance(Duration::from_hours(1));
        ask("2001:db8:1:2::1".to_owned(), 301).await.expect(200);
    }
}
