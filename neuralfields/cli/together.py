"""``nf fit --together``: many small fits at once, in one folder with a manifest."""

import shlex
from argparse import Namespace
from collections import Counter

from neuralfields.cli.opening import print_json
from neuralfields.cli.parser import INTERRUPTED, Stop, say, stop_requests
from neuralfields.runs import Collection, Member


def drain(collection: Collection, options: Namespace) -> int:
    """Fit what is left, or until the first Ctrl-C, and report; 2 if a file could not be fitted."""
    left, quiet = len(collection.left), options.quiet or options.json
    if not quiet:
        say(f"{left} of {len(collection.members)} left to fit, into {collection.path}")
    with stop_requests("nf fit", "stopping: each fit ends after its step") as stop:
        stop.also = collection.stop
        for number, member in enumerate(collection.run(threads=options.threads), 1):
            if member.status == "failed" or not quiet:
                say(f"{number}/{left} {_told(member)}")
    _report(collection, options, stop)
    if stop.asked:
        return INTERRUPTED
    return 2 if any(member.status == "failed" for member in collection.members) else 0


def _told(member: Member) -> str:
    if member.status == "failed":
        return f"{member.folder}: failed: {member.reason}"
    found = ", ".join(f"{name} {value:.4g}" for name, value in (member.metrics or {}).items() if value is not None)
    return f"{member.folder}: {member.status}{found and ', '}{found}"


def _report(collection: Collection, options: Namespace, stop: Stop) -> None:
    counts = Counter(member.status for member in collection.members)
    trust = "".join(f" --trust {package}" for package in collection.trust)
    again = f"go on with: nf fit --resume {shlex.quote(str(collection.path))}{trust}"
    if stop.asked:
        say(f"nf fit: stopped with {counts['done']} of {len(collection.members)} done; {again}")
    elif options.json:
        print_json({"path": str(collection.path), "members": [vars(member) for member in collection.members]})
    else:
        print(f"{collection.path}: {', '.join(f'{count} {status}' for status, count in counts.items())}")
        if counts["failed"]:
            print(f"next: put right what failed and {again}")
