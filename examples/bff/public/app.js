// The page has no token and needs none: it calls its own server, and the header says that it is this page that calls.
const get = (id) => document.getElementById(id);
const call = (path, options) => fetch(path, { headers: { "x-csrf": "1" }, ...options });

async function show() {
  const answer = await call("/session");
  const user = answer.ok ? await answer.json() : null;
  get("login").hidden = user !== null;
  get("signed-in").hidden = user === null;
  get("state").textContent = user ? `Signed in as ${user.sub}` : "Signed out";
}

get("call").addEventListener("click", async () => {
  const answer = await call("/api");
  get("answer").textContent = `${answer.status} ${await answer.text()}`;
  if (answer.status === 401) await show();
});

get("logout").addEventListener("click", async () => {
  const answer = await call("/session", { method: "DELETE" });
  location.assign(answer.ok ? (await answer.json()).next : "/");
});

await show();
