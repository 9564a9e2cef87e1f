//! Other people's services: asked in a way that costs nothing and changes nothing.

use secrecy::{ExposeSecret as _, SecretString};

use super::super::{choose_model, payments as shop};
use super::finding::Finding;
use crate::config::{CodeDelivery, Config, PartState, PaymentMode, Payments};
use crate::domain::time::Clock;
use crate::providers::model::ModelFault;
use crate::providers::payments::{PaymentError, PaymentFault, Payments as _, Price};
use crate::providers::sender_choice;

const MODEL: &str = "model";
const KEY: &str = "stripe key";
const PRICE: &str = "stripe price";
const SECRET: &str = "stripe webhook secret";
const PAYMENTS: &str = "payments";
const CODES: &str = "codes";
/// Asked for where no price is set: that it is not there tells that the key is right.
const NO_PRICE: &str = "price_of_nothing";

/// Asks for the models of the settings.
pub(super) async fn model(config: &Config) -> Vec<Finding> {
    let gemini = &config.gemini;
    if gemini.key.is_none() {
        return vec![Finding::warn(MODEL, "a demo model answers", "set GEMINI_API_KEY for Gemini")];
    }
    let client = match choose_model(config) {
        Ok(client) => client,
        Err(error) => {
            return vec![Finding::fail(MODEL, format!("{error:#}"), "set GEMINI_API_KEY to the key as it is")];
        }
    };
    let mut names = vec![(&gemini.model, "GEMINI_MODEL"), (&gemini.model_pro, "GEMINI_MODEL_PRO")];
    names.dedup_by_key(|(name, _)| *name);
    let mut found = Vec::new();
    for (name, setting) in names {
        found.push(match client.probe(name).await {
            Ok(()) => Finding::ok(MODEL, format!("{name} is there and can answer")),
            Err(error) => {
                let said = format!("{name}: {error}");
                match error.fault {
                    ModelFault::Slowed | ModelFault::Exhausted => {
                        Finding::warn(MODEL, said, "wait, or raise the allowance of the key in GEMINI_API_KEY")
                    }
                    ModelFault::Away => {
                        Finding::fail(MODEL, said, "check the way out of this machine and GEMINI_BASE_URL")
                    }
                    _ => Finding::fail(MODEL, said, format!("check GEMINI_API_KEY and {setting}")),
                }
            }
        });
    }
    found
}

/// Looks at what sells the Pro plan.
pub(super) async fn payments(config: &Config) -> Vec<Finding> {
    let settings = &config.payments;
    match (settings.mode, &settings.secret_key) {
        (PaymentMode::Off, _) | (PaymentMode::Stripe, None) => {
            vec![Finding::ok(PAYMENTS, "off; the Pro plan is not for sale")]
        }
        (PaymentMode::Demo, _) => {
            vec![Finding::warn(PAYMENTS, "a demo checkout takes no money", "set STRIPE_SECRET_KEY, or PAYMENTS=off")]
        }
        (PaymentMode::Stripe, Some(key)) => {
            let mut found = stripe(settings, key).await;
            found.push(webhook_secret(settings));
            found
        }
    }
}

async fn stripe(settings: &Payments, key: &SecretString) -> Vec<Finding> {
    if !["sk_", "rk_"].iter().any(|kind| key.expose_secret().starts_with(kind)) {
        let found = "it is no secret key: those begin with sk_ or rk_";
        return vec![Finding::fail(KEY, found, "set STRIPE_SECRET_KEY to the secret key of the account")];
    }
    let Ok(client) = shop::client(settings, key) else {
        let found = "it has characters that can't be sent";
        return vec![Finding::fail(KEY, found, "set STRIPE_SECRET_KEY to the key as it is")];
    };
    let asked = client.price(settings.price_id_pro.as_deref().unwrap_or(NO_PRICE)).await;
    vec![key_by(settings, &asked), price_by(settings, asked)]
}

fn key_by(settings: &Payments, asked: &Result<Price, PaymentError>) -> Finding {
    let mode = if settings.is_live() { "live mode, with real money" } else { "test mode" };
    match asked {
        Ok(_) => Finding::ok(KEY, format!("Stripe takes it ({mode})")),
        Err(error) => match error.fault {
            PaymentFault::NotFound | PaymentFault::Refused => Finding::ok(KEY, format!("Stripe takes it ({mode})")),
            PaymentFault::Misconfigured => {
                Finding::fail(KEY, error.to_string(), "check STRIPE_SECRET_KEY, and that it may read prices")
            }
            PaymentFault::Away => {
                Finding::fail(KEY, error.to_string(), "check the way out of this machine and STRIPE_API_BASE")
            }
        },
    }
}

fn price_by(settings: &Payments, asked: Result<Price, PaymentError>) -> Finding {
    let advice = "set STRIPE_PRICE_ID_PRO to an active, recurring price of the key's account and mode";
    if settings.price_id_pro.is_none() {
        return Finding::fail(PRICE, "none is set, so the Pro plan is not for sale", advice);
    }
    let price = match asked {
        Ok(price) => price,
        Err(error) => return Finding::fail(PRICE, error.to_string(), advice),
    };
    if price.livemode != settings.is_live() {
        let word = |live: bool| if live { "live" } else { "test" };
        let found =
            format!("it is of the {} mode, the key of the {} mode", word(price.livemode), word(settings.is_live()));
        return Finding::fail(PRICE, found, advice);
    }
    if !price.is_active || !price.is_recurring {
        let found = format!("it can't be sold as a plan: active {}, recurring {}", price.is_active, price.is_recurring);
        return Finding::fail(PRICE, found, advice);
    }
    let amount = price.unit_amount.map_or_else(|| "a varying amount".to_owned(), |amount| amount.to_string());
    Finding::ok(PRICE, format!("it is sold for {amount} of the smallest unit of {} a period", price.currency))
}

fn webhook_secret(settings: &Payments) -> Finding {
    let advice =
        "set STRIPE_WEBHOOK_SECRET to the signing secret of the endpoint /webhook/stripe, which begins with whsec_";
    match &settings.webhook_secret {
        None => {
            Finding::fail(SECRET, "it is empty, so no event can be accepted and the Pro plan is not for sale", advice)
        }
        Some(secret) if !secret.expose_secret().starts_with("whsec_") => {
            Finding::fail(SECRET, "it is not of the form whsec_...", advice)
        }
        Some(_) => Finding::ok(SECRET, "it is of the form whsec_...; only an event tells whether it is the right one"),
    }
}

/// Looks at how codes reach people; nothing is sent.
pub(super) fn codes(config: &Config) -> Finding {
    let Some(part) = config.parts().into_iter().find(|part| part.name == CODES) else {
        return Finding::ok(CODES, "none");
    };
    if part.state == PartState::Demo {
        return Finding::warn(
            CODES,
            part.sentence,
            "set CODE_DELIVERY to twilio, twilio_verify or webhook to send them",
        );
    }
    if config.codes.countries.is_empty() {
        return Finding::warn(CODES, part.sentence, "set SMS_COUNTRIES to the countries that texts may go to");
    }
    let advice = match config.codes.delivery {
        CodeDelivery::Webhook => "check SMS_WEBHOOK_URL and SMS_WEBHOOK_SECRET",
        _ => "check the TWILIO_ settings",
    };
    match sender_choice::choose(config, &Clock::System) {
        Ok(_) => Finding::ok(CODES, format!("{}; nothing was sent to try it", part.sentence)),
        Err(error) => {
            let why = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            Finding::fail(CODES, why, advice)
        }
    }
}
