"""The cocotb test: the unmodified deploy/validate.py, whose `import pynq` finds pynq.py of this folder. See run.py."""

import cocotbpynq
import pynq
import validate


def main(dut: object = None) -> None:
    assert validate.main(["--timeout", "300", "--save", "outputs.npz"]) == 0
    assert pynq.open_buffers() == 0, "buffers are left"


main = cocotbpynq.synctest(main)
