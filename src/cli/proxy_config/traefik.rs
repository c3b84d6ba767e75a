//! Traefik with `ForwardAuth`, as a dynamic configuration file.

use super::OF_SIGNET;
use super::Plan;
use super::anywhere;
use super::bare_host;
use super::lines;
use super::origin;

pub(super) fn file(plan: &Plan<'_>) -> String {
    let head = plan.head("Traefik", "Name it in the file provider of the static configuration.");
    let port = plan.app.port_or_known_default().unwrap_or(80);
    let routers = routers(plan);
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
#
# Needs Traefik 3.
http:
  # Of several rules that hold the longest wins.
  routers:
{routers}
  middlewares:
    # Nothing of these comes from a client; an empty value removes. An underscore is the same as a hyphen to many
    # applications.
    signet-clean:
      headers:
        customRequestHeaders:
{stripped}          X-Original-URL: ""
          X-Original-Method: ""
          HTTP2-Settings: ""

    # An upgrade is for WebSockets alone. An application that agrees to HTTP/2 ("h2c") makes a tunnel of the connection:
    # whole requests would come through it unasked. (CVE-2026-88008; newer releases do so by themselves.)
    signet-no-upgrade:
      headers:
        customRequestHeaders:
          Upgrade: ""
    # Set anew, as there may be several.
    signet-websocket:
      headers:
        customRequestHeaders:
          Upgrade: websocket

    # Cookies of Signet are for Signet. Traefik cannot take single ones out: where one of them comes along, on Signet's own
    # host, the application gets none at all.
    signet-no-cookies:
      headers:
        customRequestHeaders:
          Cookie: ""

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

/// One for each combination of a WebSocket or not, and cookies of Signet or not.
fn routers(plan: &Plan<'_>) -> String {
    let websocket = " && HeaderRegexp(`Upgrade`, `^(?i:websocket)$`)";
    let cookies = format!(" && HeaderRegexp(`Cookie`, `{}`)", anywhere(&OF_SIGNET));
    let (upgrade, no_upgrade, no_cookies) = ("signet-websocket", "signet-no-upgrade", "signet-no-cookies");
    router(plan, "app", "", &[no_upgrade, "signet"])
        + &router(plan, "app-websocket", websocket, &[upgrade, "signet"])
        + &router(plan, "app-cookies", &cookies, &[no_upgrade, "signet", no_cookies])
        + &router(plan, "app-websocket-cookies", &format!("{websocket}{cookies}"), &[upgrade, "signet", no_cookies])
}

fn router(plan: &Plan<'_>, name: &str, when: &str, middlewares: &[&str]) -> String {
    let host = bare_host(plan.app);
    let tls = if plan.app.scheme() == "https" { "      tls: {}\n" } else { "" };
    let middlewares = lines(middlewares, "        - ", "");
    format!(
        r"    {name}:
      rule: 'Host(`{host}`){when}'
      entryPoints:
        - app
{tls}      middlewares:
        - signet-clean
{middlewares}      service: app
"
    )
}
