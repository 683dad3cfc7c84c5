"""The pixels backend: exact on drawings it claims to read, refusing what it does not know."""

from __future__ import annotations

import io
import itertools
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.draw import polygon2mask

from vprog.errors import InputError, ToolError
from vprog.example import Picture, Region
from vprog.tools.backend import Backend
from vprog.tools.backends.pixel_geometry import SHAPES
from vprog.tools.backends.pixel_shapes import COLOURS, colour_names, find_figures, lightness
from vprog.tools.backends.pixels import Pixels, read_phrase
from vprog.trace import Call, Result

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
NLVR = SHARED / "nlvr" / "dev"
SHAPEWORLD = SHARED / "shapeworld"

PAINTS = {
    "red": (255, 0, 0),
    "green": (0, 168, 0),
    "blue": (0, 153, 255),
    "yellow": (154, 154, 0),
    "magenta": (255, 80, 255),
    "cyan": (0, 158, 158),
}


def outline(shape: str, cx: float, cy: float, size: float, turn: float = 0.0) -> list[tuple]:
    """Corners of a figure whose extent is about ``size``, turned by ``turn`` radians."""
    circle = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    arm = 1 / 3
    unit = {
        "circle": np.stack([np.cos(circle), np.sin(circle)], 1),
        "ellipse": np.stack([np.cos(circle), 0.4 * np.sin(circle)], 1),
        "semicircle": np.stack([np.cos(circle / 2), np.sin(circle / 2)], 1),
        "square": np.array([[1, 1], [1, -1], [-1, -1], [-1, 1]]),
        "rectangle": np.array([[1, 0.4], [1, -0.4], [-1, -0.4], [-1, 0.4]]),
        "triangle": np.array([[0, -1], [1, 1], [-1, 1]]),
        "pentagon": np.stack([np.cos(circle[::24]), np.sin(circle[::24])], 1),
        "cross": np.array(
            [
                *[(1, arm), (arm, arm), (arm, 1), (-arm, 1), (-arm, arm), (-1, arm)],
                *[(-1, -arm), (-arm, -arm), (-arm, -1), (arm, -1), (arm, -arm), (1, -arm)],
            ]
        ),
    }[shape]
    turned = unit @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return [(cx + size / 2 * x, cy + size / 2 * y) for x, y in turned]


def draw(
    *figures: tuple[tuple[int, int, int], list[tuple]],
    size: tuple[int, int] = (100, 100),
    ground: tuple[int, int, int] = (0, 0, 0),
    smooth: int = 8,
) -> np.ndarray:
    """Figures over a plain ground, anti-aliased by averaging ``smooth`` x ``smooth`` samples."""
    width, height = size
    samples = np.empty((height * smooth, width * smooth, 3), np.float64)
    samples[:] = ground
    for paint, corners in figures:
        # Corners in rows and columns of samples, whose centres are at halves.
        rows_columns = np.array(corners)[:, ::-1] * smooth - 0.5
        samples[polygon2mask(samples.shape[:2], rows_columns)] = paint
    blocks = samples.reshape(height, smooth, width, smooth, 3)
    return np.round(blocks.mean(axis=(1, 3))).astype(np.uint8)


def ask(pixels: np.ndarray, tool: str, region: Region | None = None, **args: object) -> Result:
    picture = Picture("p", array_rgb=pixels)
    call = Call(tool, {"image": region or picture.region, **args})
    (answer,) = Pixels().answer([call], {"p": picture})
    if isinstance(answer, ToolError):
        raise answer
    return answer


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    return draw(
        ((255, 0, 0), outline("circle", 20, 20, 20)),
        ((255, 0, 0), outline("square", 70, 20, 20)),
        ((0, 0, 255), outline("triangle", 20, 70, 24)),
        ((0, 200, 0), outline("circle", 70, 70, 30)),
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("ground", [(0, 0, 0), (211, 211, 211), (250, 246, 230)])
def test_every_shape_is_named_at_any_turn(shape: str, ground: tuple[int, int, int]) -> None:
    for size, (i, turn) in itertools.product((16, 27), enumerate(np.linspace(0, 3, 5))):
        paint = list(PAINTS.items())[i][1]
        corners = outline(shape, 50.3, 49.6, size, turn)
        (figure,) = find_figures(draw((paint, corners), ground=ground))
        assert figure.shape == shape, (size, turn, figure)
        assert figure.rgb == paint


@pytest.mark.parametrize("shape", ["circle", "square", "triangle"])
def test_shapes_of_four_pixels_are_named(shape: str) -> None:
    for size, place in itertools.product((4.0, 5.0, 6.0), (5.0, 5.25, 5.5)):
        (figure,) = find_figures(
            draw(((255, 0, 0), outline(shape, place, place, size)), size=(10, 10))
        )
        assert figure.shape == shape, (size, place)


@pytest.mark.parametrize(("name", "paint"), PAINTS.items())
def test_shades_keep_their_colour(name: str, paint: tuple[int, int, int]) -> None:
    assert colour_names(paint)[0] == name


def test_every_colour_can_be_named() -> None:
    steps = range(0, 256, 15)
    named = {colour_names(rgb)[0] for rgb in itertools.product(steps, steps, steps)}
    assert named == set(COLOURS)


def test_lightness_of_shades() -> None:
    assert lightness((0, 0, 0)) == 0
    assert lightness((255, 0, 0)) == 0.5
    assert lightness((255, 255, 255)) == 1
    assert lightness((150, 0, 0)) < lightness((255, 0, 0)) < lightness((255, 90, 90))


def test_equal_figures_one_pixel_apart_are_two() -> None:
    pixels = np.full((60, 40, 3), 211, np.uint8)
    pixels[39:59, 10:30] = 0
    pixels[18:38, 10:30] = 0
    boxes = [f.box_xyxy for f in find_figures(pixels)]
    assert boxes == [(10, 18, 30, 38), (10, 39, 30, 59)]


def test_figures_of_two_colours_that_touch_are_two() -> None:
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[10:30, 10:30] = (255, 0, 0)
    pixels[10:30, 30:50] = (0, 0, 255)
    found = [(f.shape, f.colours[0], f.box_xyxy) for f in find_figures(pixels)]
    assert found == [
        ("square", "red", (10, 10, 30, 30)),
        ("square", "blue", (30, 10, 50, 30)),
    ]


def test_bars_across_the_picture_are_background() -> None:
    pixels = np.full((50, 150, 3), 211, np.uint8)
    pixels[:, 50:100] = 128
    pixels[40:50, 30:50] = (255, 255, 0)
    pixels[0:10, 100:110] = 0
    found = [(f.colours[0], f.box_xyxy) for f in find_figures(pixels)]
    assert found == [("yellow", (30, 40, 50, 50)), ("black", (100, 0, 110, 10))]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_figure_cut_by_the_frame_keeps_its_name(shape: str) -> None:
    turn = {"semicircle": 0.6, "triangle": 0.3}.get(shape, 0.2)
    (figure,) = find_figures(draw(((0, 168, 0), outline(shape, 95, 40, 26, turn))))
    assert figure.shape == shape
    assert figure.certainty > 0.5
    assert figure.box_xyxy[2] == 100


@pytest.mark.parametrize("shape", SHAPES)
def test_a_figure_partly_hidden_by_another_keeps_its_name(shape: str) -> None:
    behind, front = find_figures(
        draw(
            ((0, 168, 0), outline(shape, 40, 40, 26, 0.2)),
            ((255, 90, 90), outline("circle", 54, 40, 16)),
        )
    )
    assert (behind.shape, front.shape) == (shape, "circle")
    assert behind.certainty > 0.5
    assert front.wholeness > behind.wholeness


def test_pictures_with_many_hidden_figures_are_not_fitted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from vprog.tools.backends import pixel_fit

    monkeypatch.setattr(pixel_fit, "fit_shape", lambda x, y, coverage: ("cross", 0.9))
    cut = draw(((0, 168, 0), outline("circle", 94, 40, 26)))
    assert [f.shape for f in find_figures(cut)] == ["cross"]
    monkeypatch.setattr(pixel_fit, "MAX_FITS", 0)
    assert [f.shape for f in find_figures(cut)] != ["cross"]


def test_an_empty_picture_has_no_figures() -> None:
    assert find_figures(np.zeros((20, 20, 3), np.uint8)) == ()


def test_a_tiny_figure_without_a_core_is_found() -> None:
    pixels = np.zeros((20, 20, 3), np.uint8)
    pixels[5, 4:12] = (0, 255, 0)
    (figure,) = find_figures(pixels)
    assert figure.colours == ("green",)
    assert figure.box_xyxy == (4, 5, 12, 6)


def test_a_drawing_saved_as_jpeg_is_still_read() -> None:
    drawing = draw(((255, 0, 0), outline("square", 50, 50, 40)), ground=(255, 255, 255))
    file = io.BytesIO()
    Image.fromarray(drawing).save(file, "JPEG", quality=80)
    figures = find_figures(np.asarray(Image.open(file)))
    (large,) = [f for f in figures if f.area > 1000]
    assert (large.colours[0], large.shape) == ("red", "square")
    assert np.abs(np.subtract(large.box_xyxy, (30, 30, 70, 70))).max() <= 3


def test_noise_is_refused_as_no_drawing() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    with pytest.raises(ToolError, match="50 x 40 picture is no flat-colour drawing"):
        find_figures(noise)


def test_pixels_is_a_backend() -> None:
    backend = Pixels()
    assert isinstance(backend, Backend)
    assert backend.batch_size > 0
    assert backend.fingerprint


@pytest.mark.parametrize(
    ("phrase", "count"),
    [
        ("red", 2),
        ("circle", 2),
        ("red circle", 1),
        ("the red circles", 1),
        ("A Red Square", 1),
        ("blue object", 1),
        ("object", 4),
        ("things", 4),
        ("grey block", 0),
        ("triangular block", 1),
    ],
)
def test_detect_reads_phrases(scene: np.ndarray, phrase: str, count: int) -> None:
    answer = ask(scene, "detect", phrase=phrase)
    assert len(answer.value) == count
    assert all(r.label == phrase and 0.5 <= r.score <= 1 for r in answer.value)
    assert len(answer.info["colours"]) == count


def test_detect_gives_boxes_in_the_whole_picture_from_left_to_right(scene: np.ndarray) -> None:
    answer = ask(scene, "detect", phrase="red")
    assert [r.box_xyxy for r in answer.value] == [(10, 10, 30, 30), (60, 10, 80, 30)]


def test_detect_on_a_crop_finds_what_is_centred_in_it(scene: np.ndarray) -> None:
    crop = Region("p", 50, 0, 100, 100)
    found = ask(scene, "detect", crop, phrase="circle").value
    assert [r.box_xyxy for r in found] == [(55, 55, 85, 85)]


def test_unknown_words_fail_their_call_alone(scene: np.ndarray) -> None:
    picture = Picture("p", array_rgb=scene)
    calls = [
        Call("detect", {"image": picture.region, "phrase": phrase})
        for phrase in ("red", "zebra", "cirle", "")
    ]
    good, bad, near, empty = Pixels().answer(calls, {"p": picture})
    assert isinstance(good, Result)
    assert isinstance(bad, ToolError)
    assert "'zebra'" in str(bad)
    assert "semicircle" in str(bad)
    assert isinstance(near, ToolError)
    assert "Did you mean 'circle'?" in str(near)
    assert isinstance(empty, ToolError)


def test_contradicting_words_fit_nothing(scene: np.ndarray) -> None:
    assert ask(scene, "detect", phrase="red blue").value == []
    assert read_phrase("square circle").shapes == ("square", "circle")


def test_match_scores_each_option_by_itself(scene: np.ndarray) -> None:
    circle = Region("p", 10, 10, 30, 30)
    scores = ask(scene, "match", circle, options=["red circle", "red", "round", "blue"]).value
    assert scores[0] >= 0.5
    assert scores[1] == 1
    assert scores[2] >= 0.5
    assert scores[3] == 0


def test_match_of_graded_words_ranks_figures() -> None:
    pixels = draw(
        ((255, 0, 0), outline("circle", 25, 25, 20)),
        ((120, 0, 0), outline("circle", 70, 70, 30)),
    )
    options = ["large", "small", "light", "dark"]
    first = ask(pixels, "match", Region("p", 15, 15, 35, 35), options=options).value
    second = ask(pixels, "match", Region("p", 55, 55, 85, 85), options=options).value
    assert first[0] < second[0]
    assert first[2] > second[2]
    assert np.allclose([first[0] + first[1], first[2] + first[3]], 1)
    assert second[0] == pytest.approx(np.pi * 15**2 / 1000, rel=0.01)


@pytest.mark.parametrize(
    ("box", "question", "answer"),
    [
        ((10, 10, 30, 30), "What color is it?", "red"),
        ((10, 10, 30, 30), "what shape is this", "circle"),
        ((10, 10, 30, 30), "What is this?", "red circle"),
        ((10, 10, 30, 30), "Is it red?", "yes"),
        ((10, 10, 30, 30), "Is this a square?", "no"),
        ((0, 0, 100, 100), "What colour is the square?", "red"),
        ((0, 0, 100, 100), "What is the color of the triangle?", "blue"),
        ((0, 0, 100, 100), "What is the shape of the blue object?", "triangle"),
        ((0, 0, 100, 100), "Is there a green circle?", "yes"),
        ((0, 0, 100, 100), "Are there any yellow things in the picture?", "no"),
        ((0, 0, 100, 100), "How many red objects are there?", "2"),
        ((0, 0, 100, 50), "How many circles?", "1"),
        ((0, 0, 100, 100), "Is the triangle blue?", "yes"),
        ((0, 0, 100, 100), "Is the blue object a circle?", "no"),
    ],
)
def test_vqa_answers_its_forms(
    scene: np.ndarray, box: tuple[int, int, int, int], question: str, answer: str
) -> None:
    assert ask(scene, "vqa", Region("p", *box), question=question).value == answer


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ("Who painted this?", "It knows: what color is"),
        ("What color is the pentagon?", "finds no such figure"),
        ("Is the zebra red?", "does not know 'zebra'"),
        ("How many zebras are there?", "does not know 'zebras'"),
    ],
)
def test_vqa_refuses_what_it_cannot_answer(scene: np.ndarray, question: str, message: str) -> None:
    with pytest.raises(ToolError, match=message):
        ask(scene, "vqa", question=question)


def test_other_tools_are_refused(scene: np.ndarray) -> None:
    with pytest.raises(ToolError, match="it knows detect, match and vqa"):
        ask(scene, "depth")


def test_a_missing_picture_is_an_input_error(tmp_path: Path) -> None:
    picture = Picture("p", path=tmp_path / "none.png")
    call = Call("detect", {"image": Region("p", 0, 0, 9, 9), "phrase": "red"})
    with pytest.raises(InputError, match=r"none\.png"):
        Pixels().answer([call], {"p": picture})


def test_an_array_without_three_channels_is_an_input_error() -> None:
    picture = Picture("p", array_rgb=np.zeros((9, 9), np.uint8))
    call = Call("detect", {"image": Region("p", 0, 0, 9, 9), "phrase": "red"})
    with pytest.raises(InputError, match=r"\(9, 9\)"):
        Pixels().answer([call], {"p": picture})


def test_pictures_are_segmented_once_and_forgotten_in_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from vprog.tools.backends import pixels as module

    seen = []
    monkeypatch.setattr(module, "find_figures", lambda rgb: seen.append(int(rgb[0, 0, 0])) or ())
    backend = Pixels(remember=2)
    shown = [Picture(str(i), array_rgb=np.full((4, 4, 3), i, np.uint8)) for i in range(3)]
    for i in (0, 0, 1, 0, 2, 0, 1):
        backend.figures(shown[i])
    assert seen == [0, 1, 2, 1]


def _nlvr_pictures() -> list[tuple[str, bytes, dict]]:
    """Every twelfth picture of the development split with the row it belongs to."""
    rows = {
        row["identifier"]: row
        for row in map(json.loads, (NLVR / "dev.json").read_text().splitlines())
    }
    with zipfile.ZipFile(NLVR / "dev_images.zip") as archive:
        names = sorted(n for n in archive.namelist() if n.endswith(".png"))[::12]
        return [
            (n, archive.read(n), rows[n.split("dev-")[-1].removesuffix(".png").rsplit("-", 1)[0]])
            for n in names
        ]


@pytest.mark.skipif(not NLVR.is_dir(), reason="NLVR is not in ../shared/data")
def test_nlvr_pictures_are_recovered_exactly() -> None:
    colours = {"Yellow": "yellow", "Black": "black", "#0099ff": "blue"}
    orders = list(itertools.permutations(range(3)))
    shown = _nlvr_pictures()
    assert len(shown) > 400
    for name, data, row in shown:
        order = orders[int(name.removesuffix(".png").rsplit("-", 1)[1])]
        gold = sorted(
            (
                thing["type"],
                colours[thing["color"]],
                150 * place + thing["x_loc"],
                thing["y_loc"],
                thing["size"],
            )
            for place in range(3)
            for thing in row["structured_rep"][order[place]]
        )
        figures = find_figures(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))
        found = sorted(
            (f.shape, f.colours[0], f.box_xyxy[0], f.box_xyxy[1], f.box_xyxy[2] - f.box_xyxy[0])
            for f in figures
        )
        assert found == gold, name
        assert all(f.certainty >= 0.5 for f in figures)


@pytest.mark.skipif(not SHAPEWORLD.is_dir(), reason="ShapeWorld is not in ../shared/data")
def test_shapeworld_pictures_are_recovered() -> None:
    folder = SHAPEWORLD / "existential-full"
    worlds = json.loads((folder / "world_model.json").read_text())[::2]
    colours = shapes = gold = 0
    for i, world in enumerate(worlds):
        image = Image.open(folder / f"world-{2 * i}.png").convert("RGB")
        figures = find_figures(np.asarray(image))
        for thing in world["entities"]:
            gold += 1
            center = [50 + (100 * thing["center"][axis] - 50) / 1.05 for axis in "xy"]
            near = min(figures, key=lambda f: np.hypot(*np.subtract(f.center_xy, center)))
            if np.hypot(*np.subtract(near.center_xy, center)) > 6:
                continue
            colours += near.colours[0] == thing["color"]["name"]
            shapes += near.shape == thing["shape"]["name"]
    assert gold > 150
    assert colours >= 0.99 * gold
    assert shapes >= 0.97 * gold
