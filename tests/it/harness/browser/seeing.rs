//! How the page is looked at: size, light, and pictures of it.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use thirtyfour::WindowHandle;

use super::Browser;

/// A size of screen and the light that a person asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    width: u32,
    height: u32,
    is_phone: bool,
    is_dark: bool,
}

impl Look {
    /// A window on a desk.
    pub const WIDE: Self = Self { width: 1200, height: 920, is_phone: false, is_dark: false };
    /// A phone upright.
    pub const PHONE: Self = Self { width: 390, height: 844, is_phone: true, is_dark: false };

    /// The same at night.
    pub const fn dark(self) -> Self {
        Self { is_dark: true, ..self }
    }

    /// What a picture's name says of it.
    fn name(self) -> &'static str {
        match (self.is_phone, self.is_dark) {
            (false, false) => "wide-light",
            (false, true) => "wide-dark",
            (true, false) => "phone-light",
            (true, true) => "phone-dark",
        }
    }
}

impl Browser {
    /// Looks at the page in this way from now on, and without movement.
    pub async fn look(&self, look: Look) {
        let scheme = if look.is_dark { "dark" } else { "light" };
        let media = json!({"features": [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]});
        self.cdp("Emulation.setEmulatedMedia", media).await;
        let screen = json!({
            "width": look.width, "height": look.height, "deviceScaleFactor": 1, "mobile": look.is_phone,
        });
        self.cdp("Emulation.setDeviceMetricsOverride", screen).await;
        self.cdp("Emulation.setTouchEmulationEnabled", json!({"enabled": look.is_phone})).await;
    }

    /// Opens another tab and turns to it.
    pub async fn another_tab(&self) -> WindowHandle {
        let tab = self.driver().new_tab().await.unwrap();
        self.turn_to(&tab).await;
        self.look(Look::WIDE).await;
        tab
    }

    /// Turns to a tab.
    pub async fn turn_to(&self, tab: &WindowHandle) {
        self.driver().switch_to_window(tab.clone()).await.unwrap();
    }

    /// Keeps a picture of what is to be seen now, under `target/screenshots`, and answers with where.
    pub async fn picture(&self, state: &str, look: Look) -> PathBuf {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("{state}-{}.png", look.name()));
        std::fs::write(&file, self.driver().screenshot_as_png().await.unwrap()).unwrap();
        file
    }

    /// A command of the browser's own protocol.
    pub async fn cdp(&self, command: &str, parameters: Json) -> Json {
        self.driver().cdp().send_raw(command, parameters).await.unwrap()
    }
}
