// OpenID Connect Session Management 1.0, section 3.2: a page of a client asks "client_id session_state" and hears
// "unchanged", "changed" or "error". All that is needed is in a cookie; the server is not asked.
(function () {
  "use strict";
  const cookie = document.currentScript.dataset.cookie + "=";

  function browserState() {
    const found = document.cookie.split("; ").find((pair) => pair.startsWith(cookie));
    return found && found.slice(cookie.length);
  }

  async function hash(text) {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
    const characters = btoa(String.fromCharCode(...new Uint8Array(digest)));
    return characters.replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }

  async function answer(message, origin) {
    const parts = message.split(" ");
    const [hashed, salt, ...rest] = (parts[1] || "").split(".");
    if (parts.length !== 2 || !parts[0] || !hashed || !salt || rest.length) return "error";
    const state = browserState();
    // Without a cookie nobody can tell: most likely this browser shows none to frames of other sites. After "changed"
    // the client would sign in again and again; after "error" it "MUST NOT perform re-authentication".
    if (state === undefined) return "error";
    // Session states are made for one client and one origin (src/protocol/session_state.rs): a page of another origin
    // learns nothing from the answer.
    return (await hash(`${parts[0]} ${origin} ${state} ${salt}`)) === hashed ? "unchanged" : "changed";
  }

  addEventListener("message", async function (event) {
    if (event.source === window || !event.source || event.origin === "null" || typeof event.data !== "string") return;
    if (event.data.length > 1024) return;
    let said = "error";
    try {
      said = await answer(event.data, event.origin);
    } catch (fault) {
      // No hashing here: the client's page is not a secure context.
    }
    event.source.postMessage(said, event.origin);
  });
})();
