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

async function token(id, compact, { keys }, flow, checks) {
  if (!compact) return;
  get(id).textContent = compact;
  get(`${id}-decoder`).href = `/tools/jwt#${compact}`;
  const verdict = get(`${id}-verified`);
  let verified = false;
  try {
    const [head, body] = compact.split(".");
    const header = decode(head);
    const claims = decode(body);
    const jwk = keys.find((key) => key.kid === header.kid);
    verified = jwk?.alg === header.alg && await verify(compact, jwk);
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
