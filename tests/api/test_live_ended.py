"""A socket that is open while its member loses the right to listen: it is closed, and says why."""

from collections.abc import Callable
from typing import NamedTuple

import pytest
from starlette.websockets import WebSocketDisconnect

from tests.api.folders import push, scenes
from tests.api.phone import secured
from tests.api.test_live import drain
from tests.api.visitor import PASSWORD, PREFIX, Visitor, good
from tests.api.worker import Worker, requested


class Scene(NamedTuple):
    admin: Visitor
    listener: Visitor
    dataset: str
    job: str


Loss = Callable[[Scene], object]
LOSSES: dict[str, tuple[int, Loss]] = {
    "removed": (4401, lambda at: good(at.admin("DELETE", f"/admin/users/{at.listener.id}"))),
    "deactivated": (4401, lambda at: at.admin.post(f"/admin/users/{at.listener.id}/deactivate")),
    "signed out": (4401, lambda at: at.listener.post("/auth/logout")),
    "organization closed": (
        4401,
        lambda at: at.admin.post(
            "/organization/close", {"name": at.admin.get("/organization")["name"], "password": PASSWORD}
        ),
    ),
    "second factor required": (
        4403,
        lambda at: good(at.admin("PATCH", "/organization", {"second_factor_required": True})),
    ),
    "place taken away": (
        4404,
        lambda at: good(at.admin("DELETE", f"/datasets/{at.dataset}/members/{at.listener.id}")),
    ),
}


@pytest.fixture
def scene(request: pytest.FixtureRequest, founder: Callable[[], Visitor], worker: Worker) -> Scene:
    admin = founder()
    listener = admin.colleague("engineer_i")
    dataset = admin.post("/datasets", {"name": "Digits", "visibility": "private"})["id"]
    push(admin, dataset, scenes())
    admin.post(f"/datasets/{dataset}/members", {"person_id": listener.id, "role": "viewer"})
    if request.param == "second factor required":
        secured(admin)
    return Scene(admin, listener, dataset, requested(admin, dataset)["id"])


@pytest.mark.parametrize(
    ("scene", "code", "lose"),
    [(what, code, lose) for what, (code, lose) in LOSSES.items()],
    indirect=["scene"],
    ids=list(LOSSES),
)
def test_an_open_socket_is_closed_once_its_member_may_not_listen_any_more(
    scene: Scene, code: int, lose: Loss, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.live.LOOKED_AT_AGAIN_EVERY", 0.1)
    with scene.listener.client.websocket_connect(f"{PREFIX}/training-jobs/{scene.job}/live") as socket:
        socket.send_json({"token": scene.listener.token})
        assert socket.receive_json()["status"] == "queued"
        lose(scene)
        with pytest.raises(WebSocketDisconnect) as closed:
            drain(socket)
    assert closed.value.code == code
