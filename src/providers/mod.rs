//! Other people's services, each behind a small trait of what we need from it.

pub mod model;
pub mod model_demo;
pub mod model_gemini;
pub mod otp_sender;
pub mod outbound;
pub mod payments;
pub mod payments_stripe;
pub mod sender_choice;
pub mod sender_twilio;
pub mod sender_twilio_verify;
pub mod sender_webhook;
pub mod standard_webhooks;
