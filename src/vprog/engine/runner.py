# Runs chunks of programs *inside* the sandbox; fed to every session after the prelude, never imported.
#
# A program that keeps nothing between executions (see vprog/program/python.py) is compiled once in a
# session and shares one copy of the API with others of its kind: nothing of what they can do reaches
# it. Every other program gets a fresh copy of everything for each execution.

import json
import random

_vp_log = []
_vp_state = [0, None]
_vp_names, _vp_inputs, _vp_answer = _vp_make(_vp_log, _vp_state)
_vp_kept = {}
_vp_texts = {}  # of programs that could not be compiled: their text comes only once
_VP_MAX = 1_000_000


def _vp_kept_command(key, source):
    command = _vp_kept.get(key)
    if command is None:
        names = dict(_vp_names)
        source = _vp_texts.setdefault(key, source)
        exec(source, names)
        command = _vp_kept[key] = names["execute_command"]
        _vp_texts.pop(key)
    return command


def _vp_one(program, log, pictures, together, given):
    key, source, keeps_nothing, draws = program
    state = _vp_state if keeps_nothing else [0, None]
    state[0] = 0
    state[1] = None
    out = None
    try:
        if draws:
            random.seed(0)
        if keeps_nothing:
            _vp_log[:] = log
            command = _vp_kept_command(key, source)
            done = _vp_answer(command(*_vp_inputs(pictures, together), **given))
        else:
            names, inputs, answer = _vp_make(log, state)
            exec(source, names)
            done = answer(names["execute_command"](*inputs(pictures, together), **given))
        if state[1] is None:
            out = json.dumps(["done", done])
            if len(out) > _VP_MAX:
                out = f'["limit", "the answer has more than {_VP_MAX} characters"]'
            return out
    except KeyboardInterrupt:
        out = '["error", ["KeyboardInterrupt", "the program interrupted itself"]]'
    except SystemExit:
        out = '["error", ["SystemExit", "the program tried to exit"]]'
    except Exception as error:
        out = json.dumps(["error", [type(error).__name__, str(error)]])
    if state[1] is None:
        return out
    try:
        out = json.dumps(["call", state[1]])
        if len(out) > _VP_MAX:
            out = f'["limit", "the arguments of a call have more than {_VP_MAX} characters"]'
        return out
    except Exception as error:
        return json.dumps(["error", ["TypeError", "a tool cannot take this: " + str(error)]])


def _vp_run(text):
    programs, jobs = json.loads(text)
    out = [_vp_one(programs[j[0]], j[1], j[2], j[3], j[4]) for j in jobs]
    return "[" + ",".join(out) + "]"


def _vp_raise(text):
    """Executes a failing program once more and lets its exception out, for the line."""
    source, log, pictures, together, given = json.loads(text)
    random.seed(0)
    names, inputs, answer = _vp_make(log, [0, None])
    exec(source, names)
    answer(names["execute_command"](*inputs(pictures, together), **given))
