// A browser as far as signing in needs one: keeps cookies, follows redirects, fills in forms. Runs no JavaScript,
// which is the point: every page must work without it.
import http from "node:http";

const MAX_STEPS = 20;

const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", "#39": "'", "#x27": "'", "#x2F": "/", "#47": "/" };

function unescape(text) {
  return text.replace(/&(#?\w+);/g, (whole, name) => ENTITIES[name] ?? whole);
}

function attributes(tag) {
  const found = {};
  for (const [, name, , double, single, bare] of tag.matchAll(/([\w:-]+)(\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+)))?/g)) {
    found[name.toLowerCase()] ??= unescape(double ?? single ?? bare ?? "");
  }
  return found;
}

/** The forms of a page: where they go, their inputs and their buttons. */
export function forms(html) {
  return [...html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi)].map(([, head, body]) => {
    const { action = "", method = "get" } = attributes(head);
    const inputs = [...body.matchAll(/<input\b([^>]*)>/gi)].map(([, tag]) => attributes(tag));
    const buttons = [...body.matchAll(/<button\b([^>]*)>/gi)].map(([, tag]) => attributes(tag));
    return { action, method: method.toLowerCase(), inputs, buttons };
  });
}

export class Browser {
  #cookies = new Map();

  /** One request, answered as it is: no redirect is followed. */
  request(url, { method = "GET", form, headers = {} } = {}) {
    const target = new URL(url);
    const body = form && new URLSearchParams(form).toString();
    const sent = {
      accept: "text/html,application/xhtml+xml",
      "accept-language": "en",
      "sec-fetch-site": this.origin === undefined ? "none" : this.origin === target.origin ? "same-origin" : "cross-site",
      "sec-fetch-mode": "navigate",
      "sec-fetch-dest": "document",
      "user-agent": "signet-tests",
      ...headers,
    };
    const cookie = this.#cookieHeader(target);
    if (cookie) sent.cookie = cookie;
    if (body !== undefined) {
      sent["content-type"] = "application/x-www-form-urlencoded";
      sent["content-length"] = Buffer.byteLength(body);
      sent.origin = this.origin ?? target.origin;
    }
    return new Promise((resolve, reject) => {
      const request = http.request(target, { method, headers: sent, timeout: 20_000 }, (response) => {
        const parts = [];
        response.on("data", (part) => parts.push(part));
        response.on("error", reject);
        response.on("end", () => {
          this.#keep(target, response.headers["set-cookie"] ?? []);
          resolve({ url: target, status: response.statusCode, headers: response.headers, text: Buffer.concat(parts).toString("utf8") });
        });
      });
      request.on("timeout", () => request.destroy(new Error(`no answer from ${target.pathname} within 20 s`)));
      request.on("error", reject);
      request.end(body);
    });
  }

  /** Presses a button of a page: its form goes out with the hidden fields, `filled` and the button's own value. */
  press(page, button, filled = {}) {
    for (const form of forms(page.text)) {
      const pressed = form.buttons.find(({ id }) => id === button);
      if (!pressed) continue;
      const fields = {};
      for (const { name, type = "text", value = "", checked } of form.inputs) {
        const box = type === "checkbox" || type === "radio";
        if (name && type !== "submit" && (!box || checked !== undefined)) fields[name] = value;
      }
      if (pressed.name) fields[pressed.name] = pressed.value ?? "";
      this.origin = page.url.origin;
      const action = new URL(pressed.formaction || form.action || page.url.href, page.url);
      return this.request(action, { method: "POST", form: { ...fields, ...filled } });
    }
    throw new Error(`no button #${button} on ${page.url.pathname}`);
  }

  /**
   * Opens an authorization URL, signs in and allows what is asked, until the server sends the browser to
   * `redirectUri`; gives that whole URL. Nothing needs to listen there.
   */
  async authorize(url, redirectUri, { username = "ada@example.test", password = "correct-horse-battery" } = {}) {
    this.origin = undefined;
    let page = await this.request(url);
    for (let step = 0; step < MAX_STEPS; step += 1) {
      if (page.status >= 300 && page.status < 400) {
        const next = new URL(page.headers.location, page.url);
        if (next.href.startsWith(redirectUri)) return next;
        page = await this.request(next);
      } else if (page.text.includes("login-submit")) {
        page = await this.press(page, "login-submit", { username, password });
      } else if (page.text.includes("consent-allow")) {
        page = await this.press(page, "consent-allow");
      } else {
        const said = page.text.replace(/<(style|script)[\s\S]*?<\/\1>/gi, " ").replace(/<[^>]*>/g, " ").replace(/\s+/g, " ").trim();
        throw new Error(`stopped at ${page.url.pathname} with ${page.status}: ${said.slice(0, 300)}`);
      }
    }
    throw new Error(`still not at ${redirectUri} after ${MAX_STEPS} steps`);
  }

  #cookieHeader(url) {
    const fits = ({ path }) => url.pathname === path || url.pathname.startsWith(path.endsWith("/") ? path : `${path}/`);
    return [...this.#cookies.values()].filter(fits).map(({ name, value }) => `${name}=${value}`).join("; ");
  }

  #keep(url, lines) {
    for (const line of lines) {
      const [pair, ...rest] = line.split(";").map((part) => part.trim());
      const at = pair.indexOf("=");
      const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
      const options = Object.fromEntries(rest.map((part) => [part.split("=")[0].toLowerCase(), part.slice(part.indexOf("=") + 1)]));
      const path = options.path?.startsWith("/") ? options.path : url.pathname.replace(/\/[^/]*$/, "") || "/";
      const gone = options["max-age"] !== undefined ? Number(options["max-age"]) <= 0 : Date.parse(options.expires) <= Date.now();
      if (gone) this.#cookies.delete(`${name} ${path}`);
      else this.#cookies.set(`${name} ${path}`, { name, value, path });
    }
  }
}
