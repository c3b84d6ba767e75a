//! Envoy with `ext_authz` over HTTP, as a whole static configuration.

use url::Url;

use super::OF_SIGNET;
use super::Plan;
use super::anywhere;
use super::bare_host;
use super::host_header;
use super::lines;

pub(super) fn file(plan: &Plan<'_>) -> String {
    let head = plan.head("Envoy", "Check it with `envoy --mode validate -c FILE`.");
    let host = plan.loopback().map_or_else(|| "0.0.0.0".to_owned(), |ip| ip.to_string());
    let port = plan.app.port_or_known_default().unwrap_or(80);
    let (check, signet) = (&plan.check, host_header(plan.issuer));
    let names: Vec<&str> = plan.family.headers().iter().map(|(name, _)| *name).collect();
    let stripped = lines(&names, "                          - remove: ", "");
    let copied = lines(&names, "                              - exact: ", "");
    let ours = anywhere(&OF_SIGNET);
    let clusters = cluster("signet", plan.signet) + &cluster("app", plan.upstream);
    format!(
        r#"{head}#
# Needs an Envoy that knows `path_override` in the HTTP service of ext_authz. For https, add a transport_socket.
static_resources:
  listeners:
    - name: app
      address:
        socket_address: {{ address: "{host}", port_value: {port} }}
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: app
                # The client's address and scheme are those of the connection, not what its headers say.
                use_remote_address: true
                # Nothing else: an application that agrees to HTTP/2 ("h2c") makes a tunnel of the connection.
                upgrade_configs:
                  - upgrade_type: websocket
                common_http_protocol_options:
                  # An underscore is the same as a hyphen to many applications (X_User_ID, X-User-ID).
                  headers_with_underscores_action: REJECT_REQUEST
                route_config:
                  virtual_hosts:
                    - name: app
                      domains: ["*"]
                      routes:
                        # Cookies of Signet are for Signet. Single ones cannot be taken out: where one of them comes along,
                        # on Signet's own host, the application gets none at all.
                        - match:
                            prefix: "/"
                            headers:
                              - name: cookie
                                string_match: {{ safe_regex: {{ regex: '.*{ours}.*' }} }}
                          request_headers_to_remove:
                            - cookie
                          route: {{ cluster: app }}
                        - match: {{ prefix: "/" }}
                          route: {{ cluster: app }}
                http_filters:
                  # First: nothing of these comes from a client.
                  - name: envoy.filters.http.header_mutation
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation
                      mutations:
                        request_mutations:
{stripped}                          - remove: x-original-url
                          - remove: x-original-method
                          - append: {{ append_action: OVERWRITE_IF_EXISTS_OR_ADD, header: {{ key: x-forwarded-host, value: "%REQ(:AUTHORITY)%" }} }}
                          - append: {{ append_action: OVERWRITE_IF_EXISTS_OR_ADD, header: {{ key: x-forwarded-uri, value: "%REQ(:PATH)%" }} }}
                          - append: {{ append_action: OVERWRITE_IF_EXISTS_OR_ADD, header: {{ key: x-forwarded-method, value: "%REQ(:METHOD)%" }} }}
                  - name: envoy.filters.http.ext_authz
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
                      transport_api_version: V3
                      # Without an answer nobody passes (403).
                      failure_mode_allow: false
                      allowed_headers:
                        patterns:
                          - exact: authorization
                          - exact: cookie
                          - exact: accept
                          - exact: sec-fetch-mode
                          - exact: x-forwarded-for
                          - exact: x-forwarded-proto
                          - exact: x-forwarded-host
                          - exact: x-forwarded-uri
                          - exact: x-forwarded-method
                      http_service:
                        server_uri: {{ uri: "http://{signet}", cluster: signet, timeout: 10s }}
                        # Not path_prefix: that would add the client's own path and query to the question.
                        path_override: "{check}"
                        authorization_response:
                          # What Signet says replaces whatever is there under these names.
                          allowed_upstream_headers:
                            patterns:
{copied}                          # What the client may see of a refusal.
                          allowed_client_headers:
                            patterns:
                              - exact: location
                              - exact: www-authenticate
                              - exact: content-type
                              - exact: cache-control
                  - name: envoy.filters.http.router
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
  clusters:
{clusters}"#
    )
}

fn cluster(name: &str, at: &Url) -> String {
    let host = bare_host(at);
    let port = at.port_or_known_default().unwrap_or(80);
    format!(
        r#"    - name: {name}
      type: STRICT_DNS
      connect_timeout: 2s
      load_assignment:
        cluster_name: {name}
        endpoints:
          - lb_endpoints:
              - endpoint:
                  address:
                    socket_address: {{ address: "{host}", port_value: {port} }}
"#
    )
}
