"""One question about pictures of the user's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from vprog.benchmarks import load_benchmark
from vprog.engine import Engine, EngineSettings, Limits, Task
from vprog.engine.codec import to_json
from vprog.errors import InputError, ProgramError, known_names
from vprog.example import Example, Picture, Region, Scene
from vprog.program import Program
from vprog.program.check import Checker
from vprog.program.program import Language
from vprog.tools.backend import Toolbox
from vprog.tools.toolboxes import load_toolbox
from vprog.trace import Trace
from vprog.verify import answer_text
from vprog.writers import Repair, Sampling, Writer, WriterSettings, load_writer


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with the trace that answered it.

    Attributes:
        example: Pictures and question.
        trace: What the program did.
        pictures: All pictures that the trace speaks of, edited ones too, by id.
    """

    example: Example
    trace: Trace
    pictures: Mapping[str, Picture]

    @property
    def judgement(self) -> Literal["failed", "unlabelled"]:
        """Whether there is an answer; nobody says what would be the right one."""
        return "failed" if self.trace.failure is not None else "unlabelled"

    def to_json(self) -> dict[str, Any]:
        """The object that ``vprog ask --json`` prints."""
        failure = self.trace.failure
        text = answer_text(self.trace.answer)
        return {
            "answer": text if text is not None else to_json(self.trace.answer),
            "program": self.trace.program,
            "error": failure
            and {
                "kind": failure.kind,
                "message": failure.message,
                "step": failure.step,
                "line": failure.line,
            },
            "steps": [
                {
                    "module": s.module,
                    "tool": s.tool,
                    "target": s.target,
                    "line": s.line,
                    "args": {name: to_json(value) for name, value in s.args.items()},
                    "value": to_json(s.value),
                    "source": s.source,
                    "info": dict(s.info),
                    "error": s.error,
                }
                for s in self.trace.steps
            ],
        }

    def print(self) -> None:
        """The trace and the answer, for people."""
        from rich.console import Console

        from vprog.report.terminal import print_trace

        print_trace(Console(), self.example, self.trace, self.judgement)

    def write_html(self, path: Path) -> None:
        """The trace as a self-contained page.

        Raises:
            InputError: The file cannot be written.
        """
        from vprog.report.html import write_report
        from vprog.report.item import ReportItem

        item = ReportItem(self.example, self.trace, self.judgement, extra_pictures=self.pictures)
        write_report(path, self.example.question or "vprog", [item])

    def save_answer(self, path: Path) -> None:
        """Saves an answer that is a picture.

        Raises:
            InputError: The answer is no picture, or the file cannot be written.
        """
        answer = self.trace.answer
        if not isinstance(answer, Region):
            raise InputError("--save: the answer is no picture")
        try:
            self.pictures[answer.picture].crop(answer).save(path)
        except (OSError, ValueError) as error:
            raise InputError(f"cannot save {path}: {error}") from None


def ask_pictures(
    *,
    pictures: Sequence[Path],
    question: str,
    toolbox: str | Toolbox,
    program: Program | None = None,
    writer: str | None = None,
    language: Language = "steps",
    writer_settings: WriterSettings | None = None,
    benchmark: str | None = None,
    scene: Path | None = None,
    time_s: float = 5.0,
) -> Asked:
    """Runs one program over picture files.

    Args:
        pictures: Files, at least one.
        question: What the writer writes a program for; for the record where there is one already.
        toolbox: What answers for tools.
        program: To run; None where a writer writes it.
        writer: Who writes it; see ``load_writer``.
        language: That it writes.
        writer_settings: Its settings.
        benchmark: Whose tools the program may call beside the usual ones.
        scene: JSON file with one GQA scene graph, or several by picture name; for the oracle.
        time_s: Limit of the program's own code.

    Raises:
        InputError: No picture, an unreadable picture or scene, an unknown toolbox, benchmark or
            writer, or a writer that has no program.
    """
    assert (program is None) != (writer is None)
    if not pictures:
        raise InputError('ask wants a picture and a question: vprog ask cup.png "What colour?"')
    loaded = [Picture(path.name, path=path, scene=_scene(scene, path)) for path in pictures]
    if len({p.id for p in loaded}) < len(loaded):
        loaded = [Picture(str(path), path=path, scene=_scene(scene, path)) for path in pictures]
    for picture in loaded:
        picture.load()
    example = Example(id="ask", pictures=tuple(loaded), question=question)
    tools = load_toolbox(toolbox) if isinstance(toolbox, str) else toolbox
    if benchmark is not None:
        tools = tools.with_tools(load_benchmark(benchmark).tools)
    settings = EngineSettings(limits=Limits(time_s=time_s))
    with Engine(tools, settings) as engine:
        if program is None:
            assert writer is not None
            given = writer_settings or WriterSettings()
            author = load_writer(
                writer, toolbox=tools, benchmark=benchmark or "own", settings=given
            )
            program = _written(author, example, language, engine.checker)
        trace, all_pictures = engine.run_one(Task(example, program))
    return Asked(example, trace, all_pictures)


def _written(writer: Writer, example: Example, language: Language, checker: Checker) -> Program:
    """The likeliest program that a writer writes, sent back once if it fails its check.

    Raises:
        InputError: The writer has none.
    """
    programs = next(writer.write([example], language, Sampling()))
    if not programs:
        why = writer.usage.first_failure
        raise InputError(
            f"the writer {writer.name!r} has no {language} program for this question"
            + (f": {why}" if why else "")
        )
    program = programs[0]
    try:
        checker.check(program, len(example.pictures))
    except ProgramError as error:
        broken = Repair(example, program, str(error))
        return next(writer.repair([broken], language, Sampling())) or program
    return program


def _scene(path: Path | None, picture: Path) -> Scene | None:
    """The gold scene of a picture, from a file with one scene graph or several by picture name."""
    if path is None:
        return None
    from vprog.benchmarks.gqa_files import read_json, scene_from_graph

    graph = read_json(path)
    where = str(path)
    if isinstance(graph, dict) and "objects" not in graph:
        if picture.stem not in graph:
            raise InputError(
                f"{path} holds no scene graph for {picture.stem!r}. "
                + known_names(picture.stem, graph, limit=6)
            )
        graph, where = graph[picture.stem], f"{path}, image {picture.stem!r}"
    return scene_from_graph(graph, where)
