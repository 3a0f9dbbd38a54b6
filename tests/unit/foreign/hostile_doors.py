"""Open hostile files at their doors and say what that cost.

A program, in a process of its own, since the most memory a process ever had does not fall:
``hostile_doors.py FOLDER`` reads ``doors.json`` there (name -> door) and prints one JSON object,
name -> [our refusal or "", CPU seconds, MB above what the imports took].
"""

import json
import resource
import sys
import time
from pathlib import Path

import torch
from mirage.errors import MirageError
from mirage.foreign import known as known_files
from mirage.foreign.reading import read_state
from mirage.priors import nvidia_pickle, weights
from mirage.runtime import files


def _header(path):
    files.load_tensors(path)
    weights.load_generator(path)


def _array(path):
    known_files.check_image(torch.zeros(1, 3, 8, 8), path)


DOORS = {
    "pickle": nvidia_pickle.read_networks,
    "state": read_state,
    "header": _header,
    "array": _array,
}


def _megabytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(folder):
    import safetensors.torch

    # What PyTorch and safetensors load at their first use is no cost of a file.
    safetensors.torch.load(safetensors.torch.save({"a": torch.zeros(2)}))
    with torch.device("meta"):
        torch.randn(2, generator=torch.Generator())
    before, told = _megabytes(), {}
    for name, door in json.loads((folder / "doors.json").read_text()).items():
        began = time.process_time()
        try:
            DOORS[door](folder / name)
            answer = ""
        except MirageError as error:
            answer = str(error)
        told[name] = [answer, time.process_time() - began, _megabytes() - before]
    print(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
