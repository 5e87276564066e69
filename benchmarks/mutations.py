"""Damage a field file in thousands of random ways and see that loading refuses it or gives the same values.

    python benchmarks/mutations.py [--count 10000] [--seconds 300]

``count`` raw mutations flip, insert, delete, cut and splice bytes; loading must refuse them, or give the same field
when only unused bytes changed. For every four of them one resealed mutation changes the header's values and computes
the right SHA-256, as an attacker would; loading may then accept another field, but must raise nothing except
FileFormatError and stay within bounded memory.
All loads run in a child process whose address space is limited to 1 GiB more than it has after its imports.
"""

import argparse
import copy
import hashlib
import json
import random
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from machine import arguments, write

NASTY = [
    0, -1, 1, 2, 3, 10**9, -(10**9), 1 << 24, 1 << 40, 10**400, 0.5, -0.0, 1e308, float("inf"), float("nan"), True,
    None, "", "a" * 1000, "tanh", [], [10**9], {}, {"class": "os:system"},
    {"class": "neuralfields.field:Chain", "arguments": {}},
]  # fmt: skip


def mutate(data: bytes, rng: random.Random) -> bytes:
    """One to three random changes, half of them near the start, where the header is."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at = rng.randrange(min(len(changed), rng.choice((16, 2048, len(data)))) or 1)
        size = rng.choice((1, 1, 2, 8, 100))
        match rng.randrange(6):
            case 0 if changed:
                changed[min(at, len(changed) - 1)] ^= 1 << rng.randrange(8)
            case 1 if changed:
                changed[min(at, len(changed) - 1)] = rng.choice(b'\x00\xff {}[]":,0123456789aef')
            case 2:
                changed[at:at] = rng.randbytes(size)
            case 3:
                del changed[at : at + size]
            case 4:
                start = rng.randrange(len(data))
                changed[at : at + size] = data[start : start + size]
            case 5 if rng.random() < 0.3:
                del changed[at:]
    return bytes(changed)


def reseal(data: bytes, rng: random.Random) -> bytes:
    """Change one to three values of the header, or a tensor's shape, and seal the file as if it were honest."""
    size = struct.unpack("<Q", data[:8])[0]
    entries, body = json.loads(data[8 : 8 + size]), data[8 + size :]
    header = json.loads(entries.pop("__metadata__")["neuralfields"])
    del header["sha256"]
    for _ in range(rng.choice((1, 1, 2, 3))):
        places = list(_places(header)) + [(entry, "shape") for entry in entries.values()]
        holder, key = rng.choice(places)
        holder[key] = [rng.randrange(70000), 16] if key == "shape" else copy.deepcopy(rng.choice(NASTY))
    digest = hashlib.sha256(_canonical(header))
    for name in sorted(entries):
        digest.update(_canonical([name, entries[name]["dtype"], entries[name]["shape"]]))
        digest.update(body[slice(*entries[name]["data_offsets"])])
    header["sha256"] = digest.hexdigest()
    text = json.dumps({"__metadata__": {"neuralfields": _canonical(header).decode()}, **entries}).encode()
    return struct.pack("<Q", len(text)) + text + body


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _places(value: Any) -> Any:
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from _places(value[key])


def child(count: int, seconds: float, seed: int) -> dict[str, Any]:
    import resource

    import torch

    import neuralfields as nf
    from neuralfields.geometry import Frame

    torch.set_num_threads(1)
    rng = random.Random(seed)
    torch.manual_seed(seed)
    field = nf.Chain(
        nf.encodings.FourierFeatures(2, features=16), nf.networks.MLP(16, 3, width=16), nf.fields.Affine(3, scale=0.5)
    )
    field.frame = Frame.of_box((0, 0), (512, 512), "px")
    field.provenance = {"signal": "astronaut.png", "psnr": 31.4, "steps": 2000}
    counts = {"refused": 0, "accepted_same": 0, "accepted_other": 0, "resealed_refused": 0, "resealed_accepted": 0}
    wrong: list[str] = []
    slowest = 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "field.nf"
        nf.save(field, path)
        data = path.read_bytes()
        expected, header = nf.load(path).state_dict(), nf.storage.read_header(path)
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + (1 << 30)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        begin = time.monotonic()
        for i in range(count * 5 // 4):
            if time.monotonic() - begin > seconds:
                break
            resealed = i % 5 == 4
            changed = data
            while changed == data:
                changed = reseal(data, rng) if resealed else mutate(data, rng)
            path.write_bytes(changed)
            start = time.monotonic()
            try:
                found = nf.load(path)
                values = found.state_dict()
                same = (
                    found.spec == field.spec
                    and nf.storage.read_header(path) == header
                    and values.keys() == expected.keys()
                    and all(torch.equal(values[name], expected[name]) for name in values)
                )
                counts["resealed_accepted" if resealed else "accepted_same" if same else "accepted_other"] += 1
            except nf.errors.FileFormatError:
                counts["resealed_refused" if resealed else "refused"] += 1
            except Exception as error:
                wrong.append(f"{i}: {type(error).__name__}: {error}")
            slowest = max(slowest, time.monotonic() - start)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {
        "mutations": counts["refused"] + counts["accepted_same"] + counts["accepted_other"] + len(wrong),
        **counts,
        "other_errors": wrong[:20],
        "file_bytes": len(data),
        "peak_memory_growth_mib": round(peak / 1024, 1),
        "slowest_load_seconds": round(slowest, 3),
        "seconds": round(time.monotonic() - begin, 1),
        "seed": seed,
    }


def main() -> int:
    parser = arguments(__doc__ or "", "mutations.json")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=300, help="stop then, whatever the count")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(child(options.count, options.seconds, options.seed)))
        return 0
    numbers = [f"--{name}={getattr(options, name)}" for name in ("count", "seconds", "seed")]
    done = subprocess.run(
        [sys.executable, __file__, "--child", *numbers],
        stdout=subprocess.PIPE, text=True, timeout=options.seconds + 120, check=False,
    )  # fmt: skip
    if done.returncode:
        print(f"the loading process ended with status {done.returncode}", file=sys.stderr)
        return 1
    result = json.loads(done.stdout)
    write(options.out, result)
    print(json.dumps(result, indent=2))
    return 1 if result["accepted_other"] or result["other_errors"] else 0


if __name__ == "__main__":
    sys.exit(main())
