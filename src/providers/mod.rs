//! Other people's services, each behind a small trait of what we need from it.

pub mod model;
pub mod model_demo;
pub mod model_gemini;
pub mod outbound;
pub mod payments;
pub mod payments_stripe;
