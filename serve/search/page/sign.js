// Signing in: the token is sent once, and the browser has a cookie from then on, which no script reads.
import { ask } from "./api.js";
import { $ } from "./dom.js";

const kept = "energo signed in"; // who, for the button

// start shows the form whenever the server wants a token.
export function start() {
  document.addEventListener("signed-out", () => {
    sessionStorage.removeItem(kept);
    $("signed").hidden = true;
    if (!$("sign").open) $("sign").showModal();
  });
  $("sign").addEventListener("submit", async (event) => {
    event.preventDefault();
    const token = $("token").value.trim();
    $("refused").hidden = true;
    try {
      const who = await ask("/v1/session", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token }) });
      sessionStorage.setItem(kept, who.name);
      location.reload();
    } catch (err) {
      $("refused").textContent = err.message;
      $("refused").hidden = false;
      $("token").select();
    }
  });
  const who = sessionStorage.getItem(kept);
  $("signed").hidden = !who;
  $("sign-out").title = who ? "Signed in by the token " + who : "";
  $("sign-out").addEventListener("click", async () => {
    await fetch("/v1/session", { method: "DELETE" });
    sessionStorage.removeItem(kept);
    location.reload();
  });
}
