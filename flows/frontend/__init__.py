"""QONNX file to FINN's hardware graph to the typed `Graph`. Everything that knows FINN, qonnx and onnx lives here."""

from flows.frontend.finn_export import write_finn_model
from flows.frontend.importer import LOG, MODELS, import_model
from flows.frontend.spec import HostStep, Imported, InputSpec, OutputSpec
from flows.frontend.store import FILES, HARDWARE, load, save

__all__ = [
    "FILES",
    "HARDWARE",
    "LOG",
    "MODELS",
    "HostStep",
    "Imported",
    "InputSpec",
    "OutputSpec",
    "import_model",
    "load",
    "save",
    "write_finn_model",
]
