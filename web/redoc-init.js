"use strict";

// ReDoc over our own description, in the fonts the reader already has.

const fontFamily = "system-ui, sans-serif";

Redoc.init(
  "/openapi.json",
  {
    nativeScrollbars: true,
    expandResponses: "200,201,202",
    theme: {
      typography: {
        fontFamily,
        headings: { fontFamily },
        code: { fontFamily: "ui-monospace, monospace" },
      },
    },
  },
  document.getElementById("redoc"),
);
