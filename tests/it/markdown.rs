//! Markdown: what it is read as, at what cost, in pieces, and by whom it may be asked for.

mod asking;
mod cost;
mod page;
mod pieces;
mod reading;
