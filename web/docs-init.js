"use strict";

// Swagger UI over our own description. It remembers the token, and takes it by itself from every answer that brings
// one, so that a newcomer can walk from the first code to the first reply without copying anything.

const ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  presets: [SwaggerUIBundle.presets.apis],
  deepLinking: true,
  persistAuthorization: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  validatorUrl: null, // the default asks another host
  responseInterceptor: keepToken,
});

function keepToken(response) {
  const token = response.ok && response.body && response.body.access_token;
  if (typeof token === "string") {
    authorize(token);
  }
  return response;
}

function authorize(value) {
  const { components } = ui.specSelectors.specJson().toJS();
  for (const [name, schema] of Object.entries(components?.securitySchemes ?? {})) {
    if (schema.type === "http" && schema.scheme === "bearer") {
      ui.authActions.authorizeWithPersistOption({ [name]: { name, schema, value } });
    }
  }
}
