"""Writes docs/openapi.json from the code; with --check, says whether it is current."""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))

from api import create_app  # noqa: E402
from infra.config import Settings  # noqa: E402

PAGE = ROOT / "docs" / "openapi.json"


def main() -> int:
    current = json.dumps(create_app(Settings()).openapi(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    if "--check" not in sys.argv:
        PAGE.write_text(current)
    elif not PAGE.exists() or PAGE.read_text() != current:
        sys.stderr.write(f"docs/openapi.json is not current; run: python {Path(__file__).relative_to(ROOT)}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
