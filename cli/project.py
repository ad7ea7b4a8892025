"""Projects: what a team works on together."""

from typing import Annotated, Any

import typer

from cli.named import id_of, must_be_new
from cli.output import Json, show, table
from cli.session import Address, signed_in
from cli.shared import act, path, people, share, with_people
from cli.trash import Confirm, Trash, purged

app = typer.Typer(help="What a team works on together; trainings belong to one.", no_args_is_help=True)
Description = Annotated[str, typer.Option(help="What it is about.")]
Trashed = Annotated[str, typer.Argument(help="Name or id of a project in the trash.")]
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
        made = door.replace(f"{path(door, 'project', project)}/description", description=description)
    show(made, as_json, lambda: f"project {made['id']} is described anew")


@app.command()
def rename(project: Project, name: str, api: Address = None, as_json: Json = False) -> None:
    """Give a project another name; the audit log keeps the old one."""
    with signed_in(api) as door:
        made = door.patch(path(door, "project", project), name=name)
    show(made, as_json, lambda: f"project {made['id']} is called {name} now")


@app.command("show")
def show_project(project: Project, api: Address = None, as_json: Json = False) -> None:
    """What a project is about, whose it is, and who is in it."""
    with signed_in(api) as door:
        found = with_people(door, path(door, "project", project))
    show(found, as_json, lambda: described(found))


def described(found: dict[str, Any]) -> str:
    about = {name: found[name] for name in ("id", "name", "description", "archived_at")}
    lines = table(("", ""), ((name, value) for name, value in about.items() if value)).lstrip()
    return f"{lines}\n\n{people(found)}"


@app.command()
def archive(project: Project, api: Address = None, as_json: Json = False) -> None:
    """Let nothing into a project any more; what is in it stays as it is."""
    act("project", project, "/archive", api, as_json, "is archived")


@app.command()
def restore(project: Project, api: Address = None, as_json: Json = False) -> None:
    """Open an archived project again."""
    act("project", project, "/restore", api, as_json, "is open again")


@app.command()
def delete(project: Project, api: Address = None, as_json: Json = False) -> None:
    """Put a project into the trash; for 30 days it can come back."""
    with signed_in(api) as door:
        made = door.delete(path(door, "project", project))
    show(made, as_json, lambda: f"project {made['id']} is in the trash; `vistory project undelete {made['id']}`")


@app.command()
def undelete(project: Trashed, api: Address = None, as_json: Json = False) -> None:
    """Take a project out of the trash."""
    with signed_in(api) as door:
        made = door.post(f"/projects/{id_of(door, 'project', project, trash=True)}/undelete")
    show(made, as_json, lambda: f"project {made['id']} is back")


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
