"""A central that lies, on the real parts: to a station, and to a researcher.

What it says is said by the real one and changed on the way, or a row of its database is changed.
"""

from __future__ import annotations

import base64
import itertools
import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from phtlab.clock import utc_now
from phtlab.demo.world import World
from phtlab.errors import (
    CentralError,
    CentralUnreachableError,
    PhtlabError,
    SealChangedError,
    SignatureError,
)
from phtlab.files.sealed_file import (
    open_file,
)
from phtlab.lab import Journey, Lab
from phtlab.lab.train_preparation import NOTEBOOK
from phtlab.station.context.artifact_store import RegistryArtifactStore
from phtlab.station.stops.marker import Marker
from phtlab.train.canonical import canonical
from phtlab.train.crypto.identity import Identity, Member
from phtlab.train.documents.envelope import Envelope, sign_statement
from phtlab.train.documents.manifest import TRAIN_TYPE
from phtlab.train.documents.order import Order, cargo_context
from phtlab.train.documents.record import RECORD_TYPE
from phtlab.train.image.composition import (
    compose,
)
from phtlab.train.image.verification import (
    ImageLimits,
)
from phtlab.wire.central.client import CentralClient
from phtlab.wire.registry.cargo import pull_cargo
from tests.attack.conftest import admitted, lab_of, published
from tests.attack.handmade import ANSWER, HandmadeStation
from tests.attack.judging import JudgingStation
from tests.attack.liar import (
    Answer,
    Asked,
    Liars,
    Lie,
    Stranger,
    offering,
    saying_json,
    told_of,
)
from tests.e2e.parts import away, change_central, starts, until
from tests.e2e.written_notebook import write_notebook

pytestmark = pytest.mark.engine

ATTACKER = "hostile central"
HERE = "switzerland"
INBOX = "^/api/v1/inbox"

Refused = Callable[[str, str, str], None]


def form(envelope: Envelope) -> dict[str, Any]:
    """An envelope as JSON has it in an answer."""
    said: dict[str, Any] = envelope.model_dump(mode="json")
    return said


def changed(envelope: Envelope, change: Callable[[Any], None]) -> Envelope:
    """The statement changed by `change`, under the signatures that it had before."""
    statement = json.loads(envelope.body)
    change(statement)
    payload = base64.b64encode(canonical(statement)).decode()
    return envelope.model_copy(update={"payload": payload})


def train_signed_by(identity: Identity, envelope: Envelope) -> Envelope:
    """The same train statement under the signatures of `identity`."""
    statement = json.loads(envelope.body)
    (subject,) = statement["subject"]
    return sign_statement(
        identity,
        TRAIN_TYPE,
        {subject["name"]: f"sha256:{subject['digest']['sha256']}"},
        statement["predicate"],
    )


def order_signed_by(identity: Identity, envelope: Envelope) -> Envelope:
    """The same order under the signatures of `identity`: the same journey's id."""
    order = Order.model_validate(json.loads(envelope.body)["predicate"])
    return order.sign(identity)


# What a station is told


@pytest.fixture
def sent(small_lab: Lab, notebook: Path) -> Journey:
    """An honest journey to the station that hears the liar."""
    return small_lab.dispatch(notebook, stations=HERE)


@pytest.fixture
def train_of(small_lab: Lab) -> Callable[[Journey], Envelope]:
    return lambda journey: small_lab.central.train(journey.view.train).envelope


@pytest.fixture
def judged(liars: Liars, judging: JudgingStation, honest: Journey) -> Callable[[Journey, Lie], str]:
    """The code with which a station refuses, under a lie, a journey as good as `honest`."""

    def told(journey: Journey, lie: Lie) -> str:
        with liars.central.lying("GET", INBOX, lie) as lying:
            record = judging.record(journey.id)
        assert lying.told
        assert (record.outcome, record.started) == ("refused", None)
        return record.code

    return told


def test_a_train_statement_changed_after_signing(
    sent: Journey, train_of, judged, refused: Refused
) -> None:
    def more_outputs(statement: Any) -> None:
        statement["predicate"]["outputs"] = [{"counts": None, "kind": "file", "name": "rows"}]

    forged = changed(train_of(sent), more_outputs)
    code = judged(sent, offering(sent.id, train=form(forged)))
    assert code == "signature"
    refused(ATTACKER, "cannot change a train after it was signed", code)


@pytest.mark.parametrize("field", ["parameters", "recipients", "stations", "expires"])
def test_an_order_changed_after_signing(
    field: str,
    sent: Journey,
    liars: Liars,
    judging: JudgingStation,
    colleague: Lab,
    refused: Refused,
) -> None:
    """Under its own id it is no order of that journey; under the id that it has now, not signed."""
    values: dict[str, Any] = {
        "parameters": {"min_age": 18},
        "recipients": ["dr-lovelace", "dr-hopper"],
        "stations": [HERE, "hungary"],
        "expires": "2099-01-01T00:00:00Z",
    }

    def change(statement: Any) -> None:
        statement["predicate"][field] = values[field]

    forged = changed(sent.view.order, change)
    with liars.central.lying("GET", INBOX, offering(sent.id, order=form(forged))):
        for offer in judging.station.central.inbox().offers:
            if offer.journey == sent.id:
                judging.daemon.receive(offer)
    assert not judging.station.stops.stop(sent.id).has(Marker.OFFER), "it was dropped"
    lie = offering(sent.id, order=form(forged), journey=forged.digest)
    with liars.central.lying("GET", INBOX, lie):
        record = judging.record(forged.digest)
    assert (record.outcome, record.code) == ("refused", "signature")
    assert judging.holds(sent.id), "the order as it was signed"
    refused(ATTACKER, f"cannot change an order's {field} after it was signed", record.code)


def test_an_order_for_other_stations(
    small_lab: Lab,
    by_hand: dict[str, HandmadeStation],
    sent: Journey,
    train_of,
    notebook: Path,
    judged,
    refused: Refused,
) -> None:
    """Central offers a station what was ordered of another one only."""
    other = small_lab.dispatch(notebook, stations="va-long-beach")

    def also(inbox: Any) -> Any:
        offer = {
            "journey": other.id,
            "order": form(other.view.order),
            "train": form(train_of(other)),
        }
        return inbox | {"offers": [*inbox["offers"], offer]}

    code = judged(other, saying_json(also))
    assert code == "order-station"
    refused(ATTACKER, "cannot send an order to a station that it does not name", code)


def test_an_order_that_expired_before_the_station_came(
    small_lab: Lab, judging: JudgingStation, liars: Liars, notebook: Path, refused: Refused
) -> None:
    """Central holds an order back until its time is over."""
    journey = small_lab.dispatch(
        notebook, stations=HERE, lifetime=judging.now - utc_now() + timedelta(seconds=2)
    )
    until(lambda: judging.now > journey.view.expires)
    record = judging.record(journey.id)
    assert (record.outcome, record.code, record.sentence) == (
        "refused",
        "order-expired",
        f"This order expired at {journey.view.expires:%Y-%m-%d %H:%M} UTC. Dispatch the train "
        "again.",
    )
    refused(ATTACKER, "cannot have an order followed after its time", record.code)


def test_an_order_signed_by_someone_not_on_the_roster(
    sent: Journey, stranger: Lab, judged, refused: Refused
) -> None:
    """Central puts a stranger's signatures under a member's order: the same journey's id."""
    forged = order_signed_by(stranger.identity, sent.view.order)
    assert forged.digest == sent.id
    code = judged(sent, offering(sent.id, order=form(forged)))
    assert code == "not-on-roster"
    refused(ATTACKER, "cannot pass off a stranger's order as a member's", code)


def test_a_train_signed_by_someone_not_on_the_roster(
    sent: Journey, stranger: Lab, train_of, judged, refused: Refused
) -> None:
    forged = train_signed_by(stranger.identity, train_of(sent))
    code = judged(sent, offering(sent.id, train=form(forged)))
    assert code == "not-on-roster"
    refused(ATTACKER, "cannot pass off a stranger's train as a member's", code)


def test_code_and_keys_replaced_together(
    liars: Liars, sent: Journey, small_lab: Lab, stranger: Lab, notebook: Path, judged, refused
) -> None:
    """Another notebook, its train and its order, all signed by keys that come along with them.

    The image is consistent in itself; nothing that travels with a train says whose keys count.
    """
    train = small_lab.train(notebook)
    other = train.analysis.travelling().replace(b"groupby", b"cumsum_")
    image = compose(*small_lab.kernel_documents(train.kernel), {NOTEBOOK: other})
    signed = train.manifest.sign(stranger.identity, image.digest, train.repository)
    order = Order.model_validate(json.loads(sent.view.order.body)["predicate"])
    taken_over = order.model_copy(update={"train": image.digest}).sign(stranger.identity)
    lie = offering(sent.id, journey=taken_over.digest, order=form(taken_over), train=form(signed))
    code = judged(
        Journey(
            small_lab.session,
            sent.view.model_copy(update={"id": taken_over.digest, "order": taken_over}),
        ),
        lie,
    )
    assert code == "not-on-roster"
    refused(ATTACKER, "cannot replace code and keys together", code)


def test_an_order_paired_with_another_train_of_its_author(
    small_lab: Lab, sent: Journey, tmp_path: Path, train_of, judged, refused: Refused
) -> None:
    """Both are signed, by the same member, for other things."""
    other = small_lab.dispatch(
        write_notebook(tmp_path / "another.ipynb", ANSWER), stations="va-long-beach"
    )
    code = judged(sent, offering(sent.id, train=form(train_of(other))))
    assert code == "order-train"
    refused(ATTACKER, "cannot pair an order with another signed train", code)


@pytest.mark.parametrize("member", ["its author", "a colleague"])
def test_the_same_image_signed_anew_with_other_bounds(
    member: str,
    small_lab: Lab,
    colleague: Lab,
    sent: Journey,
    train_of,
    judging: JudgingStation,
    judged,
    refused: Refused,
) -> None:
    """A member helps: they sign the image that the order names, with wider bounds."""
    lab, code = {
        "its author": (small_lab, "image-declaration"),
        "a colleague": (colleague, "order-author"),
    }[member]
    statement = json.loads(train_of(sent).body)
    (subject,) = statement["subject"]
    manifest = statement["predicate"]
    manifest["parameters"]["properties"]["min_age"]["minimum"] = 0
    repository = subject["name"].replace(small_lab.identity.name, lab.identity.name)
    digest = f"sha256:{subject['digest']['sha256']}"
    signed = sign_statement(lab.identity, TRAIN_TYPE, {repository: digest}, manifest)
    believed = judging.station.roster_cache
    until(lambda: {m.name for m in believed.now().roster.members} >= {lab.identity.name})
    assert judged(sent, offering(sent.id, train=form(signed))) == code
    refused(ATTACKER, f"cannot re-bind parameters with the help of {member}", code)


@pytest.mark.parametrize("what", ["order", "train"])
def test_a_document_signed_by_a_member_without_the_role(
    what: str,
    sent: Journey,
    by_hand: dict[str, HandmadeStation],
    train_of,
    judged,
    refused: Refused,
) -> None:
    station = by_hand["va-long-beach"].identity
    if what == "order":
        forged = form(order_signed_by(station, sent.view.order))
    else:
        forged = form(train_signed_by(station, train_of(sent)))
    code = judged(sent, offering(sent.id, **{what: forged}))
    assert code == f"{what}-role"
    refused(ATTACKER, f"cannot have a station's key sign an {what}".replace("an t", "a t"), code)


def test_a_signature_taken_from_another_document(
    small_lab: Lab, sent: Journey, notebook: Path, judged, refused: Refused
) -> None:
    """The author's own signatures, of another order."""
    other = small_lab.dispatch(notebook, stations="va-long-beach")
    forged = sent.view.order.model_copy(update={"signatures": other.view.order.signatures})
    code = judged(sent, offering(sent.id, order=form(forged)))
    assert code == "signature"
    refused(ATTACKER, "cannot move a signature to another document", code)


@pytest.mark.parametrize("scheme", [0, 1])
def test_one_of_the_two_signatures_left_out(
    scheme: int, sent: Journey, judged, refused: Refused
) -> None:
    (kept,) = [s for i, s in enumerate(sent.view.order.signatures) if i == scheme]
    forged = sent.view.order.model_copy(update={"signatures": (kept,)})
    code = judged(sent, offering(sent.id, order=form(forged)))
    assert code == "signature"
    refused(ATTACKER, "cannot do with one of the two signatures", code)


def test_a_record_in_an_order_s_place(
    sent: Journey, by_hand: dict[str, HandmadeStation], small_lab: Lab, judged, refused: Refused
) -> None:
    """A true signature of the researcher, under a statement of another type."""
    statement = json.loads(sent.view.order.body)
    forged = sign_statement(
        small_lab.identity, RECORD_TYPE, {"train": sent.view.train}, statement["predicate"]
    )
    lie = offering(sent.id, order=form(forged), journey=forged.digest)
    view = sent.view.model_copy(update={"id": forged.digest, "order": forged})
    code = judged(Journey(small_lab.session, view), lie)
    assert code == "signature"
    refused(ATTACKER, "cannot use a signature for another purpose", code)


@pytest.mark.parametrize("stolen", [False, True])
def test_an_order_by_a_key_that_was_revoked_since(
    stolen: bool,
    small: World,
    judging: JudgingStation,
    liars: Liars,
    notebook: Path,
    tmp_path: Path,
    refused: Refused,
) -> None:
    """Central keeps a member's honest order until they are off the roster, and offers it then."""
    identity = Identity.generate(f"dr-gone-{'stolen' if stolen else 'left'}")
    admitted(small, Member(name=identity.name, roles=("researcher",), keys=identity.public))
    gone = lab_of(small.central_url, small, identity, tmp_path / "trust")
    try:
        journey = gone.dispatch(notebook, stations=HERE)
    finally:
        gone.registry.close()
        gone.central.close()
    consortium = small.consortium
    consortium.remove_member(identity.name, stolen=stolen)
    published(small, consortium)
    until(lambda: judging.station.roster_cache.now().roster.version >= consortium.roster.version)
    time.sleep(1)  # as long as a roster is believed here without asking again
    record = judging.record(journey.id)
    assert (record.outcome, record.code) == ("refused", "not-on-roster")
    refused(ATTACKER, "cannot use an order of a member who was removed", record.code)


def test_an_order_replayed_by_central(
    small: World, small_lab: Lab, departed: Journey, engine, refused: Refused
) -> None:
    """A central that forgets what has departed offers it again: the same record, no second run."""
    begun = time.time()
    before = small_lab.central.journey(departed.id).stops[0].record
    with away(small, "cleveland"):
        change_central(
            small,
            "UPDATE stop SET state = 'offered', final = 0, record = NULL, record_digest = NULL "
            "WHERE journey_id = ? AND station = 'cleveland'",
            departed.id,
        )
    until(lambda: small_lab.central.journey(departed.id).done)
    assert small_lab.central.journey(departed.id).stops[0].record == before
    assert starts(engine, begun, departed.id) == 0
    assert departed.results().stations == ("cleveland", "hungary")
    refused(ATTACKER, "cannot have an order followed twice", "the first record again, no run")


# What a researcher is told


@pytest.fixture(scope="module")
def opened(
    deceived: Lab, by_hand: dict[str, HandmadeStation], tmp_path_factory: pytest.TempPathFactory
) -> Journey:
    """A journey to two stations by hand, whose results have opened once."""
    notebook = write_notebook(tmp_path_factory.mktemp("opened") / "answering.ipynb", ANSWER)
    journey = deceived.dispatch(notebook, stations=[HERE, "va-long-beach"])
    for station in by_hand.values():
        station.depart(journey)
    assert journey.results().scalars("answer") == {HERE: 42, "va-long-beach": 42}
    return journey


def no_results(liars: Liars, journey: Journey, change: Callable[[Any], None]) -> str:
    """The code with which results do not open under a lie about the journey; after it they do."""
    with told_of(liars, journey.id, change), pytest.raises(PhtlabError) as told:
        journey.results()
    assert len(journey.results()) == len(journey.stops)
    return told.value.code


def test_a_record_that_another_station_signed(
    liars: Liars, opened: Journey, refused: Refused
) -> None:
    """Central shows one station's record as another's: the researcher is not taken in."""

    def swap(view: Any) -> None:
        view["stops"][1]["record"] = view["stops"][0]["record"]

    code = no_results(liars, opened, swap)
    assert code == "record-signer"
    refused(ATTACKER, "cannot show a station's record as another's", code)


def test_a_record_of_another_journey(
    liars: Liars,
    opened: Journey,
    deceived: Lab,
    by_hand: dict[str, HandmadeStation],
    answering: Path,
    refused: Refused,
) -> None:
    other = deceived.dispatch(answering, stations=[HERE])
    by_hand[HERE].depart(other)
    record = other.refresh().stops[0].record
    assert record is not None

    def put(view: Any) -> None:
        view["stops"][0]["record"] = form(record)

    code = no_results(liars, opened, put)
    assert code == "record-journey"
    refused(ATTACKER, "cannot show a record of another journey", code)


def test_a_record_changed_after_signing(liars: Liars, opened: Journey, refused: Refused) -> None:
    record = opened.stops[0].record
    assert record is not None

    def failed(statement: Any) -> None:
        statement["predicate"] |= {"outcome": "failed", "code": "cell-failed"}

    def put(view: Any) -> None:
        view["stops"][0]["record"] = form(changed(record, failed))

    code = no_results(liars, opened, put)
    assert code == "signature"
    refused(ATTACKER, "cannot change a stop record", code)


def test_a_record_that_a_stranger_signed(
    liars: Liars, opened: Journey, stranger: Lab, refused: Refused
) -> None:
    record = opened.stops[0].record
    assert record is not None
    statement = json.loads(record.body)
    (subject,) = statement["subject"]
    forged = sign_statement(
        stranger.identity,
        RECORD_TYPE,
        {subject["name"]: f"sha256:{subject['digest']['sha256']}"},
        statement["predicate"],
    )

    def put(view: Any) -> None:
        view["stops"][0]["record"] = form(forged)

    code = no_results(liars, opened, put)
    assert code == "not-on-roster"
    refused(ATTACKER, "cannot invent a stop record", code)


def test_a_record_of_a_station_off_the_route(
    liars: Liars, opened: Journey, by_hand: dict[str, HandmadeStation], refused: Refused
) -> None:
    def rename(view: Any) -> None:
        view["stops"][1]["station"] = "hungary"

    code = no_results(liars, opened, rename)
    assert code == "record-station"
    refused(ATTACKER, "cannot bring in a station off the route", code)


def test_a_stop_left_out(liars: Liars, opened: Journey, refused: Refused) -> None:
    def drop(view: Any) -> None:
        del view["stops"][1]

    code = no_results(liars, opened, drop)
    assert code == "journey-unfinished"
    refused(ATTACKER, "cannot leave out a stop unseen", code)


def test_another_journey_of_the_same_researcher(
    liars: Liars, opened: Journey, deceived: Lab, by_hand, answering: Path, refused: Refused
) -> None:
    other = deceived.dispatch(answering, stations=[HERE])
    by_hand[HERE].depart(other)
    said = json.loads(other.refresh().view.model_dump_json())

    def whole(view: Any) -> None:
        view.update(said)

    code = no_results(liars, opened, whole)
    assert code == "record"
    refused(ATTACKER, "cannot show another journey in the place of one", code)


def test_results_under_an_order_that_a_stranger_signed(
    liars: Liars, opened: Journey, stranger: Lab, refused: Refused
) -> None:
    forged = order_signed_by(stranger.identity, opened.view.order)

    def put(view: Any) -> None:
        view["order"] = form(forged)

    code = no_results(liars, opened, put)
    assert code == "not-on-roster"
    refused(ATTACKER, "cannot show results under a stranger's order", code)


def test_results_under_a_train_changed_after_signing(
    liars: Liars, opened: Journey, train_of, refused: Refused
) -> None:
    """Other outputs would be shown as what was asked."""

    def rename(statement: Any) -> None:
        statement["predicate"]["outputs"][0]["name"] = "question"

    forged = form(changed(train_of(opened), rename))
    with (
        liars.central.lying(
            "GET", "^/api/v1/trains/sha256", saying_json(lambda said: said | {"envelope": forged})
        ) as lying,
        pytest.raises(SignatureError) as told,
    ):
        opened.results()
    assert lying.told == 1
    assert opened.results().scalars("answer")
    refused(ATTACKER, "cannot show results under a changed train", told.value.code)


def test_cargo_of_another_station_in_its_place(
    small_lab: Lab, departed: Journey, tmp_path: Path, refused: Refused
) -> None:
    """Whole, sealed by a member, and not what this station's record names."""
    _, order, records = departed.verified()
    sealed = tmp_path / "cargo.age"
    (cargo,) = (sent.digest for sent in records["cleveland"].cargos)
    assert cargo is not None
    pull_cargo(small_lab.registry, departed.id, "cleveland", cargo, sealed)
    (signed,) = (sent.digest for sent in records["hungary"].cargos)
    assert signed is not None
    with pytest.raises(SealChangedError) as told:
        open_file(
            sealed,
            tmp_path / "cargo.tar",
            small_lab.identity.age,
            cargo_context(departed.id, order, "hungary"),
            signed,
        )
    assert str(told.value) == (
        "The cargo cargo.age is not what the station sealed: its digest differs from the one in "
        "the signed stop record. Fetch it again; if that does not help, tell the station and "
        "whoever runs central."
    )
    assert not (tmp_path / "cargo.tar").exists()
    refused(ATTACKER, "cannot put one station's cargo in another's place", told.value.code)


def test_a_central_of_another_consortium_gets_no_token(
    small: World, small_lab: Lab, liars: Liars, refused: Refused
) -> None:
    """Where the same key is a member too, the token would be worth something."""
    asked = len(liars.central.asked)
    elsewhere = saying_json(
        lambda info: info | {"consortium": "other-net", "audience": "central@other-net"}
    )
    with (
        CentralClient(
            liars.central.url, small_lab.identity, consortium=lambda: "heart-net"
        ) as client,
        liars.central.lying("GET", "^/api/v1$", elsewhere),
        pytest.raises(CentralError) as told,
    ):
        client.journeys()
    assert told.value.code == "central-consortium"
    assert not [a for a in liars.central.asked[asked:] if "authorization" in a.headers]
    refused(ATTACKER, "cannot collect tokens for another consortium", told.value.code)


def test_what_central_holds_opens_nothing(
    small: World, departed: Journey, small_lab: Lab, refused: Refused
) -> None:
    """All that lies in central's folder, its registry's blobs too: cargo is age files only."""
    records = departed.verified()[2]
    folder = small.directory / "central"
    blobs = {path.parent.name: path for path in folder.rglob("blobs/sha256/*/*/data")}
    for record in records.values():
        (sent,) = record.cargos
        sealed = blobs[sent.digest.removeprefix("sha256:")].read_bytes()
        assert sealed.startswith(b"age-encryption.org/v1\n-> phtlab/context v1\n")
    results = departed.results()
    plain = (results["cleveland"].directory / "counts.parquet").read_bytes()
    assert plain.startswith(b"PAR1")
    for path in folder.rglob("*"):
        if path.is_file():
            assert plain not in path.read_bytes(), path
    refused(ATTACKER, "cannot read cargo", "only sealed files lie there")


def test_another_registry_than_the_station_s_own(
    small: World,
    liars: Liars,
    judging: JudgingStation,
    sent: Journey,
    honest: Journey,
    stranger_s_house: Stranger,
    refused: Refused,
) -> None:
    """Central names an address inside the hospital's network as the registry's.

    A station believes it, unless its settings say where the registry is.
    """
    elsewhere = saying_json(lambda info: info | {"registry_url": stranger_s_house.url})
    believing = judging.station
    train = believing.stops.stop(honest.id).verified_offer().train
    with liars.central.lying("GET", "^/api/v1$", elsewhere):
        led = RegistryArtifactStore(believing.central)
        with pytest.raises(PhtlabError):
            led.fetch(train.repository, train.digest, ImageLimits())
        led.close()
        assert stranger_s_house.asked, "without the setting"
        stranger_s_house.asked.clear()
        settled = RegistryArtifactStore(believing.central, small.registry_url)
        assert settled.fetch(train.repository, train.digest, ImageLimits()).layer
        settled.close()
    assert stranger_s_house.asked == []
    refused(ATTACKER, "cannot name another registry than the station's settings", "not asked")


def drip(_: Asked, answer: Answer) -> Answer:
    def drops() -> Iterator[bytes]:
        while True:
            time.sleep(0.05)
            yield b" "

    return answer.saying(drops())


def test_an_answer_of_central_that_drips(
    deceived: Lab, liars: Liars, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    """Each byte comes in time, the last one never: no thread of a station waits for it."""
    assert deceived.stations()
    monkeypatch.setattr("phtlab.wire.central.time_limit.ANSWER_SECONDS", 0.5)
    with (
        liars.central.lying("GET", "^/api/v1/stations$", drip) as lying,
        pytest.raises(CentralUnreachableError) as told,
    ):
        deceived.stations()
    assert lying.told == 1
    assert "one answer takes more than 0.5 seconds" in str(told.value)
    refused(ATTACKER, "cannot hold a station with an answer that drips", told.value.code)


def test_an_answer_of_central_without_end(
    deceived: Lab, liars: Liars, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    monkeypatch.setattr("phtlab.wire.central.connection.MAX_ANSWER_BYTES", 4 << 20)
    block = b" " * (1 << 20)
    with (
        liars.central.lying(
            "GET", "^/api/v1/stations$", lambda _, answer: answer.saying(itertools.repeat(block))
        ),
        pytest.raises(CentralError) as told,
    ):
        deceived.stations()
    assert told.value.code == "central-answer"
    refused(ATTACKER, "cannot fill memory with an answer that does not end", told.value.code)
