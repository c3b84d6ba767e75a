//! Traefik with `ForwardAuth`, as a dynamic configuration file.

use super::Plan;
use super::lines;
use super::origin;

pub(super) fn file(plan: &Plan<'_>) -> String {
    let head = plan.head("Traefik", "Name it in the file provider of the static configuration.");
    let host = plan.app.host_str().unwrap_or_default();
    let port = plan.app.port_or_known_default().unwrap_or(80);
    let tls = if plan.app.scheme() == "https" { "      tls: {}\n" } else { "" };
    let (signet, upstream, check) = (origin(plan.signet), origin(plan.upstream), &plan.check);
    let headers = plan.headers();
    let stripped = lines(headers.iter().chain(&plan.look_alikes()), "          ", ": \"\"");
    let copied = lines(&headers, "          - ", "");
    format!(
        r#"{head}#
# The static configuration has an entry point, and this file as a provider:
#
#     entryPoints:
#       app:
#         address: ":{port}"
#     providers:
#       file:
#         filename: /etc/traefik/app.yaml
http:
  routers:
    app:
      rule: "Host(`{host}`)"
      entryPoints:
        - app
{tls}      middlewares:
        - signet-clean
        - signet
      service: app

  middlewares:
    # Nothing of these comes from a client; an empty value removes. An underscore is the same as a hyphen to many
    # applications.
    signet-clean:
      headers:
        customRequestHeaders:
{stripped}          X-Original-URL: ""
          X-Original-Method: ""

    # Any answer but 2xx is the answer. Without one nobody passes (500).
    signet:
      forwardAuth:
        address: "{signet}{check}"
        # The client's own X-Forwarded-* are not believed.
        trustForwardHeader: false
        # All that Signet looks at.
        authRequestHeaders:
          - Authorization
          - Cookie
          - Accept
          - Sec-Fetch-Mode
        # What Signet says replaces whatever is there under these names.
        authResponseHeaders:
{copied}
  services:
    app:
      loadBalancer:
        servers:
          - url: "{upstream}"
"#
    )
}
