// What the pages that show tokens share: taking one apart, checking its signature, showing it. Sends nothing.

const ALGORITHMS = {
  RS256: [{ name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, { name: "RSASSA-PKCS1-v1_5" }],
  PS256: [{ name: "RSA-PSS", hash: "SHA-256" }, { name: "RSA-PSS", saltLength: 32 }],
  EdDSA: [{ name: "Ed25519" }, { name: "Ed25519" }],
  ES256: [{ name: "ECDSA", namedCurve: "P-256" }, { name: "ECDSA", hash: "SHA-256" }],
};

/** Whether `jwk` has signed the token. Throws when this browser cannot tell. */
async function verify(compact, jwk) {
  const [importing, verifying] = ALGORITHMS[jwk.alg];
  // Some browsers know Ed25519 keys as EdDSA, newer ones by the name of RFC 9864: without `alg`, all take them.
  const { key_ops, ext, use, alg, ...plain } = jwk;
  const key = await crypto.subtle.importKey("jwk", plain, importing, false, ["verify"]);
  const end = compact.lastIndexOf(".");
  const signed = new TextEncoder().encode(compact.slice(0, end));
  return crypto.subtle.verify(verifying, key, bytes(compact.slice(end + 1)), signed);
}

/** base64url as RFC 7515 section 2 wants it: no padding, no character and no bit too many. */
function bytes(base64url) {
  const binary = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  const canonical = btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  if (canonical !== base64url) throw new Error("not base64url");
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** The JSON in a part of a token. */
function decode(part) {
  return strict(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes(part)));
}

const MAX_DEPTH = 16;

/** JSON as the server takes it: no member twice, no NUL, not too deep. */
function strict(text) {
  const value = JSON.parse(text);
  const open = [];
  // It is JSON, so outside of texts these characters are what they look like.
  for (const [token, colon] of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/g)) {
    if (token === "{" || token === "[") {
      if (open.push(new Set()) > MAX_DEPTH) throw new Error("too deep");
    } else if (token === "}" || token === "]") {
      open.pop();
    } else {
      const content = JSON.parse(colon ? token.slice(0, -colon.length) : token);
      if (content.includes("\0")) throw new Error("a NUL");
      if (colon && open.at(-1).has(content)) throw new Error("a member twice");
      if (colon) open.at(-1).add(content);
    }
  }
  return value;
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

/** The local time, and how far it is away. */
function human(seconds) {
  const time = new Date(seconds * 1000);
  if (!Number.isInteger(seconds) || Number.isNaN(time.valueOf())) return "";
  const left = Math.round(seconds - Date.now() / 1000);
  const near = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto" });
  const [amount, unit] = Math.abs(left) < 90 ? [left, "second"] : Math.abs(left) < 5400 ? [Math.round(left / 60), "minute"]
    : Math.abs(left) < 129600 ? [Math.round(left / 3600), "hour"] : [Math.round(left / 86400), "day"];
  return `${time.toLocaleString(document.documentElement.lang)} (${near.format(amount, unit)})`;
}

function element(name, text, className) {
  const result = document.createElement(name);
  if (text !== undefined) result.textContent = text;
  if (className) result.className = className;
  return result;
}
