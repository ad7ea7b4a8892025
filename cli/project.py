"""Projects: what a team works on together."""

from typing import Annotated, Any

import typer

from cli.named import avatar_names, id_of, must_be_new, person_of
from cli.output import Json, show, table
from cli.session import Address, signed_in

app = typer.Typer(help="What a team works on together; trainings belong to one.", no_args_is_help=True)
Description = Annotated[str, typer.Option(help="What it is about.")]
Person = Annotated[str, typer.Argument(help="E-mail address, avatar name or id of a member of your organization.")]
Role = Annotated[str, typer.Option(help="maintainer, member or viewer.")]
Place = Annotated[str, typer.Argument(help="maintainer, member or viewer.")]
Trashed = Annotated[str, typer.Argument(help="Id of the project; `vistory project list --trash` tells it.")]
Trash = Annotated[bool, typer.Option("--trash", help="Only those in the trash.")]
Project = Annotated[str, typer.Argument(help="Name or id of the project.")]


@app.command()
def create(name: str, description: Description = "", api: Address = None, as_json: Json = False) -> None:
    """Begin a project."""
    with signed_in(api) as door:
        must_be_new(door, "project", name, "give it another name")
        made = door.post("/projects", name=name, description=description)
    show(made, as_json, lambda: f"project {made['id']}")


@app.command()
def describe(project: Project, description: str, api: Address = None, as_json: Json = False) -> None:
    """Say what a project is about; the audit log keeps what it said before."""
    with signed_in(api) as door:
        made = door.replace(f"/projects/{id_of(door, 'project', project)}/description", description=description)
    show(made, as_json, lambda: f"project {made['id']} is described anew")


@app.command()
def rename(project: Project, name: str, api: Address = None, as_json: Json = False) -> None:
    """Give a project another name; the audit log keeps the old one."""
    with signed_in(api) as door:
        made = door.patch(f"/projects/{id_of(door, 'project', project)}", name=name)
    show(made, as_json, lambda: f"project {made['id']} is called {name} now")


@app.command("show")
def show_project(project: Project, api: Address = None, as_json: Json = False) -> None:
    """What a project is about, whose it is, and who is in it."""
    with signed_in(api) as door:
        id = id_of(door, "project", project)
        found = door.get(f"/projects/{id}") | {"members": door.get(f"/projects/{id}/members")}
        found["called"] = avatar_names(door, {found["owner_id"], found["offered_to"]} - {None})
    show(found, as_json, lambda: described(found))


def described(found: dict[str, Any]) -> str:
    called = found["called"]
    about = {name: found[name] for name in ("id", "name", "description", "archived_at")}
    about["offered to"] = called.get(found["offered_to"], found["offered_to"])
    people = [(found["owner_id"], called.get(found["owner_id"]), "owner")]
    people += [(each["person_id"], each["avatar_name"], each["role"]) for each in found["members"]]
    lines = table(("", ""), ((name, value) for name, value in about.items() if value)).lstrip()
    return f"{lines}\n\n{table(('person', 'called', 'role'), people)}"


@app.command()
def archive(project: Project, api: Address = None, as_json: Json = False) -> None:
    """Let nothing into a project any more; what is in it stays as it is."""
    act(project, "/archive", api, as_json, "is archived")


@app.command()
def restore(project: Project, api: Address = None, as_json: Json = False) -> None:
    """Open an archived project again."""
    act(project, "/restore", api, as_json, "is open again")


@app.command()
def delete(project: Project, api: Address = None, as_json: Json = False) -> None:
    """Put a project into the trash; for 30 days it can come back."""
    with signed_in(api) as door:
        made = door.delete(f"/projects/{id_of(door, 'project', project)}")
    show(made, as_json, lambda: f"project {made['id']} is in the trash; `vistory project undelete {made['id']}`")


@app.command()
def undelete(project: Trashed, api: Address = None, as_json: Json = False) -> None:
    """Take a project out of the trash."""
    with signed_in(api) as door:
        made = door.post(f"/projects/{project}/undelete")
    show(made, as_json, lambda: f"project {made['id']} is back")


@app.command()
def add(project: Project, person: Person, role: Role = "member", api: Address = None, as_json: Json = False) -> None:
    """Give somebody of your organization a place in a project."""
    act(project, "/members", api, as_json, f"has another {role}", person=person, role=role)


@app.command()
def role(project: Project, person: Person, role: Place, api: Address = None, as_json: Json = False) -> None:
    """Change somebody's place in a project."""
    with signed_in(api) as door:
        path = f"/projects/{id_of(door, 'project', project)}/members/{person_of(door, person)}"
        made = door.patch(path, role=role)
    show(made, as_json, lambda: f"{person} is a {role} of project {made['id']} now")


@app.command()
def leave(project: Project, api: Address = None, as_json: Json = False) -> None:
    """Give your own place in a project up."""
    with signed_in(api) as door:
        me = door.get("/auth/me")["id"]
        made = door.delete(f"/projects/{id_of(door, 'project', project)}/members/{me}")
    show(made, as_json, lambda: f"you have left project {made['id']}")


@app.command()
def remove(project: Project, person: Person, api: Address = None, as_json: Json = False) -> None:
    """Take somebody's place in a project away."""
    with signed_in(api) as door:
        made = door.delete(f"/projects/{id_of(door, 'project', project)}/members/{person_of(door, person)}")
    show(made, as_json, lambda: f"project {made['id']} has a member less")


@app.command()
def offer(project: Project, person: Person, api: Address = None, as_json: Json = False) -> None:
    """Offer a project to somebody, who owns it once they accept."""
    act(project, "/owner/offer", api, as_json, "is offered", person=person)


@app.command()
def accept(project: Project, api: Address = None, as_json: Json = False) -> None:
    """Take over a project that was offered to you."""
    act(project, "/owner/accept", api, as_json, "is yours")


@app.command()
def decline(project: Project, api: Address = None, as_json: Json = False) -> None:
    """Leave a project that was offered to you with its owner."""
    act(project, "/owner/decline", api, as_json, "stays with its owner")


@app.command()
def withdraw(project: Project, api: Address = None, as_json: Json = False) -> None:
    """Take the offer of a project back."""
    act(project, "/owner/withdraw", api, as_json, "is offered to nobody any more")


def act(
    project: str, path: str, api: str | None, as_json: bool, done: str, person: str | None = None, **body: str
) -> None:
    with signed_in(api) as door:
        whom = {"person_id": person_of(door, person)} if person else {}
        made = door.post(f"/projects/{id_of(door, 'project', project)}{path}", **whom, **body)
    show(made, as_json, lambda: f"project {made['id']} {done}")


@app.command("list")
def list_projects(trash: Trash = False, api: Address = None, as_json: Json = False) -> None:
    """Every project of your organization that is not in the trash, the newest first."""
    with signed_in(api) as door:
        projects = list(door.pages("/projects", deleted=True if trash else None))
    show(projects, as_json, lambda: table(("id", "name", "created", "", "description"), map(row, projects)))


def row(project: dict[str, Any]) -> tuple[object, ...]:
    state = "archived" if project["archived_at"] else ""
    return (project["id"], project["name"], project["created_at"][:10], state, project["description"][:60])
