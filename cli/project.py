"""Projects: what a team works on together."""

from typing import Annotated

import typer

from cli.named import id_of
from cli.output import Json, show, table
from cli.session import Address, signed_in

app = typer.Typer(help="What a team works on together; trainings belong to one.", no_args_is_help=True)
Description = Annotated[str, typer.Option(help="What it is about.")]
Project = Annotated[str, typer.Argument(help="Name or id of the project.")]


@app.command()
def create(name: str, description: Description = "", api: Address = None, as_json: Json = False) -> None:
    """Begin a project."""
    with signed_in(api) as door:
        made = door.post("/projects", name=name, description=description)
    show(made, as_json, lambda: f"project {made['id']}")


@app.command()
def rename(project: Project, name: str, api: Address = None, as_json: Json = False) -> None:
    """Give a project another name; the audit log keeps the old one."""
    with signed_in(api) as door:
        made = door.patch(f"/projects/{id_of(door, 'project', project)}", name=name)
    show(made, as_json, lambda: f"project {made['id']} is called {name} now")


@app.command("list")
def list_projects(api: Address = None, as_json: Json = False) -> None:
    """Every project of your organization, the newest first."""
    with signed_in(api) as door:
        projects = list(door.pages("/projects"))
    rows = [(each["id"], each["name"], each["created_at"][:10], each["description"][:60]) for each in projects]
    show(projects, as_json, lambda: table(("id", "name", "created", "description"), rows))
