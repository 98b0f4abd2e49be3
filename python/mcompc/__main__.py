"""``python -m mcompc COMMAND ...`` prints what ``mcompc COMMAND ... --json`` does."""

import json
import sys

from . import Error, _call, _mcompc


def main() -> int:
    try:
        answer = _call(_mcompc.answer, sys.argv[1:] or ["dev", "docs", "flags"], None)
    except Error as e:
        print(f"error{e}", file=sys.stderr)
        return 2 if e.code == "E002" else 1
    value = json.loads(answer)
    print(value if isinstance(value, str) else json.dumps(value, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
