//! Bad input when a code is asked for: exact answers, and no code made.

use serde_json::{Value, json};

use super::{codes, number, send};
use crate::harness::on_both_engines;

const ROUTES: [&str; 2] = ["/auth/send-otp", "/auth/signup"];

on_both_engines! {
    async fn a_phone_that_is_missing_empty_or_no_text_is_refused(app) {
        let client = app.client();
        for route in ROUTES {
            client.post(route, json!({})).await.expect_flaw("/mobile", "required");
            client.post(route, json!({"mobile": ""})).await.expect_flaw("/mobile", "phone_format");
            client.post(route, json!({"phone": "   "})).await.expect_flaw("/phone", "phone_format");
            for odd in [json!({}), json!([number(1)]), json!(true), json!(15_005_550_006_u64), Value::Null] {
                client.post(route, json!({"mobile": odd})).await.expect_flaw("/mobile", "not_a_text");
            }
        }
        assert_eq!((codes(&app).await, app.count("select count(*) from phones").await), (0, 0));
    }

    async fn a_phone_that_is_not_e164_is_refused_under_the_name_it_came_by(app) {
        let client = app.client();
        let odd = [
            "+1500555000a", "٠١٢٣٤٥٦٧٨٩", "+１５００５５５０００６", "1234567", "+1234567890123456", "+15005550006 x12",
            "+15005550006;ext=1", "+15005550006,+15005550007", "+1500555 0006/7", "++15005550006", "tel:+15005550006",
            "0015005550006", "+015005550006", "+15005550006\n", "\u{202a}+15005550006", "+1500\u{a0}5550006", "-", "+",
            "' or 1=1 --", "+1500555000\u{0}6",
        ];
        for (index, text) in odd.into_iter().enumerate() {
            let name = ["mobile", "mobile_number", "mobileNumber", "phone"][index % 4];
            for route in ROUTES {
                let refused = client.post(route, json!({name: text})).await;
                assert!(text.len() < 3 || !refused.text.contains(text), "{}", refused.text);
                refused.expect_flaw(&format!("/{name}"), "phone_format");
            }
        }
        assert_eq!((codes(&app).await, app.count("select count(*) from phones").await), (0, 0));
    }

    async fn spellings_of_one_number_share_one_limit(app) {
        let client = app.client();
        send(&client, "+15005550006").await;
        for spelling in ["15005550006", "+1 500 555 0006", "+1-500-555-0006", "1 (500) 555.0006"] {
            let again = client.post("/auth/send-otp", json!({"mobile": spelling})).await;
            again.expect_problem(429, "otp_resend_too_soon");
        }
        assert_eq!(codes(&app).await, 1);
    }

    ["DEFAULT_COUNTRY_CODE" = "91"]
    async fn national_numbers_get_the_default_country(app) {
        let client = app.client();
        for (sent, read) in [("8989898989", "+918989898989"), ("09898 989 898", "+919898989898"), ("+4915112345678", "+4915112345678")] {
            let answer = client.post("/auth/signup", json!({"mobile": sent})).await.expect(201);
            assert_eq!(answer.body["mobile"], read);
        }
    }

    async fn an_unknown_purpose_is_refused(app) {
        let client = app.client();
        for odd in ["", "Login", "reset", "admin", "login "] {
            let body = json!({"mobile": number(1), "purpose": odd});
            client.post("/auth/send-otp", body).await.expect_flaw("/purpose", "unknown_purpose");
        }
        for odd in [json!(1), json!(["login"]), json!({})] {
            let body = json!({"mobile": number(1), "purpose": odd});
            client.post("/auth/send-otp", body).await.expect_flaw("/purpose", "not_a_text");
        }
        assert_eq!(codes(&app).await, 0);
    }

    async fn an_unknown_member_is_refused(app) {
        let client = app.client();
        for name in ["id", "user_id", "tier", "otp", "is_admin", "__proto__", "a/b"] {
            let pointer = format!("/{}", name.replace('/', "~1"));
            let body = json!({"mobile": number(1), name: "x"});
            client.post("/auth/send-otp", body).await.expect_flaw(&pointer, "unknown_member");
        }
        assert_eq!(codes(&app).await, 0);
    }

    async fn a_name_that_is_no_line_of_text_is_refused_at_sign_up(app) {
        let client = app.client();
        let long = "x".repeat(121);
        for name in ["", "  ", &long, "a\nb", "a\u{0}b", "a\u{202e}b"] {
            let refused = client.post("/auth/signup", json!({"mobile": number(1), "name": name})).await;
            let refused = refused.expect_problem(422, "validation_failed");
            assert_eq!(refused.body["errors"][0]["pointer"], "/name", "{name:?}");
        }
        assert_eq!(app.count("select count(*) from phones").await, 0);
    }

    async fn a_body_that_is_not_one_json_object_is_refused_before_anything_is_done(app) {
        let client = app.client();
        let post = |body: &'static str| client.request(reqwest::Method::POST, "/auth/send-otp").body(body);
        let json_type = ("content-type", "application/json");
        for body in ["", "{", "{} {}", "{\"mobile\": \"+15005550006\", \"mobile\": \"+15005550007\"}", "NaN", "{\"a\":\"\\ud800\"}"] {
            client.send(post(body).header(json_type.0, json_type.1)).await.expect_problem(400, "invalid_json");
        }
        for body in ["[]", "\"+15005550006\"", "null", "1"] {
            client.send(post(body).header(json_type.0, json_type.1)).await.expect_flaw("", "not_an_object");
        }
        let sound = "{\"mobile\": \"+15005550006\"}";
        for kind in ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16"] {
            client.send(post(sound).header("content-type", kind)).await.expect_problem(415, "unsupported_media_type");
        }
        client.send(post(sound)).await.expect_problem(415, "unsupported_media_type");
        let packed = post(sound).header(json_type.0, json_type.1).header("content-encoding", "gzip");
        client.send(packed).await.expect_problem(415, "unsupported_media_type");
        let other = post(sound).header(json_type.0, json_type.1).header("accept", "text/html");
        client.send(other).await.expect_problem(406, "not_acceptable");
        let query = client.post("/auth/send-otp?mobile=1", json!({"mobile": number(1)})).await;
        query.expect_flaw("?mobile", "unknown_member");
        assert_eq!(codes(&app).await, 0);
    }
}
