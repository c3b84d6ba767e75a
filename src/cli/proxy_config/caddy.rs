//! Caddy with `forward_auth`, as a Caddyfile.

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
    let head = plan.head("Caddy", "Check it with `caddy validate --adapter caddyfile --config FILE`.");
    let (app, signet_host, check) = (origin(plan.app), host_header(plan.issuer), &plan.check);
    let signet = match plan.signet.scheme() {
        "https" => format!("https://{}", authority(plan.signet)),
        _ => authority(plan.signet),
    };
    let upstream = origin(plan.upstream);
    let bind = plan.loopback().map(|ip| format!("\tbind {ip}\n")).unwrap_or_default();
    let headers = plan.headers();
    let copied = headers.join(" ");
    let stripped = lines(headers.iter().chain(&plan.look_alikes()), "\t\trequest_header -", "");
    // In a regular expression, for headers that name other headers.
    let named = headers.iter().map(|name| name.replace('-', "[-_]")).collect::<Vec<_>>().join("|");
    let ours = [&OF_SIGNET[..], &[Cookie::Gateway]].concat();
    let (cookies, left) = (names(&ours), anywhere(&ours));
    format!(
        r#"{head}
{app} {{
{bind}	# In the order in which it is written.
	route {{
		# Nothing of these comes from a client. An underscore is the same as a hyphen to many applications; and
		# Caddy 2.10.0 to 2.11.1 does not replace what Signet leaves empty.
{stripped}		# "Connection: X-User-ID" would have Caddy remove what Signet said, after it was said.
		@signet_hop header_regexp Connection (?i)({named})
		respond @signet_hop 400
		# No client may speak in the proxy's name.
		request_header -X-Original-URL
		request_header -X-Original-Method

		# An upgrade is for WebSockets alone. An application that agrees to HTTP/2 ("h2c") makes a tunnel of the
		# connection: whole requests would come through it unasked. Set anew, as there may be several.
		@signet_upgrade not header_regexp Upgrade "^(?i:websocket)$"
		request_header @signet_upgrade -Upgrade
		@signet_websocket header_regexp Upgrade "^(?i:websocket)$"
		request_header @signet_websocket Upgrade websocket
		request_header -HTTP2-Settings

		# Any answer but 2xx is the answer; without one nobody passes (502).
		forward_auth {signet} {{
			uri {check}
			header_up Host {signet_host}
			copy_headers {copied}
		}}

		# Cookies of Signet are for Signet: on a shared host the application would see them too. "$1" is empty; a
		# replacement that is written as empty is none to Caddy.
		request_header Cookie "(?:(^)\s*|;\s*){cookies}\s*=[^;]*" "$1"
		request_header Cookie "(^)[;\s]+" "$1"
		# Should one be left, in a place where only a careless parser would see it, then no cookie goes on.
		@signet_cookie header_regexp Cookie "{left}"
		request_header @signet_cookie -Cookie
		reverse_proxy {upstream}
	}}
}}
"#
    )
}
