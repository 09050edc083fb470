"""Why nothing moves any more: FIFOs that are too shallow for their branch, or a stage that stands still by itself."""

from __future__ import annotations

from dataclasses import dataclass

from flows.design import Design, Instance
from flows.emit.rtl import monitored
from flows.simulate.job import Monitor, Run


@dataclass(frozen=True)
class _Wait:
    """An instance waits at `stream`: for room behind it (`full`), or for a beat from before it."""

    instance: Instance
    stream: str
    full: bool


def explain(design: Design, run: Run) -> str:
    """What stands still, as the subject of a sentence.

    Follows from the output what waits for what: whoever cannot hand on a beat for its reader, whoever misses one for
    its writer. Going round in a circle, it finds branches that wait for each other: some full FIFO on the circle has
    to be deeper. Otherwise it ends at the stage that waits for nothing.
    """
    states = {s.name: run.monitors[n + 1] for n, s in enumerate(monitored(design))}
    makers = {s: i for i in design.instances for s in i.outputs}
    readers = {s: i for i in design.instances for s in i.inputs}
    if states[design.output].valid:
        return "the output"
    at, path = makers[design.output], list[_Wait]()
    while all(wait.instance is not at for wait in path):
        wait = _wait(at, states)
        if wait is None:
            return at.name
        path.append(wait)
        following = (readers if wait.full else makers).get(wait.stream)
        if following is None:
            return "the output" if wait.full else "the input"
        at = following
    circle = path[next(n for n, wait in enumerate(path) if wait.instance is at) :]
    held = {i.name: run.fifo_peaks[int(i.params["SIM_ID"])] for i in design.instances if i.module == "fifo"}  # type: ignore[arg-type]
    shallow = [
        f"{w.instance.name} ({held[w.instance.name]} entries)" for w in circle if w.full and w.instance.name in held
    ]
    late = next((w for w in circle if not w.full and len(w.instance.inputs) > 1), None)
    if not shallow or late is None:
        return at.name
    one = len(shallow) == 1
    return (
        f"{' or '.join(shallow)} is too shallow for its branch: {'it is' if one else 'they are'} full and "
        f"{late.instance.name} waits for its other input, {late.stream}; everything"
    )


def _wait(instance: Instance, states: dict[str, Monitor]) -> _Wait | None:
    for stream in instance.outputs:
        if states[stream].valid and not states[stream].ready:
            return _Wait(instance, stream, full=True)
    missing = [s for s in instance.inputs if not states[s].valid]
    # A stage that reads its inputs in turn is not ready for the one that it does not miss.
    for stream in sorted(missing, key=lambda s: not states[s].ready):
        return _Wait(instance, stream, full=False)
    return None
