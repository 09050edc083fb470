"""One operator, one stem: its kernel, its RTL, and its test have the same name, and nothing lies around without one."""

import re
from pathlib import Path

import pytest

from flows.kernels.registry import STEMS

ROOT = Path(__file__).parents[1]
RTL = sorted(path.stem for path in (ROOT / "hw_templates" / "rtl").glob("*.sv"))
STREAM_MODULES = ("control", "dwc", "duplicate", "fifo", "framein", "frameout", "tlastmarker")
"""Modules between the operators, which have no kernel."""
PARTS = {
    "ringbuffer": ("depthtospace", "upsample"),
    "delayline": ("swg_parallel",),
    "fifo_pointer": ("fifo",),
    "lut6": ("thresholding_const_stage",),
    "dsp48": ("mvau_dsp_chain",),
}
"""Modules that are only used inside of others, whose tests are theirs."""


@pytest.mark.parametrize("stem", sorted({*STEMS.values()}))
def test_operator_has_kernel_rtl_and_test(stem: str) -> None:
    for path in (f"flows/kernels/{stem}.py", f"hw_templates/rtl/{stem}.sv", f"tests/kernels/test_{stem}.py"):
        assert (ROOT / path).is_file(), f"{path} is missing"


@pytest.mark.parametrize("module", RTL)
def test_every_module_belongs_to_an_operator_or_to_the_streams(module: str) -> None:
    if module in PARTS:
        for owner in PARTS[module]:
            text = (ROOT / "hw_templates" / "rtl" / f"{owner}.sv").read_text(encoding="utf-8")
            assert re.search(rf"\n +{module} #\(", text), f"{owner}.sv does not use {module}.sv"
        return
    stem = module.split("_", maxsplit=1)[0]
    assert stem in STEMS.values() or module in STREAM_MODULES, f"{module}.sv belongs to no operator"
    assert (ROOT / f"tests/kernels/test_{stem}.py").is_file(), f"{module}.sv has no test"


def test_every_kernel_is_registered() -> None:
    helpers = {"__init__", "base", "implementation", "memory", "registry"}
    kernels = {path.stem for path in (ROOT / "flows" / "kernels").glob("*.py")} - helpers
    others = {name for name in kernels if name.endswith(("_const", "_dsp", "_sparse"))}
    assert kernels - others == set(STEMS.values())
    assert {name.split("_")[0] for name in others} <= set(STEMS.values()), "of another operator's stem"


RTL_ONLY = {
    "fifo": "a stream with a depth", "fifo_pointer": "the same", "tlastmarker": "to_axis in axis.hpp",
    "mvau_lane": "accumulators.hpp", "mvau_plane": "accumulators.hpp", "mvau_feed": "mvau.hpp",
    "thresholding_stage": "thresholding.hpp", "ringbuffer": "ring.hpp",
    "swg_parallel": "nothing: RTL alone", "pool_parallel": "nothing: RTL alone", "delayline": "nothing: RTL alone",
    "control": "the processing system's side: RTL alone", "framein": "the same", "frameout": "the same",
}  # fmt: skip
"""RTL modules without an HLS template of their name, and what does their work there."""


MICROARCHITECTURES = re.compile(r"lut6|dsp48|\w+_(sparse|dsp(_chain|_sum)?|const(_node|_stage)?)")
"""Of RTL alone: HLS has one form of an operator."""


@pytest.mark.parametrize("module", [m for m in RTL if m not in RTL_ONLY and not MICROARCHITECTURES.fullmatch(m)])
def test_what_has_rtl_has_hls(module: str) -> None:
    assert (ROOT / "hw_templates" / "hls" / f"{module}.hpp").is_file(), f"{module}.sv has no HLS twin"


def test_every_hls_template_belongs_to_an_operator_or_is_included_by_one() -> None:
    headers = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "hw_templates" / "hls").glob("*.hpp")}
    generated = [path.read_text(encoding="utf-8") for path in (ROOT / "hw_templates" / "hls").glob("*.j2")]
    for name in headers:
        stem = name.removesuffix(".hpp")
        owned = stem.split("_", maxsplit=1)[0] in STEMS.values() or stem in STREAM_MODULES
        included = any(f'#include "{name}"' in text for text in (*headers.values(), *generated))
        assert owned or included, f"{name} belongs to no operator"


@pytest.mark.parametrize("module", RTL)
def test_module_is_named_after_its_file(module: str) -> None:
    text = (ROOT / "hw_templates" / "rtl" / f"{module}.sv").read_text(encoding="utf-8")
    assert text.count("\nmodule ") == 1 and f"\nmodule {module} " in text
    assert "`default_nettype none" in text, "an undeclared name would become a wire"
