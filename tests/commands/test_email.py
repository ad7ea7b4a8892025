from datetime import timedelta
from uuid import UUID

import pytest

from commands.access import Caller
from commands.email import ChangeEmail, RequestEmailChange, RequestVerification, VerifyEmail, VouchForAddress
from commands.link import LinkIsOver
from commands.operator import AppointOperator, ChangeQuotas
from commands.password import RequestPasswordReset, ResetPassword
from commands.person import EmailIsTaken, RenameSelf
from commands.ports import Purpose
from commands.project import AddProjectMember, CreateProject, OfferProject
from domain.errors import Forbidden, NotFound, Unauthenticated
from domain.membership import Membership
from domain.model import SYSTEM
from domain.organization import Organization
from domain.person import AddressIsNotVerified, Person
from domain.project import Project
from domain.roles import Role
from infra.unit import Errand, Unit
from tests.commands.conftest import ACME, ANN, BEN, ann, approve, ben, register
from tests.doubles import link_token
from tests.spec import NOBODY, Spec

again = RequestVerification(person_id=ANN)
elsewhere = RequestEmailChange(email="ann@example.com")


def verify(
    number: int = 1, person_id: UUID = ANN, of: UUID = ANN, purpose: Purpose = Purpose.VERIFICATION
) -> VerifyEmail:
    return VerifyEmail(person_id=person_id, token=link_token(purpose, of, number))


def person(spec: Spec, id: UUID) -> Person:
    return Unit(spec.ledger, spec.mapper, Errand(NOBODY, spec.now, UUID(int=1))).get(Person, id)


@pytest.fixture
def spec(unverified: Spec) -> Spec:
    return unverified


@pytest.fixture
def anybody(spec: Spec) -> Spec:
    return spec.by(NOBODY)


def test_the_link_of_a_registration_verifies_the_address(anybody: Spec) -> None:
    with pytest.raises(AddressIsNotVerified, match="email resend"):
        person(anybody, ANN).must_be_verified()
    anybody.when(verify()).then((Person.EmailVerified, {"originator_id": ANN}))
    person(anybody, ANN).must_be_verified()
    assert not person(anybody, BEN).verified


def test_another_link_is_asked_for_by_anybody(anybody: Spec) -> None:
    anybody.when(again).then((Person.VerificationRequested, {"originator_id": ANN}))
    anybody.when(verify(2)).then((Person.EmailVerified, {}))


def test_a_verified_address_is_sent_no_other_link(anybody: Spec) -> None:
    anybody.given(verify()).when(again).then()
    anybody.when(verify(3)).then_refused(LinkIsOver)


def test_a_link_is_good_once_and_every_other_is_over_with_it(anybody: Spec) -> None:
    anybody.given(again, verify()).when(verify()).then_refused(LinkIsOver, "used already")
    anybody.when(verify(2)).then_refused(LinkIsOver)


def test_a_link_is_good_for_a_day(anybody: Spec) -> None:
    anybody.now += timedelta(days=1)
    anybody.when(verify()).then_refused(LinkIsOver, "too old")


@pytest.mark.parametrize("wrong", [verify(2), verify(of=UUID(int=1)), verify(purpose=Purpose.PASSWORD_RESET)])
def test_a_link_that_nobody_was_sent_is_good_for_nothing(anybody: Spec, wrong: VerifyEmail) -> None:
    anybody.when(wrong).then_refused(LinkIsOver)


def test_the_link_of_one_verifies_no_address_of_another(anybody: Spec) -> None:
    anybody.when(verify(person_id=BEN)).then_refused(LinkIsOver, "somebody else")


def test_whoever_follows_the_link_of_a_reset_reads_the_mail_to_the_address(anybody: Spec) -> None:
    anybody.given(RequestPasswordReset(person_id=ANN))
    reset = ResetPassword(
        person_id=ANN, token=link_token(Purpose.PASSWORD_RESET, ANN, 2), password="another horse battery"
    )
    anybody.when(reset).then((Person.PasswordChanged, {}), (Person.EmailVerified, {"originator_id": ANN}))
    anybody.when(verify()).then()


def test_nobody_is_sent_a_link_who_is_nobody(anybody: Spec) -> None:
    anybody.when(RequestVerification(person_id=UUID(int=1))).then_refused(NotFound)


def change(number: int, person_id: UUID = ANN) -> ChangeEmail:
    return ChangeEmail(person_id=person_id, token=link_token(Purpose.EMAIL_CHANGE, ANN, number))


def test_another_address_takes_the_place_of_the_old_one_once_its_link_is_followed(spec: Spec) -> None:
    new, old = {"email": "ann@example.com"}, {"previous": "ann@example.org"}
    spec.by(ann).when(elsewhere).then((Person.EmailChangeRequested, new))
    assert person(spec, ANN).email == "ann@example.org"
    spec.by(NOBODY).when(change(2)).then((Person.EmailChanged, new | old))
    assert (person(spec, ANN).email, person(spec, ANN).verified) == ("ann@example.com", True)


def test_the_old_address_is_free_for_others_then(spec: Spec) -> None:
    spec.by(ann).given(elsewhere).by(NOBODY).when(register(UUID(int=9), "ann")).then_refused(EmailIsTaken)
    spec.given(change(2), register(UUID(int=9), "ann"))


def test_an_address_that_somebody_has_by_now_is_not_taken_over(spec: Spec) -> None:
    spec.by(ann).given(RequestEmailChange(email="BEN@example.org"))
    spec.by(NOBODY).when(change(2)).then_refused(EmailIsTaken)


def test_an_address_may_be_written_otherwise(spec: Spec) -> None:
    spec.by(ann).given(RequestEmailChange(email="Ann@Example.org")).by(NOBODY).given(change(2))
    assert person(spec, ANN).email == "Ann@Example.org"


def test_only_the_link_to_the_address_that_was_wished_for_last_is_good(spec: Spec) -> None:
    spec.by(ann).given(elsewhere, RequestEmailChange(email="third@example.com")).by(NOBODY)
    spec.when(change(2)).then_refused(LinkIsOver)
    spec.when(change(3)).then((Person.EmailChanged, {"email": "third@example.com"}))


def test_whatever_was_sent_to_the_old_address_is_over(spec: Spec) -> None:
    spec.by(NOBODY).given(RequestPasswordReset(person_id=ANN)).by(ann).given(elsewhere).by(NOBODY).given(change(3))
    reset = ResetPassword(
        person_id=ANN, token=link_token(Purpose.PASSWORD_RESET, ANN, 2), password="another horse battery"
    )
    spec.when(reset).then_refused(LinkIsOver)
    spec.when(verify()).then_refused(LinkIsOver)


def test_another_address_that_was_wished_for_before_the_password_was_set_anew_is_not_taken(spec: Spec) -> None:
    spec.given(elsewhere, RequestPasswordReset(person_id=ANN))
    token = link_token(Purpose.PASSWORD_RESET, ANN, person(spec, ANN).version)
    spec.by(NOBODY).given(ResetPassword(person_id=ANN, token=token, password="another horse battery"))
    spec.when(change(2)).then_refused(LinkIsOver, "used already")


def test_the_link_to_another_address_is_good_for_a_day_and_for_its_person(spec: Spec) -> None:
    spec.by(ann).given(elsewhere).by(NOBODY).when(change(2, BEN)).then_refused(LinkIsOver, "somebody else")
    spec.now += timedelta(days=1)
    spec.when(change(2)).then_refused(LinkIsOver, "too old")


def test_nobody_asks_for_another_address_of_somebody_else(spec: Spec) -> None:
    spec.by(NOBODY).when(elsewhere).then_refused(Unauthenticated)
    spec.by(ben).when(elsewhere).then((Person.EmailChangeRequested, {"originator_id": BEN}))


def test_whoever_keeps_the_machine_vouches_for_an_address_and_nobody_else(spec: Spec) -> None:
    vouch = VouchForAddress(person_id=ANN)
    spec.by(ann).when(vouch).then_refused(Forbidden)
    spec.by(Caller(kind="system", id=SYSTEM)).when(vouch).then((Person.EmailVerified, {"originator_id": ANN}))
    spec.when(vouch).then()
    spec.by(NOBODY).when(verify()).then_refused(LinkIsOver)


def test_until_the_address_is_verified_a_person_reads_and_does_no_more(spec: Spec) -> None:
    create = CreateProject(project_id=UUID(int=1), name="cells")
    spec.by(ann).when(create).then_refused(AddressIsNotVerified)
    spec.when(RenameSelf(full_name="Anna")).then((Person.Renamed, {}))
    spec.given(verify()).when(create).then((Project.Created, {}), (Membership.ProjectOwned, {}))


def test_nobody_is_given_a_place_or_offered_anything_before(spec: Spec) -> None:
    project = UUID(int=1)
    spec.by(ann).given(verify(), CreateProject(project_id=project, name="cells"), approve(BEN, Role.MANAGER))
    spec.when(AddProjectMember(project_id=project, person_id=BEN)).then_refused(AddressIsNotVerified)
    spec.when(OfferProject(project_id=project, person_id=BEN)).then_refused(AddressIsNotVerified)
    spec.given(verify(person_id=BEN, of=BEN)).when(OfferProject(project_id=project, person_id=BEN))
    spec.then((Project.OwnershipOffered, {"person_id": BEN}))


def test_an_operator_changes_nothing_before(spec: Spec) -> None:
    spec.by(Caller(kind="system", id=SYSTEM)).given(AppointOperator(person_id=ANN)).by(ann)
    raised = ChangeQuotas(organization_id=ACME, max_users=9)
    spec.when(raised).then_refused(AddressIsNotVerified)
    spec.given(verify()).when(raised).then((Organization.QuotasChanged, {}))
