"""Searches programs for labelled statements and keeps those that can be trusted.

For every statement of the train sample the writer proposes programs in both languages; they are run
over the pictures, found by pixels alone. A right label is one bit, and half of all wrong programs
have it, so a program is kept only if

- it is right for every picture that the sample has of the statement,
- it answers the same when the three boxes stand in any other order (the label cannot change),
- it mentions what the statement mentions: colours, shapes, sizes and numbers,
- the writer thinks it at most ``--within`` nats less likely than its first choice,
- where the statement has a program written by hand, it answers like that one on many pictures.

Statements of the held-out fifth are scored and never kept.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "writer"))

from candidates import Proposer, answers
from proposal import Proposal, vote
from verified import ORDERS, held_out, kept, reordered

from vprog.benchmarks.nlvr import gold_programs, load, normalised
from vprog.example import Example

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Scores the writer on both parts of the sample and writes the verified programs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--writer", type=Path, required=True, help="folder of the model")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "nlvr")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "nlvr" / "verified.jsonl")
    parser.add_argument("--k", type=int, default=12)
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--within", type=float, default=4.0, help="nats below the first choice")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--languages", nargs="+", default=["python", "steps"])
    given_args = parser.parse_args()
    examples = list(load(given_args.data, "train"))
    by_sentence: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        by_sentence[" ".join(example.question.lower().split())].append(example)
    proposer = Proposer(given_args.writer, given_args.seed)
    rows, report = [], {}
    for language in given_args.languages:
        found = proposer.propose(list(by_sentence), language, given_args.k, given_args.temperature)
        given = dict(
            answers(
                ((e, c.text) for s, es in by_sentence.items() for e in es for c in found[s]),
                language,
            )
        )
        report[language] = scores(by_sentence, found, given)
        print(json.dumps({language: report[language]}), flush=True)
        chosen = choose(by_sentence, found, given, given_args.within, language, examples)
        rows += [
            {
                "sentence": s,
                "language": language,
                "program": c.text,
                "logprob": round(c.logprob, 3),
                "greedy": c.greedy,
            }
            for s, c in chosen
        ]
    given_args.out.parent.mkdir(parents=True, exist_ok=True)
    given_args.out.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    summary = {
        "kept": Counter(row["language"] for row in rows),
        "of": sum(not held_out(s) for s in by_sentence),
        "not_greedy": sum(not row["greedy"] for row in rows),
        "scores": report,
    }
    given_args.out.with_suffix(".json").write_text(
        json.dumps(summary, indent=2) + "\n", encoding="utf-8"
    )
    print(json.dumps(summary), flush=True)


def choose(
    by_sentence: dict[str, list[Example]],
    found: dict[str, list[Proposal]],
    given: dict[tuple[str, str], str | None],
    within: float,
    language: str,
    examples: Sequence[Example],
) -> list[tuple[str, Proposal]]:
    """One trusted program for as many statements of the larger part as have one."""
    maybe = {
        s: list(kept(s, es, found[s], given, within))[:3]
        for s, es in by_sentence.items()
        if not held_out(s)
    }
    moved = {
        e.id: [reordered(e, order) for order in ORDERS]
        for es in by_sentence.values()
        for e in es[:1]
    }
    turned = answers(
        ((m, c.text) for s, cs in maybe.items() for c in cs for m in moved[by_sentence[s][0].id]),
        language,
    )
    some = examples[::5]
    gold = {
        s: gold_programs()[normalised(s)].get(language)
        for s in maybe
        if normalised(s) in gold_programs()
    }
    judged = answers(
        (
            (e, text)
            for s, told in gold.items()
            if told is not None
            for text in (told, *(c.text for c in maybe[s]))
            for e in some
        ),
        language,
    )
    chosen = []
    for sentence, candidates in maybe.items():
        first = by_sentence[sentence][0]
        for candidate in candidates:
            label = given[first.id, candidate.text]
            if any(turned[m.id, candidate.text] != label for m in moved[first.id]):
                continue
            told = gold.get(sentence)
            if told and any(judged[e.id, told] != judged[e.id, candidate.text] for e in some):
                continue
            chosen.append((sentence, candidate))
            break
    return chosen


def scores(
    by_sentence: dict[str, list[Example]],
    found: dict[str, list[Proposal]],
    given: dict[tuple[str, str], str | None],
) -> dict[str, dict[str, float]]:
    """Accuracy of the first choice and of the vote, and how often any candidate is right."""
    table = {}
    for part, wanted in (("search", False), ("held out", True)):
        counts: Counter[str] = Counter()
        for sentence, examples in by_sentence.items():
            if held_out(sentence) != wanted:
                continue
            candidates = found[sentence]
            first = next(c for c in candidates if c.greedy)
            for e in examples:
                told = [given[e.id, c.text] for c in candidates]
                counts["n"] += 1
                counts["runs"] += given[e.id, first.text] is not None
                counts["first"] += (given[e.id, first.text] or "yes") in e.answers
                counts["vote"] += vote(candidates, told) in e.answers
                counts["any"] += any(a in e.answers for a in told)
        n = counts["n"]
        table[part] = {
            k: n if k == "n" else round(counts[k] / n, 4)
            for k in ("n", "runs", "first", "vote", "any")
        }
    return table


if __name__ == "__main__":
    main()
