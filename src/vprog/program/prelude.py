# The ImagePatch API of ViperGPT (Suris et al., ICCV 2023, appendix) as it runs *inside* the sandbox.
#
# This file is never imported: its text is fed to every sandbox session. `_vp_make` builds a fresh
# copy of everything for each execution of a program, so that nothing a program does to it reaches
# another program. Tool calls go through `_vp_call`, which takes answers that are known already from
# `log` and otherwise stops the execution with a request; see vprog/engine/sandbox.py.
#
# Coordinates: pixels of the whole picture, y growing upward, as ViperGPT has them.


import math
import re

_VP_NUMBERS = {
    word: n
    for n, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
        "fifteen sixteen seventeen eighteen nineteen".split()
    )
}
_VP_NUMBERS.update(
    {
        word: 10 * n
        for n, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)
    }
)
_VP_ITERABLE = ("list_iterator", "dict_items", "dict_keys", "dict_values", "range", "frozenset")


def _vp_make(log, state):
    def _vp_call(module, tool, args):
        if state[1] is not None:
            raise KeyboardInterrupt()
        position = state[0]
        if position < len(log):
            entry = log[position]
            if entry[0] != tool or entry[1] != args:
                state[1] = ["diverged", entry[0], tool]
                raise KeyboardInterrupt()
            state[0] = position + 1
            return entry[2]
        state[1] = [module, tool, args]
        raise KeyboardInterrupt()

    def _vp_text(value, where):
        if not isinstance(value, str):
            raise TypeError(f"{where} wants text, got {type(value).__name__}")
        return value

    def _vp_number(value, where):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise TypeError(f"{where} wants a number, got {type(value).__name__}")
        return value

    def _vp_know(query, context=None, long_answer=True):
        """An answer to a question about the world, not about a picture."""
        prompt = _vp_text(query, "llm_query")
        if context is not None and not isinstance(context, bool):  # or it was long_answer
            prompt = f"{prompt}\nContext: {context}"
        return _vp_call("llm_query", "knowledge", [prompt])

    def _vp_select(info, question, options):
        """The option that answers the question best, given what was found out."""
        facts = "\n".join([f"- {key}: {info[key]}" for key in info])
        listed = "\n".join([f"- {option}" for option in options])
        prompt = (
            f"Known facts:\n{facts}\nQuestion: {question}\nOptions:\n{listed}\n"
            "Answer with one of the options, word for word."
        )
        answer = _vp_call("select_answer", "knowledge", [prompt])
        for option in options:
            if str(option).lower() == answer.strip().lower():
                return option
        return answer

    class ImagePatch:
        """A rectangle of a picture; coordinates in pixels of the whole picture, y upward."""

        def __init__(self, image, left=None, lower=None, right=None, upper=None):
            """A copy of `image`, or the part of it between the given edges, in its own frame."""
            if isinstance(image, ImagePatch):
                self._vp_picture = image._vp_picture
                x = image.left
                y = image.lower
                left = x if left is None else x + _vp_number(left, "left")
                lower = y if lower is None else y + _vp_number(lower, "lower")
                right = image.right if right is None else x + _vp_number(right, "right")
                upper = image.upper if upper is None else y + _vp_number(upper, "upper")
            elif isinstance(image, list):
                self._vp_picture = image  # [id, height]: made by the prelude itself
            else:
                raise TypeError(f"ImagePatch wants an image, got {type(image).__name__}")
            self.left = left
            self.lower = lower
            self.right = right
            self.upper = upper
            self.width = right - left
            self.height = upper - lower
            self.shape = (3, self.height, self.width)
            self.horizontal_center = (left + right) / 2
            self.vertical_center = (lower + upper) / 2

        def _vp_region(self):
            picture = self._vp_picture
            height = picture[1]
            return [picture[0], self.left, height - self.upper, self.right, height - self.lower]

        def __repr__(self):
            return f"ImagePatch({self.left}, {self.lower}, {self.right}, {self.upper})"

        def find(self, object_name):
            """The patches of everything in this image that `object_name` names, best first."""
            args = [self._vp_region(), _vp_text(object_name, "find")]
            return _vp_patches(_vp_call("find", "detect", args))

        def exists(self, object_name):
            """Whether the image shows what `object_name` names."""
            args = [self._vp_region(), _vp_text(object_name, "exists")]
            return len(_vp_call("exists", "detect", args)) > 0

        def verify_property(self, object_name, attribute):
            """Whether the object in this image has the attribute."""
            phrase = (
                _vp_text(attribute, "verify_property")
                + " "
                + _vp_text(object_name, "verify_property")
            )
            return _vp_call("verify_property", "match", [self._vp_region(), [phrase]])[0] >= 0.5

        def best_text_match(self, option_list, prefix=None):
            """The option that describes this image best."""
            options = [_vp_text(option, "best_text_match") for option in option_list]
            if not options:
                raise ValueError("best_text_match wants at least one option")
            shown = options if prefix is None else [prefix + " " + option for option in options]
            scores = _vp_call("best_text_match", "match", [self._vp_region(), shown])
            return options[scores.index(max(scores))]

        def simple_query(self, question="What is this?"):
            """A short answer to a simple question about this image."""
            args = [self._vp_region(), _vp_text(question, "simple_query")]
            return _vp_call("simple_query", "vqa", args)

        def compute_depth(self):
            """The median depth of this image; smaller is nearer."""
            return _vp_call("compute_depth", "depth", [self._vp_region()])

        def crop(self, left, lower, right, upper):
            """The part of this image between the given edges, in this image's own frame."""
            left = min(max(_vp_number(left, "left"), 0), self.width)
            lower = min(max(_vp_number(lower, "lower"), 0), self.height)
            right = min(max(_vp_number(right, "right"), 0), self.width)
            upper = min(max(_vp_number(upper, "upper"), 0), self.height)
            if right < left or upper < lower:
                raise ValueError("ImagePatch has no area: left > right, or lower > upper")
            return ImagePatch(self, left, lower, right, upper)

        def overlaps_with(self, left, lower, right, upper):
            """Whether this image overlaps a rectangle of the whole picture."""
            return (
                self.left <= right
                and self.right >= left
                and self.lower <= upper
                and self.upper >= lower
            )

        def llm_query(self, question, long_answer=True):
            """An answer to a question about the world, not about this image."""
            return _vp_know(question)

    def _vp_patches(regions):
        return [_vp_from_region(region) for region in regions]

    def _vp_from_region(region):
        height = region[5]
        return ImagePatch(
            [region[0], height], region[1], height - region[4], region[3], height - region[2]
        )

    class VideoSegment:
        """A range of frames of a video."""

        def __init__(self, video, start=None, end=None):
            """All of `video`, or its frames from `start` up to `end`, exclusive."""
            frames = video if isinstance(video, list) else video._vp_frames
            first = 0 if isinstance(video, list) else video.start
            start = 0 if start is None else start
            end = len(frames) if end is None else end
            self.start = first + start
            self.end = first + end
            self._vp_frames = frames[start:end]
            self.num_frames = len(self._vp_frames)

        def frame_from_index(self, index):
            """The frame at `index`, counted from the start of this segment."""
            # The last one stands for those behind it, as in ViperGPT.
            return self._vp_frames[index if index < self.num_frames else -1]

        def trim(self, start=None, end=None):
            """The segment from frame `start` up to `end`, exclusive."""
            start = None if start is None else max(start, 0)
            end = None if end is None else min(end, self.num_frames)
            return VideoSegment(self, start, end)

        def __iter__(self):
            return iter(self._vp_frames)

        def __getitem__(self, index):
            return self._vp_frames[index]

        def frame_iterator(self):
            """The frames, in order."""
            return list(self._vp_frames)

        def select_answer(self, info, question, options):
            """The option that answers the question best, given what was found out."""
            return _vp_select(info, question, options)

    def best_image_match(list_patches, content, return_index=False):
        """The patch that shows the content best; None where there is no patch."""
        if not list_patches:
            return None
        contents = [content] if isinstance(content, str) else list(content)
        scores = []
        for patch in list_patches:
            found = _vp_call("best_image_match", "match", [patch._vp_region(), contents])
            scores.append(sum(found))
        index = scores.index(max(scores))
        return index if return_index else list_patches[index]

    def distance(patch_a, patch_b):
        """Pixels between the edges of two patches, or minus their overlap (IoU) if they overlap."""
        if not isinstance(patch_a, ImagePatch):
            return abs(patch_a - patch_b)
        left = max(patch_a.left, patch_b.left)
        right = min(patch_a.right, patch_b.right)
        lower = max(patch_a.lower, patch_b.lower)
        upper = min(patch_a.upper, patch_b.upper)
        if right >= left and upper >= lower:
            shared = (right - left) * (upper - lower)
            union = patch_a.width * patch_a.height + patch_b.width * patch_b.height - shared
            return -shared / union if union else 0.0
        across = max(left - right, 0)
        up = max(lower - upper, 0)
        return (across * across + up * up) ** 0.5

    def bool_to_yesno(bool_answer):
        """'yes' or 'no'."""
        return "yes" if bool_answer else "no"

    def coerce_to_numeric(string):
        """The first number in a text, in digits or words; the text itself where there is none."""
        if isinstance(string, (int, float)):
            return string
        text = string.strip().lower().replace(",", "")
        tokens = text.replace("-", " -").split()
        for place, token in enumerate(tokens):
            if token in _VP_NUMBERS:
                return _vp_words(tokens[place:])
            digits = ""
            for char in token:
                if char in "0123456789." or (char == "-" and not digits):
                    digits = digits + char
                elif digits:
                    break
            if digits.strip("-."):
                digits = digits.rstrip(".")
                return float(digits) if "." in digits else int(digits)
        return string

    def _vp_words(tokens):
        """The number that the first of some words are: "two hundred and twenty -five"."""
        total = 0
        last = 1000
        for token in tokens:
            word = token.removeprefix("-")
            if word == "hundred" and 0 < total < 10:
                total = 100 * total
                last = 100
            elif word in _VP_NUMBERS and _VP_NUMBERS[word] < last:
                total = total + _VP_NUMBERS[word]
                last = 10 if _VP_NUMBERS[word] >= 20 else 0
            elif word != "and" or last != 100:
                break
        return total

    def _vp_encode(value):
        if isinstance(value, ImagePatch):
            return value._vp_region()
        if isinstance(value, (list, tuple)):
            return [_vp_encode(item) for item in value]
        return value

    def _vp_answer(value):
        if isinstance(value, ImagePatch):
            return {"region": value._vp_region()}
        if value is None or isinstance(value, (bool, int, float, str)):
            return {"plain": value}
        if isinstance(value, (list, tuple, set)) or type(value).__name__ in _VP_ITERABLE:
            return {"list": [_vp_answer(item) for item in value]}
        if isinstance(value, dict):
            return {"dict": {str(key): _vp_answer(value[key]) for key in value}}
        raise TypeError(f"a program cannot return {type(value).__name__}")

    def _vp_plain(data):
        for kind in data:
            value = data[kind]
        if kind == "region":
            return _vp_from_region(value)
        if kind == "list":
            return [_vp_plain(item) for item in value]
        if kind == "dict":
            return {key: _vp_plain(value[key]) for key in value}
        return value

    def _vp_decode(kind, value):
        if kind == "image":
            return _vp_from_region(value)
        if kind == "images":
            return _vp_patches(value)
        if kind == "any":
            return _vp_plain(value)
        return value

    def _vp_inputs(pictures, together):
        patches = [ImagePatch([p[0], p[2]], 0, 0, p[1], p[2]) for p in pictures]
        if together == "list":
            return [patches]
        if together == "dict":
            return [dict(zip(["left", "right"], patches))]
        return [VideoSegment(patches)] if together == "video" else patches

    def _vp_print(*values, **options):
        """Does nothing: programs have nobody to talk to."""

    # Lists in the sandbox, these are read once in Python; so are generator expressions, which
    # the engine wraps in iter() but for those that stand alone in a call.

    def _vp_enumerate(items, start=0):
        return iter(enumerate(items, start))

    def _vp_zip(*items, **options):
        return iter(zip(*items, **options))

    def _vp_map(function, *items):
        return iter(map(function, *items))

    def _vp_filter(function, items):
        return iter(filter(function, items))

    def _vp_reversed(items):
        return iter(reversed(items))

    def _vp_next(iterator, *default):
        for item in iterator:
            return item
        if default:
            return default[0]
        raise StopIteration("next: there is no item")

    # The names below are what a program sees; tools of users and benchmarks are added to them.
    names = {
        "ImagePatch": ImagePatch,
        "VideoSegment": VideoSegment,
        "best_image_match": best_image_match,
        "bool_to_yesno": bool_to_yesno,
        "coerce_to_numeric": coerce_to_numeric,
        "distance": distance,
        "llm_query": _vp_know,
        "select_answer": _vp_select,
        "print": _vp_print,
        "enumerate": _vp_enumerate,
        "zip": _vp_zip,
        "map": _vp_map,
        "filter": _vp_filter,
        "reversed": _vp_reversed,
        "next": _vp_next,
        "math": math,
        "re": re,
    }
    # <tools>
    return names, _vp_inputs, _vp_answer
