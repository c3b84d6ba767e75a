// What an API would answer to a token. The token stays in this page: the one request is for the published keys.
// The checks, their order and their words are those of `signet tokens inspect`.

const MAX_LENGTH = 16 * 1024;
/** How far the clock of the server that signed may be ahead of ours, in seconds. */
const SKEW = 60;

const get = (id) => document.getElementById(id);
const texts = Object.fromEntries([...document.querySelectorAll("[data-text]")].map((item) => [item.dataset.text, item.textContent]));
const opaque = [...document.querySelectorAll("[data-prefix]")].map((item) => [item.dataset.prefix, item.textContent]);
const because = (problem, values = {}, text = `fault-${problem.replaceAll("_", "-")}`) => ({ problem, values, text });
const malformed = (text, found) => because("malformed", { found }, `fault-${text}`);
const quoted = (value) => JSON.stringify(typeof value === "string" ? value : "");
const say = (name, values = {}) => texts[name].replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);

/** The inspection that counts, and when to look again. */
let turn = 0;
let later;
/** The published keys, and when they were read. */
let keys;
let readAt = 0;

takeFragment();
addEventListener("hashchange", takeFragment);
for (const id of ["token", "issuer", "audience", "scope"]) get(id).addEventListener("input", show);
get("decoder").hidden = false;
show();

/** A link may bring a token behind the `#`, which browsers do not send; nor must it stay in the address bar. */
function takeFragment() {
  const fragment = location.hash.slice(1);
  if (!fragment) return;
  history.replaceState(null, "", location.pathname + location.search);
  const named = new URLSearchParams(fragment);
  get("token").value = named.get("token") ?? named.get("access_token") ?? named.get("id_token") ?? fragment;
  show();
}

async function show() {
  const mine = ++turn;
  clearTimeout(later);
  const compact = get("token").value.trim().replace(/^Bearer\s+/i, "").replace(/\s+/g, "");
  get("seen").hidden = !compact;
  if (!compact) return;
  const [issuer, audience, scope] = ["issuer", "audience", "scope"].map((id) => get(id).value.trim());
  const seen = await inspect(compact, { issuer, audience, scope: scope.split(/\s+/).filter(Boolean) }, Date.now() / 1000);
  // Something else was typed meanwhile.
  if (mine !== turn) return;
  render(seen, audience);
  later = setTimeout(show, untilItChanges(seen.claims));
}

function render({ header, claims, jwk, signed, wrong }, audience) {
  const status = !wrong ? 200 : wrong.problem === "unchecked" ? undefined : wrong.problem === "scope" ? 403 : 401;
  Object.assign(get("verdict").dataset, { status: status ?? "", problem: wrong?.problem ?? "" });
  get("verdict").className = status === 200 ? "alert alert-info" : status ? "alert" : "alert alert-warning";
  get("answer").textContent = status ? say("verdict", { status }) : say("verdict-unknown");
  get("reason").textContent = wrong ? say(wrong.text, wrong.values) : say(audience ? "good" : "good-any-audience");
  get("kind").textContent = header ? say(kind(header.typ)) : "";
  get("signature").textContent = signed ? say("signature-good", jwk) : signed === false ? say("signature-bad") : "";
  get("signature").dataset.verified = String(signed);
  get("decoded").replaceChildren(...header ? [table(say("header"), header)] : [], ...claims ? [table(say("claims"), claims)] : []);
}

function kind(typ) {
  if (isAccessToken(typ)) return "kind-access";
  return { JWT: "kind-id", "logout+jwt": "kind-logout" }[typ] ?? "kind-unknown";
}

/** Milliseconds until the clock alone makes another verdict. */
function untilItChanges({ exp, iat, nbf } = {}) {
  const now = Date.now() / 1000;
  const next = Math.min(...[exp, iat - SKEW, nbf - SKEW].filter((time) => time > now));
  return Math.min((next - now) * 1000 + 50, 2 ** 31 - 1);
}

/** What is in a token, and the first thing that is wrong with it. */
async function inspect(compact, expected, now) {
  const seen = {};
  seen.wrong = takeApart(compact, seen) ?? await check(compact, seen);
  if (!seen.wrong || seen.wrong.problem === "unchecked") seen.wrong = judge(seen, expected, now) ?? seen.wrong;
  return seen;
}

function takeApart(compact, seen) {
  const known = opaque.find(([prefix]) => compact.startsWith(prefix));
  if (known) return because("opaque", { kind: known[1] });
  if (compact.length > MAX_LENGTH) return malformed("too-long");
  const parts = compact.split(".");
  if (parts.length !== 3 || !parts.slice(0, 2).every(isBase64url)) return malformed("shape");
  const [header, claims] = parts.slice(0, 2).map(objectIn);
  if (!header) return malformed("header", "not a JSON object");
  seen.header = header;
  if (!claims) return malformed("payload");
  seen.claims = claims;
  if (typeof header.alg !== "string" || !Object.hasOwn(ALGORITHMS, header.alg)) return because("algorithm", { found: quoted(header.alg) });
}

/** The form that RFC 7515 wants, then the key, then the signature. */
async function check(compact, seen) {
  const { header } = seen;
  const signature = compact.slice(compact.lastIndexOf(".") + 1);
  if (!signature || !isBase64url(signature)) return malformed("shape");
  // RFC 7515 section 4.1.11: what is critical and not understood makes it invalid; nothing is understood here.
  for (const name of ["crit", "b64"]) if (name in header) return malformed("header", name);
  if (!isId(header.kid)) return malformed("header", "kid");
  if (header.typ !== undefined && typeof header.typ !== "string") return malformed("header", "typ");
  const keys = await publishedKeys(header.kid);
  if (!keys) return because("unchecked", {}, "unchecked-keys");
  const jwk = keys.find(({ kid }) => kid === header.kid);
  seen.signed = false;
  if (!jwk) return because("unknown_key", { kid: quoted(header.kid) });
  if (jwk.alg !== header.alg) return because("algorithm", { kid: header.kid, expected: jwk.alg, found: header.alg }, "fault-key-algorithm");
  seen.jwk = jwk;
  try {
    seen.signed = await verify(compact, jwk);
  } catch {
    seen.signed = undefined;
    return because("unchecked", { found: header.alg }, "unchecked-browser");
  }
  if (!seen.signed) return because("signature");
}

/** RFC 9068 section 4, in the order in which our own APIs go by it. */
function judge({ header, claims }, expected, now) {
  const audiences = [].concat(claims.aud ?? []).filter((name) => typeof name === "string");
  const audience = expected.audience || audiences[0] || "";
  if (!isAccessToken(header.typ)) {
    const isIdToken = header.typ === "JWT" && claims.scope === undefined;
    return isIdToken ? because("id_token", { found: audiences.join(" ") }) : because("type", { found: quoted(header.typ) });
  }
  if (typeof claims.iss !== "string") return because("claims");
  if (claims.iss !== expected.issuer) return differ("issuer", [claims.iss], expected.issuer);
  if (audiences.length !== [].concat(claims.aud ?? [null]).length || audiences.length > 16) return because("claims");
  if (!audiences.includes(audience)) return differ("audience", audiences, audience);
  if (!Number.isInteger(claims.exp)) return because("claims");
  if (now >= claims.exp) return because("expired", { time: utc(claims.exp) });
  const { iat, nbf = iat } = claims;
  if (![iat, nbf].every(Number.isInteger)) return because("claims");
  const from = Math.max(iat, nbf);
  if (from > Math.floor(now) + SKEW) return because("not_yet", { time: utc(from) });
  const scope = claims.scope ?? "";
  if (!["sub", "client_id", "jti"].every((name) => isId(claims[name])) || typeof scope !== "string") return because("claims");
  const missing = [...expected.scope].sort().find((value) => !scope.split(" ").includes(value));
  if (missing) return because("scope", { expected: quoted(missing) });
}

/** Names of which none is the expected one, and what to look at when one of them nearly is. */
function differ(problem, names, expected) {
  const why = names.map((name) => difference(name, expected)).find(Boolean);
  return because(problem, { found: quoted(names.join(" ")), expected: quoted(expected), difference: why ? say(`difference-${why}`) : "" });
}

function difference(found, expected) {
  const bare = (name) => name.replace(/\/+$/, "");
  const schemeless = (name) => name.replace(/^https?:\/\//, "");
  const oneHost = (name) => name.replace("://127.0.0.1", "://localhost");
  return bare(found) === bare(expected) ? "slash"
    : found.toLowerCase() === expected.toLowerCase() ? "case"
      : schemeless(found) === schemeless(expected) ? "scheme"
        : oneHost(found) === oneHost(expected) ? "loopback" : "";
}

/** The JWKS, kept for a minute; a key that is not in it is looked for at once, but not more than once in two seconds. */
async function publishedKeys(kid) {
  const age = Date.now() - readAt;
  if (!keys || age > 60_000 || (age > 2_000 && !keys.some((key) => key.kid === kid))) {
    try {
      // "no-cache" asks whether the browser's copy is still right: a new key must not look unknown for minutes.
      keys = (await (await fetch("/.well-known/jwks.json", { credentials: "omit", cache: "no-cache" })).json()).keys;
      readAt = Date.now();
    } catch {
      keys = undefined;
    }
  }
  return keys;
}

function isAccessToken(typ) {
  return ["at+jwt", "application/at+jwt"].includes(String(typ).toLowerCase());
}

function isId(value) {
  return typeof value === "string" && /^[!#-[\]-~]{1,255}$/.test(value);
}

function isBase64url(part) {
  try {
    bytes(part);
    return true;
  } catch {
    return false;
  }
}

function objectIn(part) {
  try {
    const value = decode(part);
    return value && typeof value === "object" && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** RFC 3339 to the second, as the command line writes it. */
function utc(seconds) {
  const time = new Date(seconds * 1000);
  return Number.isNaN(time.valueOf()) ? "(beyond the calendar)" : time.toISOString().replace(".000", "");
}
