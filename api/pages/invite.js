// What somebody is invited to is told before they answer; to decline, the code alone is enough.
const asked = document.getElementById("asked"), decline = document.getElementById("decline");

async function tell() {
  const asking = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token }) };
  const answer = await fetch("/api/v1/invitations/info", asking);
  const told = await answer.json();
  form.hidden = !answer.ok;
  if (!answer.ok) return void (said.textContent = refusal(told, answer.headers.get("Retry-After")));
  const into = told.type === "organization" ? told.organization : `the ${told.type} ${told.target} of ${told.organization}`;
  asked.textContent = `${told.inviter} invites you to ${into}, as ${told.role.replaceAll("_", " ")}.`
    + (told.for_anyone ? " Anyone who has this link may accept." : "");
}

decline.addEventListener("click", () => send(decline, {}));
if (token) tell().catch(() => { said.textContent = AWAY; });
