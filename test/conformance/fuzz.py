"""Runs a part of the Autobahn testsuite's cases against one server, in this process.

    python fuzz.py SUITE URL FOLDER PART PARTS PATTERN...

SUITE is where testsuite.py put its copy. Of the cases that match a pattern every PARTS-th is run, from the PART-th on. FOLDER gets one JSON
file for each case and an index.json. A wss URL is connected to whatever certificate the server shows.
"""

import sys

suite, url, folder, part, parts, *patterns = sys.argv[1:]
sys.path.insert(0, suite)

from autobahntestsuite import fuzzing  # noqa: E402
from twisted.internet import reactor  # noqa: E402

AGENT = "farrier"


class Factory(fuzzing.FuzzingClientFactory):
    contextFactory = None

    def nextCase(self):
        # Called for the first time before anything is connected.
        if self.currSpecCase < 0:
            self.specCases = self.specCases[int(part)::int(parts)]
        return super().nextCase()


if url.startswith("wss:"):
    from twisted.internet.ssl import ClientContextFactory

    Factory.contextFactory = ClientContextFactory()

Factory({
    "outdir": folder,
    "servers": [{"agent": AGENT, "url": url}],
    "cases": patterns,
    "exclude-cases": [],
    "exclude-agent-cases": {},
    "options": {"failByDrop": False},
})
reactor.run()
