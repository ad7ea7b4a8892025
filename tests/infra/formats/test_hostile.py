"""Files of strangers, whole and bent: read with a full account, or refused by name; never anything else."""

from typing import Final

from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain import revision
from domain.errors import Invalid
from infra.formats import look
from tests.infra.formats.folders import declared, picture, read, turned, voc

YAML: Final = b"path: .\ntrain: images/train\nval: images/val\nnc: 2\nnames:\n  0: crack\n  1: dent\n"
LABELS: Final = b"0 0.5 0.5 0.2 0.2\n1 0.25 0.25 0.1 0.1\n"
VOC: Final = voc((1, 2, 30, 15), (0, 0, 40, 20)).encode()
CLASSES: Final = b"crack\ndent\n"
# What parsers stumble over: tags of YAML without their value, numbers of every kind, entities, depth, other alphabets.
WORDS: Final = [
    *(f"!!{tag} {value}" for tag in ("int", "float", "bool", "timestamp", "binary", "null") for value in ("x", "''")),
    *(
        "!!set {a}",
        "!!omap [a]",
        "!!pairs [a]",
        "!!python/name:os.system",
        "? [a]",
        "? {}",
        "<<: 1",
        "<<: [1]",
        "*a",
        "&a [*a]",
    ),
    *("=", ".", "-", "~", "1:60", "0x" + "f" * 5_000, "9" * 5_000, "0b", "0o8", "1_0", ".inf", ".nan", "2001-99-99"),
    *("1" + ":1" * 300 + ".5", "1" + ":59" * 300, "0001-01-01 00:00:00 +23:00", "9999-12-31 23:59:59 -23:00"),
    *("nan", "inf", "-inf", "1e400", "-0", "1e-400", "٣", "½", "0x1p3", "1e308"),
    *("<!DOCTYPE a>", '<!DOCTYPE a [<!ENTITY b "c">]>', "&b;", "&#0;", "&#x110000;", "<a>" * 5_000, "]]>", "<?xml?>"),
    *("<?xml version='1.0' encoding='utf-7'?>", "<?xml version='1.0' encoding='no-such'?>", "[" * 500, "{a: " * 500),
    *("\x00", "\ufeff", "\u2028", "\u202e", "/", "..", "../" * 50, "C:\\", "a" * 5_000, "\r", "\t", "\x0b", "\x85"),
]
words = st.sampled_from([word.encode() for word in WORDS]) | st.binary(max_size=8)
# The same every time: what is found here must be found again.
same = settings(max_examples=150, deadline=None, derandomize=True, database=None)


@st.composite
def bent(draw: st.DrawFn, source: bytes) -> bytes:
    """Up to three times a piece is replaced by something else, or the end is cut off."""
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(source)))
        upto = draw(st.integers(at, min(len(source), at + 20)))
        source = source[:at] + draw(words) + source[upto:]
    return source[: draw(st.integers(0, len(source)))] if draw(st.booleans()) else source


scraps = st.lists(words, max_size=12).map(b"".join)


def understood(folder: dict[str, bytes]) -> None:
    try:
        reading = read(folder)
    except Invalid:
        return
    revision.build(reading.entries, reading.classes, lambda name, data: None)
    reading.report.canonical()


@same
@example(YAML.replace(b"nc: 2", b"nc: !!int ''"), LABELS, CLASSES)
@example(YAML.replace(b"nc: 2", b"nc: !!bool x"), LABELS, CLASSES)
@example(YAML.replace(b"nc: 2", b"nc: !!timestamp x"), LABELS, CLASSES)
@example(YAML.replace(b"nc: 2", b"nc: 1" + b":1" * 300 + b".5"), LABELS, CLASSES)
@example(YAML.replace(b"  1:", b"  0x" + b"f" * 5_000 + b":"), LABELS, CLASSES)
@given(bent(YAML) | scraps, bent(LABELS) | scraps, bent(CLASSES) | scraps)
def test_bent_files_of_yolo_are_read_or_refused(description: bytes, labels: bytes, classes: bytes) -> None:
    images = {"images/train/1.png": picture(1), "images/val/2.png": picture(2)}
    named = {"labels/train/1.txt": labels, "labels/val/2.txt": LABELS, "classes.txt": classes, "train.txt": classes}
    understood({**images, **named, "data.yaml": description})


@same
@example(VOC.replace(b">40<", b">" + b"4" * 310 + b"<"), b"1\n", CLASSES)
@example(VOC.replace(b">20<", b">" + b"4" * 310 + b"<"), b"1\n", CLASSES)
@given(bent(VOC) | scraps, bent(b"1\n2 1\n3 -1\n") | scraps, bent(CLASSES) | scraps)
def test_bent_annotations_are_read_or_refused(annotation: bytes, side: bytes, classes: bytes) -> None:
    images = {"JPEGImages/1.png": picture(1), "JPEGImages/2.png": picture(2)}
    named = {"Annotations/1.xml": annotation, "Annotations/2.xml": VOC, "Annotations/3.xml": annotation}
    understood({**images, **named, "classes.txt": classes, "ImageSets/Main/train.txt": side})


PICTURES: Final = [
    *(picture(3, kind=kind) for kind in ("PNG", "JPEG", "BMP", "WEBP", "TIFF")),
    turned(6),
    turned(8, kind="TIFF"),
    declared(60_000, 60_000),
    declared(1, 2**31 - 1),
]


@settings(same, max_examples=400)
@given(st.sampled_from(PICTURES).flatmap(bent) | st.binary(max_size=200))
def test_bent_images_are_looked_at_or_named_as_faulty(data: bytes) -> None:
    facts = look(data)
    assert facts.fault or facts.width * facts.height > 0
