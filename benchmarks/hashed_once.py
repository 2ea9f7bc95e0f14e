"""A model's folder of 1 GB on this disk, looked up again: its key without reading it.

hashed_once: seconds of the second look at a folder of ten files of 100 MB, against hashing them (their pages cached)
"""

import os
import tempfile
import time
from pathlib import Path

from benchmarks._beside import tell

REPEATS, FILES, SIZE = 5, 10, 100_000_000


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["REWRITING_AGENT_STORE"] = str(Path(folder) / "store")
        from tasks.runtime.files.digest import digest_folder
        from tasks.runtime.files.known_digests import RACY, known_folder_digest

        model = Path(folder) / "model"
        model.mkdir()
        for number in range(FILES):
            (model / f"model-{number:05}.safetensors").write_bytes(os.urandom(SIZE))
        time.sleep(RACY + 0.5)
        digest = known_folder_digest(model)
        again, whole = [], []
        for _ in range(REPEATS):
            start = time.perf_counter()
            assert digest_folder(model) == digest
            middle = time.perf_counter()
            assert known_folder_digest(model) == digest
            again.append(time.perf_counter() - middle)
            whole.append(middle - start)
    tell("hashed_once", "s", "hashing 1 GB", again, whole, better="lower")


if __name__ == "__main__":
    main()
