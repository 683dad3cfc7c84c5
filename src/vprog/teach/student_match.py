"""Students of ``match``: CLIP and SigLIP.

A student that believes by a sigmoid learns each belief (binary KL). One that believes by contrast
learns which option fits best: KL over the options. Where there is one option, or the teacher
believes in none, it learns the belief itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vprog.teach.losses import bernoulli_kl, log_belief_kl, logits_kl, options_kl
from vprog.teach.student import Part, Student, weight_of
from vprog.teach.supervision import Supervised
from vprog.tools.backends.hf.views import Views


class MatchStudent(Student):
    """CLIP and SigLIP; options about a view share its vector."""

    shares = True

    @property
    def model(self) -> Any:
        """See ``Student``."""
        return self.backend.model

    def refuses(self, row: Supervised) -> str:
        """See ``Student``."""
        return super().refuses(row) or ("" if row.distribution else "no beliefs")

    def unreadable(self, row: Supervised) -> str:
        """See ``Student``."""
        return "" if row.argument else "no options"

    def prepare(self, rows: Sequence[Supervised], views: Views) -> list[Part]:
        """See ``Student``."""
        import torch

        seen = [views.of(row.region) for row in rows]
        distinct = list(dict.fromkeys(seen))
        against = [[self.backend.against(option) for option in row.argument] for row in rows]
        phrases = list(dict.fromkeys(p for row in against for option in row for p in option))
        place = {phrase: n for n, phrase in enumerate(phrases)}
        beliefs = [[(r.distribution or {}).get(o, 0.0) for o in r.argument] for r in rows]
        return [
            {
                "pixels": self.backend.pixels(distinct, views),
                "words": self.backend.tokenize(phrases),
                "of_view": [distinct.index(view) for view in seen],
                "phrases": [[[place[p] for p in option] for option in row] for row in against],
                "beliefs": [torch.tensor(b).float().clamp(0, 1) for b in beliefs],
                "weights": torch.tensor([weight_of(row) for row in rows]).float(),
            }
        ]

    def look(self, part: Part) -> tuple[Any, Any]:
        """Logits of all views and phrases of a part, [views, phrases], and the bias beside them.

        The bias may learn (SigLIP): what is compared with another student needs its own.
        """
        import torch
        from torch.nn import functional

        views = functional.normalize(self.backend.look(part["pixels"]).float(), dim=-1)
        words = functional.normalize(self.backend.read(part["words"]).float(), dim=-1)
        scale, bias = self.backend.scale_and_bias()
        with torch.autocast(views.device.type, enabled=False):
            return scale * (views @ words.T), bias

    def losses(self, said: Any, part: Part, temperature: float, dense: bool) -> tuple[Any, Any]:
        """See ``Student``."""
        import torch

        del dense
        logits, bias = said
        sigmoid = self.backend.chosen["calibration"] == "sigmoid"
        values = []
        for view, options, belief in zip(
            part["of_view"], part["phrases"], part["beliefs"], strict=True
        ):
            own = logits[view, [option[0] for option in options]]
            belief = belief.to(own.device)
            if sigmoid:
                values.append(bernoulli_kl(own + bias, belief).mean())
            elif len(options) > 1 and belief.sum() > 1e-3:
                values.append(options_kl(own, belief, temperature))
            else:
                shares = []
                for option in options:
                    against = logits[view, option]
                    against = torch.cat([against[:1] + bias, against[1:]])
                    shares.append(against.log_softmax(0)[0])
                values.append(log_belief_kl(torch.stack(shares), belief).mean())
        found = torch.stack(values)
        return found, torch.ones_like(found)

    def keeps(self, said: Any, before: Any, part: Part, temperature: float) -> tuple[Any, Any]:
        """See ``Student``."""
        import torch

        (now, bias), (then, old_bias) = said, before
        values = []
        for view, options in zip(part["of_view"], part["phrases"], strict=True):
            asked = sorted({n for option in options for n in option})
            new, old = now[view, asked], then[view, asked]
            if self.backend.chosen["calibration"] == "sigmoid":
                values.append(bernoulli_kl(new + bias, (old + old_bias).sigmoid()).mean())
            else:
                values.append(logits_kl(new, old, temperature))
        found = torch.stack(values)
        return found, torch.ones_like(found)
