// Keeps somebody signed in, with the session API of Signet.
//
// The access token is in this object and nowhere else: not in localStorage, not in a cookie, gone with the tab. The
// refresh token is in a cookie that no script can read and that goes to /auth of the provider alone.

/** How long before its end an access token is replaced. */
const LEAD = 30_000;
/** How long one request may take. */
const PATIENCE = 10_000;
/** How long a lost answer is asked for again: less than the minute in which the server gives the same one again. */
const RETRY_FOR = 45_000;

/** Nobody is signed in here: ask for a password. */
export class SignedOut extends Error {}
/** Another tab has signed somebody else in. */
export class SomebodyElse extends SignedOut {}
/** The provider does not answer; nobody is signed out by that. */
export class Unreachable extends Error {}

/** Fires `change` whenever somebody has signed in or out, or the access token is another one. */
export class Session extends EventTarget {
  #provider;
  #clientId;
  #send;
  #token = null;
  #subject = null;
  #expiresAt = 0;
  #dueAt = 0;
  #timer;
  #running = null;
  #left = false;
  #tabs = "BroadcastChannel" in globalThis ? new BroadcastChannel("session") : null;

  /** `send` is `fetch`, or what takes its place. */
  constructor({ issuer, clientId, send = (...call) => fetch(...call) }) {
    super();
    this.#provider = issuer;
    this.#clientId = clientId;
    this.#send = send;
    this.#tabs?.addEventListener("message", ({ data }) => this.#hear(data));
    // Timers stand still while a computer sleeps, and are slow in tabs that nobody looks at.
    for (const event of ["visibilitychange", "online", "pageshow"]) {
      globalThis.addEventListener(event, () => this.#token && this.#isDue() && this.refresh().catch(() => {}), true);
    }
  }

  get signedIn() {
    return this.#token !== null;
  }

  /** Who is signed in (`sub`). Another tab may make it another person: then show nothing more of the one before. */
  get subject() {
    return this.#subject;
  }

  get accessToken() {
    return this.#token;
  }

  /** Milliseconds since 1970. */
  get expiresAt() {
    return this.#expiresAt;
  }

  /** Signs in with name and password. An object with `error` says why not; `retryAfter` is in seconds. */
  async login(email, password) {
    const answer = await this.#alone(() => this.#post("login", { email, password }));
    if (!answer.ok) return { error: (await answer.json()).error, retryAfter: Number(answer.headers.get("retry-after")) };
    this.#take(await answer.json());
    return {};
  }

  /** Gets the next access token; also how a page that was just loaded finds out whether somebody is signed in. */
  refresh() {
    // However many callers there are in this tab, one request goes out.
    this.#running ??= this.#renew().finally(() => { this.#running = null; });
    return this.#running;
  }

  /**
   * `fetch` with the access token. Throws `SignedOut` when somebody has to sign in first, and `SomebodyElse` when it is
   * not the same person any more: what Ada asked for is not done as Bob.
   */
  async fetch(url, options = {}) {
    const person = this.#subject;
    if (this.#token && Date.now() >= this.#expiresAt) await this.refresh();
    const token = this.#tokenOf(person);
    const answer = await this.#call(url, options, token);
    // 403 says that this person may not, and no other token would change that. 401 says that the token is not good
    // any more: get another and try again, once.
    if (answer.status !== 401) return answer;
    if (this.#token === token) await this.refresh();
    return this.#call(url, options, this.#tokenOf(person));
  }

  /**
   * Signs out.
   *
   * - `client`: this tab forgets its token. The provider is not told, and the cookie stays.
   * - `refresh`: the refresh token ends, here and in all tabs. Access tokens that are out live to their end.
   * - `immediate`: access tokens that are out are refused too.
   *
   * `everywhere` does the latter two for all devices of this person.
   */
  async logout(level, { everywhere = false } = {}) {
    if (level !== "client") {
      const answer = await this.#alone(() => this.#post("logout", { immediate: level === "immediate", everywhere }));
      // 401: what was asked for could not be done, because nobody is signed in any more.
      if (!answer.ok && answer.status !== 401) throw new Unreachable(`logout: ${answer.status}`);
      this.#tabs?.postMessage({ signedOut: true });
    }
    this.#forget();
    this.#left = level === "client";
  }

  async #renew() {
    const before = this.#token;
    await this.#alone(async () => {
      // Whoever held the lock before may have told us the next token already.
      if (this.#token !== before && !this.#isDue()) return;
      const started = Date.now();
      for (let pause = 500; ; pause = Math.min(pause * 2, 8_000)) {
        const answer = await this.#post("refresh", {}).catch(() => null);
        const body = await answer?.json().catch(() => null);
        if (answer?.ok && body) return this.#take(body);
        if (answer?.status === 401) return this.#forget();
        // No answer, or one that says "later". The server may have made the next token already: it gives the same one
        // again to whoever asks again soon.
        const later = !answer || answer.ok || answer.status === 429 || answer.status >= 500;
        if (!later || Date.now() - started > RETRY_FOR) throw new Unreachable(`refresh: ${answer?.status ?? "no answer"}`);
        await sleep(Math.max(Number(answer?.headers.get("retry-after")) * 1000 || 0, pause));
      }
    }).catch((fault) => {
      this.#wakeIn(RETRY_FOR);
      throw fault;
    });
    return this.signedIn;
  }

  /** One tab at a time where the browser can do that. Where it cannot, all ask, and all get the same answer. */
  #alone(work) {
    return navigator.locks ? navigator.locks.request("session", work) : work();
  }

  #post(path, body) {
    return this.#send(`${this.#provider}/auth/${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ client_id: this.#clientId, ...body }),
      // The cookie goes with it.
      credentials: "include",
      signal: AbortSignal.timeout(PATIENCE),
    });
  }

  #tokenOf(person) {
    if (!this.#token) throw new SignedOut();
    if (this.#subject !== person) throw new SomebodyElse();
    return this.#token;
  }

  #call(url, options, token) {
    const headers = new Headers(options.headers);
    headers.set("authorization", `Bearer ${token}`);
    return this.#send(url, { ...options, headers });
  }

  #take({ access_token: token, expires_in: seconds }) {
    this.#left = false;
    this.#set(token, Date.now() + seconds * 1000);
    this.#tabs?.postMessage({ token, expiresAt: this.#expiresAt });
  }

  /** Word from another tab of this application. */
  #hear({ token, expiresAt, signedOut }) {
    if (this.#left) return;
    if (signedOut) this.#forget();
    else this.#set(token, expiresAt);
  }

  #set(token, expiresAt) {
    this.#token = token;
    this.#subject = subjectOf(token);
    this.#expiresAt = expiresAt;
    const left = expiresAt - Date.now();
    // A token that lives shorter than a minute is replaced in the middle of its life.
    this.#wakeIn(left - Math.min(LEAD, left / 2));
    this.dispatchEvent(new Event("change"));
  }

  #forget() {
    clearTimeout(this.#timer);
    this.#token = null;
    this.#subject = null;
    this.#expiresAt = 0;
    this.dispatchEvent(new Event("change"));
  }

  #wakeIn(time) {
    clearTimeout(this.#timer);
    this.#dueAt = Date.now() + time;
    this.#timer = setTimeout(() => this.refresh().catch(() => {}), time);
  }

  #isDue() {
    return Date.now() >= this.#dueAt;
  }
}

/** `sub` of an access token of Signet, which is a JWT (RFC 9068). Only to compare it: whoever believes it verifies it. */
function subjectOf(token) {
  const [, claims] = token.split(".");
  return JSON.parse(atob(claims.replaceAll("-", "+").replaceAll("_", "/"))).sub;
}

function sleep(time) {
  return new Promise((done) => setTimeout(done, time));
}
