//! The Pro plan over the real server and a Stripe that keeps state.

mod buying;
mod crash;
mod histories;
mod lost;
mod managing;
mod webhook;
