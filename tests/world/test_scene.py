"""Scenes: exact boxes, visible objects, relations, what each domain may draw, determinism."""

from __future__ import annotations

import colorsys
import itertools
import random

import numpy as np
import pytest

from vprog.errors import InputError
from vprog.world.backgrounds import BACKGROUNDS, DARK_BACKGROUNDS, draw_background
from vprog.world.domains import DOMAINS, Domain, get_domain
from vprog.world.scene import (
    MIN_VISIBLE,
    Spec,
    Wish,
    _place,
    draw_scene,
    relations_between,
    sample_specs,
)
from vprog.world.styles import STYLES, sprite
from vprog.world.vocabulary import (
    CATEGORY,
    COLORS,
    COLORS_RGB,
    HELD_OUT_PAIRS,
    KINDS,
    PATTERNS,
    SIZES,
    TAXONOMY,
)

WHITE = {style: Domain(name=style, styles=(style,), backgrounds=("white",)) for style in STYLES}


def draw_specs(rng: random.Random, domain: Domain) -> list[Spec]:
    specs = None
    while specs is None:
        specs = sample_specs(rng, domain)
    return specs


def test_the_world_is_as_rich_as_promised() -> None:
    assert len(KINDS) == len(set(KINDS)) >= 20
    assert all(len(kinds) >= 2 for kinds in TAXONOMY.values())
    assert len(COLORS) >= 8
    assert len(SIZES) == 2
    assert len(PATTERNS) == 3
    general = get_domain("generalist")
    assert len(general.styles) >= 4
    assert len(general.backgrounds) >= 6
    assert len(set(STYLES) - set(general.styles)) >= 2
    assert len(set(BACKGROUNDS) - set(general.backgrounds)) >= 2


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("size", ["small", "large"])
def test_boxes_are_tight_around_what_is_drawn(style: str, size: str) -> None:
    for index, kind in enumerate(KINDS):
        spec = Spec(kind=kind, color=COLORS[index % 8], size=size, pattern=PATTERNS[index % 3])
        picture, scene = draw_scene([spec], WHITE[style], random.Random(index))
        drawn = (picture != 255).any(2)
        rows, columns = drawn.any(1).nonzero()[0], drawn.any(0).nonzero()[0]
        faint = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        box = scene.objects[0].box_xyxy
        # Pixels that are covered by less than half may stick out by one.
        assert np.abs(np.subtract(faint, box)).max() <= 1, (kind, style)


def test_boxes_of_covered_objects_are_tight_around_what_is_seen() -> None:
    specs = [
        Spec(kind="fish", color="red", size="large", pattern="plain"),
        Spec(kind="fish", color="blue", size="large", pattern="plain"),
    ]
    overlaps = 0
    for seed in range(160):
        picture, scene = draw_scene(specs, WHITE["flat"], random.Random(seed))
        overlaps += ("behind", "1") in scene.objects[0].relations
        paint = picture.astype(int)
        red = paint[..., 0] - paint[..., 1:].max(2) > 60
        rows, columns = red.any(1).nonzero()[0], red.any(0).nonzero()[0]
        seen = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        assert np.abs(np.subtract(seen, scene.objects[0].box_xyxy)).max() <= 1
    assert overlaps >= 5


def test_every_object_stays_visible() -> None:
    rng, covered = random.Random(7), 0
    for _ in range(60):
        specs = draw_specs(rng, DOMAINS["generalist"])
        owner = np.full((96, 96), -1, np.int8)
        placed = _place(specs, "flat", rng, 96, 0.95, owner)
        if placed is None:
            continue
        for index, item in enumerate(placed):
            seen = int((owner == index).sum())
            assert seen == item.visible >= MIN_VISIBLE * item.mask.sum()
            covered += seen < item.mask.sum()
    assert covered >= 10


def test_scenes_state_what_was_asked_for() -> None:
    rng = random.Random(3)
    for _ in range(30):
        specs = draw_specs(rng, DOMAINS["generalist"])
        picture, scene = draw_scene(specs, DOMAINS["generalist"], rng, first_id=70)
        assert picture.shape == (96, 96, 3)
        assert 3 <= len(scene.objects) <= 7
        assert [o.id for o in scene.objects] == [str(70 + i) for i in range(len(specs))]
        for spec, thing in zip(specs, scene.objects, strict=True):
            assert thing.name == spec.kind
            assert thing.names == (CATEGORY[spec.kind],)
            assert thing.attributes == (spec.color, spec.size, spec.pattern)
            left, top, right, bottom = thing.box_xyxy
            assert 0 <= left < right <= 96
            assert 0 <= top < bottom <= 96
            assert max(right - left, bottom - top) < (24 if spec.size == "small" else 46)


def test_large_things_look_larger_than_small_ones() -> None:
    for kind in KINDS:
        areas = {}
        for size in SIZES:
            spec = Spec(kind=kind, color="red", size=size, pattern="plain")
            boxes = [
                draw_scene([spec], WHITE["flat"], random.Random(i))[1].objects[0].box_xyxy
                for i in range(6)
            ]
            areas[size] = [(r - x) * (b - y) for x, y, r, b in boxes]
        assert min(areas["large"]) > 1.4 * max(areas["small"]), kind


@pytest.mark.parametrize("style", STYLES)
def test_colors_stay_what_they_are_in_every_style(style: str) -> None:
    means = {}
    for color, paint in COLORS_RGB.items():
        pixels = sprite(
            kind="shirt", color=color, pattern="plain", style=style, length_px=32, scale=1
        ).astype(float)
        solid = pixels[pixels[..., 3] > 250][:, :3]
        colorful = solid[np.ptp(solid, axis=1) > 40]
        assert len(colorful) > 40, color
        means[color] = colorful.mean(0)
        drawn = colorsys.rgb_to_hsv(*(means[color] / 255))[0]
        turn = abs(drawn - colorsys.rgb_to_hsv(*(c / 255 for c in paint))[0])
        assert min(turn, 1 - turn) * 360 < 22, color
    for one, two in itertools.combinations(COLORS, 2):
        assert np.abs(means[one] - means[two]).max() > 30, (one, two)


@pytest.mark.parametrize("name", DOMAINS)
def test_domains_draw_only_their_own_looks(name: str) -> None:
    domain, rng, pairs = DOMAINS[name], random.Random(name), []
    for _ in range(40):
        specs = draw_specs(rng, domain)
        pairs += [(spec.color, spec.kind) in HELD_OUT_PAIRS for spec in specs]
        _, scene = draw_scene(specs, domain, rng)
        assert scene.setting["style"] in domain.styles
        assert scene.setting["background"] in domain.brightness
    if domain.held_out_pairs == "never":
        assert not any(pairs)
    else:
        assert 0.35 < sum(pairs) / len(pairs) < 0.75


def test_held_out_pairs_leave_every_kind_and_color_known() -> None:
    assert sorted(kind for _, kind in HELD_OUT_PAIRS) == sorted(KINDS)
    assert {color for color, _ in HELD_OUT_PAIRS} == set(COLORS)


@pytest.mark.parametrize("name", BACKGROUNDS)
def test_backgrounds_are_dark_or_light_as_they_are_called(name: str) -> None:
    brightness = [draw_background(name, random.Random(i), 96).mean() for i in range(8)]
    if name in DARK_BACKGROUNDS:
        assert max(brightness) < 90
    else:
        assert min(brightness) > 170


def test_wishes_are_met_exactly() -> None:
    rng, met = random.Random(5), 0
    for _ in range(200):
        count = rng.randrange(6)
        wishes = (Wish(frozenset({"red", "animal"}), count), Wish(frozenset({"cup"}), 1))
        specs = sample_specs(rng, DOMAINS["generalist"], wishes)
        if specs is not None:
            met += 1
            assert sum({"red", "animal"} <= s.words for s in specs) == count
            assert sum("cup" in s.words for s in specs) == 1
    assert met > 150


def test_relations_need_a_margin() -> None:
    box = (40.0, 40.0, 50.0, 50.0)
    assert relations_between((20.0, 40.0, 30.0, 50.0), box, 96) == ["to the left of"]
    assert relations_between((60.0, 60.0, 70.0, 70.0), box, 96) == ["to the right of", "below"]
    assert relations_between((42.0, 38.0, 52.0, 48.0), box, 96) == []


def test_equal_seeds_draw_equal_pictures() -> None:
    def picture(seed: int, size: int) -> bytes:
        rng = random.Random(seed)
        specs = draw_specs(rng, DOMAINS["generalist"])
        return draw_scene(specs, DOMAINS["generalist"], rng, size)[0].tobytes()

    assert picture(1, 96) == picture(1, 96) != picture(2, 96)
    assert len(picture(1, 128)) == 128 * 128 * 3


def test_sizes_and_names_out_of_bounds_are_named() -> None:
    spec = [Spec(kind="cat", color="red", size="small", pattern="plain")]
    with pytest.raises(InputError, match="size is 20"):
        draw_scene(spec, DOMAINS["flat"], random.Random(0), 20)
    with pytest.raises(InputError, match="Did you mean 'generalist'"):
        get_domain("generallist")
