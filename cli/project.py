"""Projects: what a team works on together."""

from shlex import quote
from typing import Annotated, Any

import typer

from cli.named import Thing, must_be_new, thing_of
from cli.output import Json, facts, show, table
from cli.session import Address, signed_in
from cli.shared import act, path, people, share, with_people
from cli.trash import Confirm, Trash, purged, thrown_away

app = typer.Typer(help="What a team works on together; trainings belong to one.", no_args_is_help=True)
Description = Annotated[str, typer.Option(help="What it is about.")]
About = Annotated[str, typer.Argument(help="What it is about; this replaces the present description.")]
Named = Annotated[str, typer.Argument(help="What it is called.")]
Trashed = Annotated[str, typer.Argument(help="Name or id of a project in the trash.")]
Project = Annotated[str, typer.Argument(help="Name or id of the project.")]


@app.command()
def create(name: Named, description: Description = "", api: Address = None, as_json: Json = False) -> None:
    """Begin a project."""
    with signed_in(api) as door:
        must_be_new(door, "project", name, "give it another name")
        made = door.post("/projects", name=name, description=description)
    there = Thing("project", made["id"], name)
    then = f"`vistory train FRAMEWORK MODEL --dataset DATASET --project {quote(name)}` trains in it"
    show(made, as_json, lambda: f"{there} is yours; {then}")


@app.command()
def describe(project: Project, description: About, api: Address = None, as_json: Json = False) -> None:
    """Say what a project is about; the audit log keeps what it said before."""
    with signed_in(api) as door:
        there = thing_of(door, "project", project)
        made = door.replace(f"{there.path}/description", description=description)
    show(made, as_json, lambda: f"{there} has a new description")


@app.command()
def rename(project: Project, name: Named, api: Address = None, as_json: Json = False) -> None:
    """Give a project another name; the audit log keeps the old one."""
    with signed_in(api) as door:
        there = thing_of(door, "project", project)
        made = door.patch(there.path, name=name)
    show(made, as_json, lambda: f"{there} is called {name} now")


@app.command("show")
def show_project(project: Project, api: Address = None, as_json: Json = False) -> None:
    """What a project is about, whose it is, and who is in it."""
    with signed_in(api) as door:
        found = with_people(door, path(door, "project", project))
    show(found, as_json, lambda: described(found))


def described(found: dict[str, Any]) -> str:
    about = {name: found[name] for name in ("id", "name", "description", "archived_at")}
    lines = facts({name: value for name, value in about.items() if value})
    return f"{lines}\n\n{people(found)}"


@app.command()
def archive(project: Project, api: Address = None, as_json: Json = False) -> None:
    """Close a project to anything new; what is in it stays as it is."""
    act("project", project, "/archive", api, as_json, "is archived")


@app.command()
def restore(project: Project, api: Address = None, as_json: Json = False) -> None:
    """Open an archived project again."""
    act("project", project, "/restore", api, as_json, "is open again")


@app.command()
def delete(project: Project, api: Address = None, as_json: Json = False) -> None:
    """Put a project into the trash; for 30 days it can come back."""
    thrown_away("project", project, api, as_json)


@app.command()
def undelete(project: Trashed, api: Address = None, as_json: Json = False) -> None:
    """Take a project out of the trash."""
    with signed_in(api) as door:
        there = thing_of(door, "project", project, trash=True)
        made = door.post(f"{there.path}/undelete")
    show(made, as_json, lambda: f"{there} is back")


@app.command()
def purge(project: Trashed, confirm: Confirm = None, api: Address = None, as_json: Json = False) -> None:
    """Let a project in the trash go for good: models, checkpoints, logs, and what MLflow has of its trainings."""
    purged("project", project, confirm, api, as_json)


@app.command("list")
def list_projects(trash: Trash = False, api: Address = None, as_json: Json = False) -> None:
    """Every project of your organization that is not in the trash, the newest first."""
    with signed_in(api) as door:
        projects = list(door.pages("/projects", deleted=True if trash else None))
    show(projects, as_json, lambda: table(("id", "name", "created", "", "description"), map(row, projects)))


def row(project: dict[str, Any]) -> tuple[object, ...]:
    state = "archived" if project["archived_at"] else ""
    return (project["id"], project["name"], project["created_at"][:10], state, project["description"][:60])


share(app, "project", "maintainer, member or viewer", "member", invites=True)
