//! Stand-ins for other people's services: real servers on a loopback port that keep state, check what they are sent
//! as strictly as the originals, and break on demand. For tests, and for the demo checkout.

pub mod gemini;
pub mod sms;
pub mod stripe;
