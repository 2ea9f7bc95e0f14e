"""A worker of test_dealing.py: its variables say how it works; it answers with its name and the piece."""

import os
import time

from tasks.runtime.engines.dealing import own_hand


def main() -> None:
    hand = own_hand()
    assert hand is not None
    if "FORKS" in os.environ and os.fork() == 0:  # as vLLM's own process on CUDA does, which outlives a killed worker
        time.sleep(60)
        os._exit(0)
    time.sleep(float(os.environ.get("STARTS", "0")))
    hand.ask(int(os.environ.get("PLACES", "1")))
    while dealt := hand.more():
        for key, piece in dealt:
            if piece == "bad":
                raise ValueError("a bad piece")
            time.sleep(float(os.environ.get("SECONDS", "0")))
            hand.answer(key, (os.environ["NAMED"], piece))


if __name__ == "__main__":
    main()
