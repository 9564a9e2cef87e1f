//! Stand-ins for other people's services: real servers on a loopback port that keep state, check what they are sent
//! as strictly as the originals, and break on demand. For tests.

pub mod gemini;
pub mod stripe;
