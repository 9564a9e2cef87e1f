//! Which parts are real and which are a demo; a demo stays on this machine unless it is allowed by name.

use std::fmt;

use super::Config;
use super::codes::CodeDelivery;
use super::database::Database;
use super::names;
use super::payments::PaymentMode;
use super::reader::Reader;

/// The demo parts that are allowed where others can reach them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AllowDemo {
    /// Codes shown in the answer or the log.
    pub echo: bool,
    /// The demo model.
    pub model: bool,
    /// The demo checkout.
    pub payments: bool,
}

/// One part of the service, for the banner at start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What the part is for, in a word.
    pub name: &'static str,
    /// Whether it is real.
    pub state: PartState,
    /// What it does now, and what to set for more.
    pub sentence: String,
}

/// Whether a part is real.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartState {
    /// The real thing.
    Real,
    /// A stand-in for trying out.
    Demo,
    /// Not there.
    Off,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.sentence)
    }
}

pub(super) fn read_allowed(reader: &mut Reader<'_>) -> AllowDemo {
    let mut allowed = AllowDemo::default();
    for word in reader.list(names::ALLOW_DEMO) {
        match word.to_ascii_lowercase().as_str() {
            "echo" => allowed.echo = true,
            "model" => allowed.model = true,
            "payments" => allowed.payments = true,
            _ => reader.fault("ALLOW_DEMO must list parts out of: echo, model, payments"),
        }
    }
    allowed
}

/// Refuses demo parts that strangers could reach, or that stand beside a key that moves real money. Codes in the log
/// are treated like codes in the answer: whoever allows the one by name allows the other, which shows them to fewer.
pub(super) fn refuse_exposed_demos(config: &Config, reader: &mut Reader<'_>) {
    let because = match (config.listen.is_loopback(), config.payments.is_live()) {
        (false, _) => "HOST is not a loopback address",
        (true, true) => "the Stripe key is a live one",
        (true, false) => return,
    };
    let allowed = config.allow_demo;
    let codes = config.codes.delivery;
    let is_chosen = reader.first(names::CODE_DELIVERY).is_some() || config.listen.is_loopback();
    if codes == CodeDelivery::Echo && is_chosen && !allowed.echo {
        reader.fault(format!(
            "CODE_DELIVERY=echo lets anybody sign in as anybody, and {because}: add echo to ALLOW_DEMO to accept that"
        ));
    }
    if codes == CodeDelivery::Log && !allowed.echo {
        reader.fault(format!(
            "CODE_DELIVERY=log is for development, and {because}: add echo to ALLOW_DEMO to accept that"
        ));
    }
    if config.gemini.key.is_none() && !allowed.model {
        reader.fault(format!(
            "GEMINI_API_KEY is empty, so a demo model would answer, and {because}: set the key, or add model to ALLOW_DEMO"
        ));
    }
    if config.payments.mode == PaymentMode::Demo && !allowed.payments {
        reader.fault(format!(
            "PAYMENTS=demo gives the Pro plan away, and {because}: set stripe or off, or add payments to ALLOW_DEMO"
        ));
    }
}

/// Says what is easy to overlook: a listener on this machine that a proxy opens to the world.
pub(super) fn note_proxied_echo(config: &Config, reader: &mut Reader<'_>) {
    let shown = matches!(config.codes.delivery, CodeDelivery::Echo);
    let is_public = config
        .listen
        .public_url
        .as_deref()
        .is_some_and(|url| reqwest::Url::parse(url).is_ok_and(|url| !super::net::is_this_machine(&url)));
    if shown && is_public && !config.allow_demo.echo {
        reader.note(
            "PUBLIC_URL is reached from elsewhere, and codes are shown in the answer: anybody can sign in as anybody",
        );
    }
}

impl Config {
    /// What each part is, in the order of the banner.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        vec![self.replies(), self.code_part(), self.payment_part(), self.data()]
    }

    fn replies(&self) -> Part {
        if self.gemini.key.is_none() {
            let sentence = "a demo model answers; set GEMINI_API_KEY for Gemini".to_owned();
            return Part { name: "replies", state: PartState::Demo, sentence };
        }
        let (model, model_pro) = (&self.gemini.model, &self.gemini.model_pro);
        let sentence = format!("Gemini answers ({model}, and {model_pro} on Pro)");
        Part { name: "replies", state: PartState::Real, sentence }
    }

    fn code_part(&self) -> Part {
        let (state, sentence) = match self.codes.delivery {
            CodeDelivery::Echo => (PartState::Demo, "shown in the answer (echo); nothing is sent to a phone"),
            CodeDelivery::Log => (PartState::Demo, "written to the log; nothing is sent to a phone"),
            CodeDelivery::Twilio => (PartState::Real, "sent by Twilio"),
            CodeDelivery::TwilioVerify => (PartState::Real, "sent by Twilio Verify"),
            CodeDelivery::Webhook => (PartState::Real, "handed to your own sender"),
        };
        let countries = match (state, self.codes.countries.as_slice()) {
            (PartState::Real, []) => ", but to no country; set SMS_COUNTRIES".to_owned(),
            (PartState::Real, countries) => format!(", to {}", countries.join(", ")),
            _ => String::new(),
        };
        Part { name: "codes", state, sentence: format!("{sentence}{countries}") }
    }

    fn payment_part(&self) -> Part {
        let payments = &self.payments;
        let (state, sentence) = match payments.mode {
            PaymentMode::Off => (PartState::Off, "off; set STRIPE_SECRET_KEY to sell the Pro plan"),
            PaymentMode::Demo => {
                (PartState::Demo, "a demo checkout that takes no money; set STRIPE_SECRET_KEY for Stripe")
            }
            PaymentMode::Stripe if !payments.is_complete() => {
                (PartState::Off, "off; STRIPE_WEBHOOK_SECRET and STRIPE_PRICE_ID_PRO must be set beside the key")
            }
            PaymentMode::Stripe if payments.is_live() => (PartState::Real, "Stripe, with real money"),
            PaymentMode::Stripe => (PartState::Real, "Stripe, in test mode"),
        };
        Part { name: "payments", state, sentence: sentence.to_owned() }
    }

    fn data(&self) -> Part {
        let sentence = match &self.database {
            Database::Sqlite { file } => format!("SQLite, in {}", file.display()),
            Database::Postgres { .. } => "PostgreSQL".to_owned(),
        };
        Part { name: "data", state: PartState::Real, sentence }
    }
}
