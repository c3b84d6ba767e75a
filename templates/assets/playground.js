// The application's side of the flow: trades the code, verifies what came back, calls with it.
// Nothing here is special to this server; a browser application does the same with a library.
const root = document.getElementById("playground");
const get = (id) => document.getElementById(id);
if (root) start(root.dataset);

async function start(flow) {
  root.hidden = false;
  const status = get("exchange-status");
  status.textContent = flow.textWorking;
  const answer = await post(flow.tokenEndpoint, {
    grant_type: "authorization_code", client_id: flow.clientId, code: flow.code,
    code_verifier: flow.verifier, redirect_uri: flow.redirectUri,
  });
  if (!answer.ok) {
    root.hidden = true;
    status.className = "alert";
    status.textContent = `${flow.textFailed} ${answer.status} ${answer.text}`;
    return;
  }
  status.textContent = `✓ ${flow.textDone}`;
  let tokens = answer.json;
  await show(flow, tokens, true);

  get("call-userinfo").addEventListener("click", () => call(flow.userinfoEndpoint, tokens.access_token));
  get("call-demo-api").addEventListener("click", () => call(flow.demoApi, tokens.access_token));
  get("refresh").disabled = !tokens.refresh_token;
  get("refresh").addEventListener("click", async () => {
    const fields = { grant_type: "refresh_token", client_id: flow.clientId, refresh_token: tokens.refresh_token };
    const fresh = await post(flow.tokenEndpoint, fields);
    report(curl(flow.tokenEndpoint, fields), fresh);
    if (fresh.ok) {
      tokens = { ...tokens, ...fresh.json };
      await show(flow, tokens, false);
    }
  });
}

async function show(flow, tokens, first) {
  const keys = await fetch(flow.jwksUri).then((answer) => answer.json()).catch(() => ({ keys: [] }));
  const now = Date.now() / 1000;
  await token("id-token", tokens.id_token, keys, flow, (claims) => [
    ["iss", claims.iss === flow.issuer, flow.textIss],
    ["aud", [].concat(claims.aud).includes(flow.clientId), flow.textAud],
    // A refreshed ID token need not repeat the nonce (OpenID Connect Core 12.2).
    ...(first || claims.nonce !== undefined ? [["nonce", claims.nonce === flow.nonce, flow.textNonce]] : []),
    ["exp", claims.exp > now, flow.textExp],
    ["iat", claims.iat <= now + 60, flow.textIat],
  ]);
  await token("access-token", tokens.access_token, keys, flow, (claims, header) => [
    ["typ", header.typ === "at+jwt", flow.textTyp],
    ["iss", claims.iss === flow.issuer, flow.textIss],
    ["aud", [].concat(claims.aud).includes(flow.demoApi), flow.textAudApi],
    ["client_id", claims.client_id === flow.clientId, flow.textAud],
    ["exp", claims.exp > now, flow.textExp],
  ]);
}

async function token(id, compact, keys, flow, checks) {
  if (!compact) return;
  get(id).textContent = compact;
  const verdict = get(`${id}-verified`);
  let verified = false;
  try {
    const [head, body] = compact.split(".");
    const header = decode(head);
    const claims = decode(body);
    verified = await verify(compact, header, keys);
    get(`${id}-checks`).replaceChildren(...checks(claims, header).map(([name, ok, text]) => {
      const line = element("li", `${ok ? "✓" : "✗"} ${name} ${text}`, ok ? "check-ok" : "check-bad");
      line.dataset.check = name;
      line.dataset.ok = String(ok);
      return line;
    }));
    get(`${id}-decoded`).replaceChildren(table(flow.textHeader, header), table(flow.textClaims, claims));
    verdict.textContent = verified ? `✓ ${flow.textVerified} (${header.alg}, ${header.kid})` : `✗ ${flow.textUnverified}`;
  } catch (fault) {
    verdict.textContent = `✗ ${flow.textUnverified}: ${fault.message}`;
  }
  verdict.dataset.verified = String(verified);
}

async function verify(compact, header, { keys }) {
  const algorithms = {
    RS256: [{ name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, { name: "RSASSA-PKCS1-v1_5" }],
    PS256: [{ name: "RSA-PSS", hash: "SHA-256" }, { name: "RSA-PSS", saltLength: 32 }],
    EdDSA: [{ name: "Ed25519" }, { name: "Ed25519" }],
    ES256: [{ name: "ECDSA", namedCurve: "P-256" }, { name: "ECDSA", hash: "SHA-256" }],
  };
  const jwk = keys.find((key) => key.kid === header.kid);
  const [importing, verifying] = algorithms[header.alg] ?? [];
  if (!jwk || !importing || jwk.alg !== header.alg) return false;
  // Some browsers know Ed25519 keys as EdDSA, newer ones by the name of RFC 9864: without `alg`, all take them.
  const { key_ops, ext, use, alg, ...plain } = jwk;
  const key = await crypto.subtle.importKey("jwk", plain, importing, false, ["verify"]);
  const end = compact.lastIndexOf(".");
  const signed = new TextEncoder().encode(compact.slice(0, end));
  return crypto.subtle.verify(verifying, key, bytes(compact.slice(end + 1)), signed);
}

async function call(url, accessToken) {
  const answer = await send(url, { headers: { authorization: `Bearer ${accessToken}` } });
  report(`curl -sS ${url} \\\n  -H 'Authorization: Bearer ${accessToken}'`, answer);
}

function report(request, answer) {
  get("call").hidden = false;
  get("call-request").textContent = request;
  get("call-status").textContent = `${answer.ok ? "✓" : "✗"} ${answer.status}`;
  get("call-status").dataset.verified = String(answer.ok);
  get("call-response").textContent = answer.json ? JSON.stringify(answer.json, null, 2) : answer.text;
}

function post(url, fields) {
  return send(url, { method: "POST", body: new URLSearchParams(fields) });
}

async function send(url, options) {
  try {
    const answer = await fetch(url, { credentials: "omit", cache: "no-store", ...options });
    const text = await answer.text();
    let json = null;
    try { json = JSON.parse(text); } catch { /* shown as text */ }
    return { ok: answer.ok, status: answer.status, text, json };
  } catch (fault) {
    return { ok: false, status: 0, text: fault.message, json: null };
  }
}

function curl(url, fields) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  return [`curl -sS ${url}`, ...Object.entries(fields).map(([name, value]) => `  --data-urlencode ${quoted(`${name}=${value}`)}`)].join(" \\\n");
}

function table(caption, object) {
  const result = element("table");
  result.append(element("caption", caption));
  for (const [name, value] of Object.entries(object)) {
    const row = element("tr");
    const head = element("th", name);
    head.scope = "row";
    const cell = element("td");
    const text = typeof value === "string" ? value : JSON.stringify(value);
    cell.append(element("code", text));
    if (["iat", "exp", "auth_time", "nbf", "updated_at"].includes(name)) cell.append(` ${human(value)}`);
    row.append(head, cell);
    result.append(row);
  }
  return result;
}

function human(seconds) {
  const left = Math.round(seconds - Date.now() / 1000);
  const near = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto" });
  const [amount, unit] = Math.abs(left) < 90 ? [left, "second"] : Math.abs(left) < 5400 ? [Math.round(left / 60), "minute"]
    : Math.abs(left) < 129600 ? [Math.round(left / 3600), "hour"] : [Math.round(left / 86400), "day"];
  return `${new Date(seconds * 1000).toLocaleString(document.documentElement.lang)} (${near.format(amount, unit)})`;
}

function element(name, text, className) {
  const result = document.createElement(name);
  if (text !== undefined) result.textContent = text;
  if (className) result.className = className;
  return result;
}

function bytes(base64url) {
  const binary = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

function decode(part) {
  return JSON.parse(new TextDecoder().decode(bytes(part)));
}
