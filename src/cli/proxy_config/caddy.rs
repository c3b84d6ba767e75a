//! Caddy with `forward_auth`, as a Caddyfile.

use super::COOKIES;
use super::Plan;
use super::authority;
use super::host_header;
use super::lines;
use super::origin;

pub(super) fn file(plan: &Plan<'_>) -> String {
    let head = plan.head("Caddy", "Check it with `caddy validate --adapter caddyfile --config FILE`.");
    let (app, signet_host, check) = (origin(plan.app), host_header(plan.issuer), &plan.check);
    let signet = match plan.signet.scheme() {
        "https" => format!("https://{}", authority(plan.signet)),
        _ => authority(plan.signet),
    };
    let upstream = origin(plan.upstream);
    let bind = if plan.is_local() { "\tbind 127.0.0.1\n" } else { "" };
    let headers = plan.headers();
    let copied = headers.join(" ");
    let stripped = lines(headers.iter().chain(&plan.look_alikes()), "\t\trequest_header -", "");
    // In a regular expression, for headers that name other headers.
    let named = headers.iter().map(|name| name.replace('-', "[-_]")).collect::<Vec<_>>().join("|");
    let cookies = COOKIES.join("|");
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

		# Any answer but 2xx is the answer; without one nobody passes (502).
		forward_auth {signet} {{
			uri {check}
			header_up Host {signet_host}
			copy_headers {copied}
		}}

		# Cookies of Signet are for Signet: on a shared host the application would see them too. "$1" is empty; a
		# replacement that is written as empty is none to Caddy.
		request_header Cookie "(?:(^)|; *)(?:__Host-|__Secure-)?(?:{cookies})=[^;]*" "$1"
		request_header Cookie "(^); *" "$1"
		reverse_proxy {upstream}
	}}
}}
"#
    )
}
