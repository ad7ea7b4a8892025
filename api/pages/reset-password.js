const form = document.getElementById("form"), said = document.getElementById("said");
const token = new URLSearchParams(location.hash.slice(1)).get("token") || "";
// Neither the history nor whoever looks over a shoulder needs it any more.
history.replaceState(null, "", location.pathname);
if (!token) said.textContent = "This address has no code: open the link of the letter once more.";

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const password = document.getElementById("password").value;
  try {
    const answer = await fetch("/api/v1/auth/reset-password", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token, password }),
    });
    form.hidden = answer.ok;
    said.textContent = answer.ok ? "The password is set. Sign in with it." : (await answer.json()).detail;
  } catch {
    said.textContent = "The platform does not answer; try again in a moment.";
  }
});
