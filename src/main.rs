//! The binary: reads the settings and starts what was asked for.

fn main() {}
