// Conveniences for the password field. The form is complete without them.
const password = document.getElementById("password");
const show = document.getElementById("show-password");
const caps = document.getElementById("caps-lock");

show.hidden = false;
show.addEventListener("click", () => {
  const visible = password.type === "password";
  password.type = visible ? "text" : "password";
  show.textContent = visible ? show.dataset.hide : show.dataset.show;
  password.focus();
});
// Sent as a password, so that no browser remembers it as ordinary text.
password.form.addEventListener("submit", () => { password.type = "password"; });

const watch = (event) => { caps.hidden = !event.getModifierState?.("CapsLock"); };
password.addEventListener("keydown", watch);
password.addEventListener("keyup", watch);
password.addEventListener("blur", () => { caps.hidden = true; });
