// A form says where its answers go, and what to say once they are taken; the link's code goes with them.
const form = document.getElementById("form"), said = document.getElementById("said");
const token = new URLSearchParams(location.hash.slice(1)).get("token") || "";
// Neither the history nor whoever looks over a shoulder needs it any more.
history.replaceState(null, "", location.pathname);
const AWAY = "The platform does not answer; try again in a moment.";
form.hidden = !token;
if (!token) said.textContent = "This address has no code: open the link of the letter once more.";

// Where the link is good for nothing any more, the page says how to come by another.
const OVER = ["link-is-over", "invitation-is-over", "not-found"].map((kind) => `urn:vistory:problem:${kind}`);
// A person sees no header.
const AS_TOLD = "wait as long as Retry-After says";
const refusal = (problem, wait) => {
  const detail = wait ? problem.detail.replace(AS_TOLD, `the next attempt is possible in ${wait} s`) : problem.detail;
  return OVER.includes(problem.type) ? `${detail}. ${form.dataset.over}` : detail;
};

async function send(to, given) {
  try {
    const answer = await fetch(to.dataset.post, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ ...given, token }),
    });
    form.hidden = answer.ok;
    said.textContent = answer.ok ? to.dataset.done : refusal(await answer.json(), answer.headers.get("Retry-After"));
  } catch {
    said.textContent = AWAY;
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  // What was left empty is not said; what was ticked is true.
  const given = [...new FormData(form)].filter(([, value]) => value);
  send(form, Object.fromEntries(given.map(([name, value]) => [name, form.elements[name].type === "checkbox" || value])));
});
