//! The page in a real browser against the running binary. Where there is no Chromium with its chromedriver, the suite
//! says so in its last lines.

mod story;
