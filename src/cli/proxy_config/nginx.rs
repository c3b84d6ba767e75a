//! nginx with `auth_request`, as a file for `conf.d` or `sites-enabled`.

use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::http::cookie::Cookie;

use super::OF_SIGNET;
use super::Plan;
use super::anywhere;
use super::authority;
use super::host_header;
use super::lines;
use super::names;
use super::origin;

pub(super) fn file(plan: &Plan<'_>) -> String {
    let head = plan.head("nginx", "Put it into /etc/nginx/conf.d/ and run `nginx -t`.");
    let Plan { upstream, signet, check, .. } = plan;
    let (address, signet_host) = (authority(signet), host_header(plan.issuer));
    let (scheme, upstream, listen) = (signet.scheme(), origin(upstream), listen(plan));
    let cookies = cookies();
    let told = told(plan);
    let handed_on = handed_on(plan);
    let tls = signet_tls(plan);
    format!(
        r#"{head}
upstream signet_check {{
    server {address};
    keepalive 16;
}}

# An upgrade is for WebSockets alone; all else keeps its connection. An application that agrees to HTTP/2 ("h2c") makes a
# tunnel of the connection: whole requests would come through it unasked.
map $http_upgrade $signet_upgrade {{
    default         "";
    "~*^websocket$" websocket;
}}
map $signet_upgrade $signet_connection {{
    default upgrade;
    ""      "";
}}

# Cookies of Signet are for Signet: on a shared host the application would see them too. Each step takes one of them out.
{cookies}
server {{
{listen}
    # A header with an underscore is the same as one with a hyphen to many applications (X_User_ID, X-User-ID). These
    # are nginx's defaults, written down because the first server of an address decides for all of them.
    underscores_in_headers off;
    ignore_invalid_headers on;

    # At the top, so that no location added later is left out. nginx asks anew for each request: nothing is cached.
    auth_request /.signet/check;
{told}
    # Where people sign in. Programs are sent nowhere: for them it is empty.
    auth_request_set $signet_location $upstream_http_location;
    error_page 401 = @signet_sign_in;

    location / {{
        proxy_pass {upstream};
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header X-Forwarded-Host $http_host;
        # What a client wants removed on the way (Connection: X-User-ID) is not passed on.
        proxy_set_header Upgrade $signet_upgrade;
        proxy_set_header HTTP2-Settings "";
        proxy_set_header Connection $signet_connection;
        proxy_set_header Cookie $signet_cookies;

        # What Signet said replaces whatever a client has sent; what it did not say is not there at all.
{handed_on}    }}

    location = /.signet/check {{
        internal;
        auth_request off;
        proxy_pass {scheme}://signet_check{check};
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host {signet_host};
{tls}        # The question needs no body. It must not name one either.
        proxy_pass_request_body off;
        proxy_set_header Content-Length "";
        proxy_set_header X-Original-URL $scheme://$http_host$request_uri;
        proxy_set_header X-Original-Method $request_method;
        proxy_set_header X-Forwarded-For $remote_addr;
        # No client may speak in the proxy's name.
        proxy_set_header X-Forwarded-Proto "";
        proxy_set_header X-Forwarded-Host "";
        proxy_set_header X-Forwarded-Uri "";
        proxy_set_header X-Forwarded-Method "";
        # The answer is about this one request of this one person.
        proxy_cache off;
        # Without an answer nobody passes: nginx makes it a 500. While its database hangs Signet itself says so, within
        # 9 seconds.
        proxy_connect_timeout 2s;
        proxy_read_timeout 10s;
    }}

    location @signet_sign_in {{
        auth_request off;
        if ($signet_location) {{
            return 302 $signet_location;
        }}
        return 401;
    }}
}}
"#
    )
}

/// As many steps as there are names; whoever sends more is left with no cookie at all, also when nginx gives up on a
/// regular expression.
fn cookies() -> String {
    let ours = [&OF_SIGNET[..], &[Cookie::Gateway]].concat();
    let (name, left) = (names(&ours), anywhere(&ours));
    let mut from = "$http_cookie".to_owned();
    let mut text = String::new();
    for step in 1..=ours.len() {
        let to = format!("$signet_cookies_{step}");
        let _ = write!(
            text,
            r#"map {from} {to} {{
    default {from};
    "~^[;\s]*{name}\s*=[^;]*(?:[;\s]+(?<signet_rest_{step}>.*))?$" $signet_rest_{step};
    "~^(?<signet_left_{step}>.+?);\s*{name}\s*=[^;]*(?<signet_right_{step}>.*)$" $signet_left_{step}$signet_right_{step};
}}
"#
        );
        from = to;
    }
    let _ = write!(
        text,
        r#"# Should one be left then no cookie goes on.
map {from} $signet_cookies {{
    default "";
    "~^(?!.*{left})" {from};
}}
"#
    );
    text
}

fn listen(plan: &Plan<'_>) -> String {
    let host = plan.app.host_str().unwrap_or_default();
    let port = plan.app.port_or_known_default().unwrap_or(80);
    let address = plan.loopback().map_or_else(|| port.to_string(), |ip| SocketAddr::new(ip, port).to_string());
    if plan.app.scheme() == "http" {
        return format!("    listen {address};\n    server_name {host};\n");
    }
    format!(
        "    listen {address} ssl;\n    server_name {host};\n    # Your certificate.\n    \
         ssl_certificate     /etc/ssl/certs/{host}.pem;\n    ssl_certificate_key /etc/ssl/private/{host}.key;\n"
    )
}

/// `$signet_x_user_id` and its like.
fn variable(name: &str) -> String {
    format!("$signet_{}", name.replace('-', "_"))
}

fn told(plan: &Plan<'_>) -> String {
    let told = plan.family.headers().iter().map(|(name, _)| {
        let upstream = name.replace('-', "_");
        format!("{} $upstream_http_{upstream}", variable(name))
    });
    lines(told, "    auth_request_set ", ";")
}

fn handed_on(plan: &Plan<'_>) -> String {
    let names = plan.family.headers().iter().zip(plan.headers());
    let told = names.map(|((name, _), written)| format!("{written} {}", variable(name)));
    let mut text = lines(told, "        proxy_set_header ", ";");
    text.push_str("        # Should another server of this address let underscores in.\n");
    text + &lines(plan.look_alikes(), "        proxy_set_header ", " \"\";")
}

fn signet_tls(plan: &Plan<'_>) -> String {
    if plan.signet.scheme() == "http" {
        return String::new();
    }
    let host = plan.signet.host_str().unwrap_or_default();
    format!(
        "        proxy_ssl_server_name on;\n        proxy_ssl_name {host};\n        proxy_ssl_verify on;\n        \
         proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt;\n"
    )
}
