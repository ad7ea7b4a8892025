"""Step 2: persons, their organization, a project."""

import secrets

from cli.client import Api, Problem
from cli.exits import Stop
from cli.platform import ACCOUNT
from cli.session import sign_in
from cli.tour import Tour

COLLEAGUE = {"email": "colleague@vistory.example", "full_name": "Second Engineer"}


def arrive(tour: Tour) -> str:
    """Returns the id of the project."""
    me = tour.api.get("/auth/me")
    where = f"{ACCOUNT['company']} / {ACCOUNT['division']}"
    tour.stage.done(f"{me['full_name']} registered at {where}: the first member, so its {me['role']}; signed in")
    admit_colleague(tour)
    project: str = tour.api.post("/projects", name="From pixels to history")["id"]
    tour.stage.done("project “From pixels to history” created")
    return project


def admit_colleague(tour: Tour) -> None:
    password = secrets.token_urlsafe(16)
    registered = tour.api.post("/auth/register", **COLLEAGUE, **home(), password=password)
    with Api(tour.api.url) as theirs:
        sign_in(theirs, COLLEAGUE["email"], password)
        if registered["status"] != "waiting" or not is_refused(theirs):
            raise Stop("a later member could act before an admin approved")
        person = registered["id"]
        waiting = next(one for one in tour.api.pages("/members") if one["person_id"] == person)
        tour.api.post(f"/members/{waiting['id']}/approve", role="engineer_i")
        tour.api.patch(f"/admin/users/{person}/role", role="engineer_ii")
        role = theirs.get("/auth/me")["role"]
    tour.stage.done(f"{COLLEAGUE['full_name']} registered later, waited for approval, and is now {role}")


def home() -> dict[str, str]:
    return {name: ACCOUNT[name] for name in ("company", "division")}


def is_refused(theirs: Api) -> bool:
    try:
        theirs.post("/projects", name="Too early")
    except Problem as problem:
        return problem.status == 403
    return False
