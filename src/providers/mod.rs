//! Other people's services, each behind a small trait of what we need from it.

pub mod model;
