//! Production is not a demo.

use pollux::config::{PartState, PaymentMode};

use super::{read, told};

#[test]
fn demo_parts_are_refused_off_loopback_unless_they_are_named() {
    for host in ["0.0.0.0", "::", "192.168.1.5"] {
        let demo = [("HOST", host), ("CODE_DELIVERY", "echo"), ("PAYMENTS", "demo")];
        let refused = read(&demo).unwrap_err();
        assert_eq!(refused.0.len(), 3, "{refused}");
        for words in ["echo to ALLOW_DEMO", "model to ALLOW_DEMO", "payments to ALLOW_DEMO"] {
            assert!(refused.to_string().contains(words), "{refused}");
        }
        let allowed = [demo.as_slice(), &[("ALLOW_DEMO", "echo, model,payments")]].concat();
        assert!(read(&allowed).is_ok());
    }
    for host in ["127.0.0.1", "127.9.9.9", "::1", "localhost", "::ffff:127.0.0.1"] {
        assert!(read(&[("HOST", host)]).is_ok(), "{host}");
    }
    assert!(told(&[("ALLOW_DEMO", "everything")]).contains("ALLOW_DEMO"));
}

#[test]
fn off_loopback_code_delivery_must_be_set_and_the_log_counts_as_a_demo() {
    let base = [("HOST", "0.0.0.0"), ("GEMINI_API_KEY", "AIzaSyA1b2C3d4E5f6G7h8I9j0")];
    let unset = read(&base).unwrap_err();
    assert_eq!(unset.0, ["CODE_DELIVERY must be set where HOST is not a loopback address"]);
    let log = [base.as_slice(), &[("CODE_DELIVERY", "log")]].concat();
    assert!(told(&log).contains("CODE_DELIVERY=log is for development"));
    let config = read(&[log.as_slice(), &[("ALLOW_DEMO", "echo")]].concat()).unwrap();
    assert_eq!(config.payments.mode, PaymentMode::Off);
}

#[test]
fn an_unknown_way_of_delivery_is_refused() {
    assert!(told(&[("CODE_DELIVERY", "pigeon")]).contains("must be one of"));
}

#[test]
fn a_live_stripe_key_and_demo_parts_exclude_each_other() {
    let live = ("STRIPE_SECRET_KEY", "sk_live_51HxQ2aB3cD4eF5");
    let refused = read(&[live, ("PAYMENTS", "demo"), ("ALLOW_DEMO", "payments,echo,model")]).unwrap_err();
    assert_eq!(refused.0, ["PAYMENTS=demo refuses a live Stripe key: leave the key empty, or set PAYMENTS=stripe"]);
    let refused = read(&[live]).unwrap_err();
    assert!(refused.0.iter().all(|fault| fault.contains("the Stripe key is a live one")), "{refused}");
    assert_eq!(refused.0.len(), 2);
}

#[test]
fn the_banner_says_which_parts_are_real() {
    let demo = read(&[]).unwrap().parts();
    let states: Vec<_> = demo.iter().map(|part| (part.name, part.state)).collect();
    let expected = [
        ("replies", PartState::Demo),
        ("codes", PartState::Demo),
        ("payments", PartState::Demo),
        ("data", PartState::Real),
    ];
    assert_eq!(states, expected);
    assert_eq!(demo[0].to_string(), "replies: a demo model answers; set GEMINI_API_KEY for Gemini");
    let real = read(&[("GEMINI_API_KEY", "AIzaSyA1b2C3d4E5f6G7h8I9j0")]).unwrap().parts();
    assert_eq!(real[0].state, PartState::Real);
}

#[test]
fn echo_behind_a_public_address_is_pointed_out() {
    let config = read(&[("PUBLIC_URL", "https://chat.example.com")]).unwrap();
    assert!(config.notes.iter().any(|note| note.contains("anybody can sign in as anybody")), "{:?}", config.notes);
    assert!(read(&[("PUBLIC_URL", "http://localhost:8000")]).unwrap().notes.is_empty());
}
