"""Programs: text of one of the two languages, parsed and checked; nothing runs here."""

from vprog.program.check import Checker
from vprog.program.program import LANGUAGES, Language, Program, to_language

__all__ = ["LANGUAGES", "Checker", "Language", "Program", "to_language"]
