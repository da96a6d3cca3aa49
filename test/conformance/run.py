"""Runs the Autobahn testsuite against servers, compares the outcome with expected.json and writes a report.

    python run.py SUITE FOLDER [--cases PATTERN]... NAME=URL...

Exits with 1 if any case behaves otherwise than expected. CONFORMANCE_COUNT cuts the 1,000 messages of each compression case.
"""

import argparse
import html
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
PARTS = 2


def sort_key(case: str) -> list[int]:
    return [int(number) for number in case.split(".")]


def start(suite: str, url: str, folder: pathlib.Path, part: int, patterns: list[str]) -> subprocess.Popen:
    command = [sys.executable, str(HERE / "fuzz.py"), suite, url, str(folder), str(part), str(PARTS), *patterns]
    log = open(folder / f"log-{part}.txt", "w")
    return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)


def progress(name: str, done: int, started: float) -> None:
    if sys.stderr.isatty():
        print(f"\r{name}: {done} cases, {time.time() - started:.0f} s", end="", file=sys.stderr, flush=True)


def run(suite: str, name: str, url: str, folder: pathlib.Path, patterns: list[str]) -> dict[str, dict]:
    """Runs all cases against one server; returns what the testsuite says of each."""
    shutil.rmtree(folder, ignore_errors=True)
    parts = [folder / str(part) for part in range(PARTS)]
    for part in parts:
        part.mkdir(parents=True)
    started = time.time()
    processes = [start(suite, url, part, number, patterns) for number, part in enumerate(parts)]
    while any(process.poll() is None for process in processes):
        progress(name, len(list(folder.glob("*/*_case_*.json"))), started)
        time.sleep(0.5)
    results = {}
    for part, process in zip(parts, processes):
        index = part / "index.json"
        if process.returncode != 0 or not index.exists():
            sys.exit(f"the testsuite stopped; its last words are in {part}/log-*.txt")
        [cases] = json.loads(index.read_text()).values()
        results.update(cases)
    print(f"\r{name}: {len(results)} cases in {time.time() - started:.0f} s: {counts(results)}")
    return results


def behaviour(result: dict) -> str:
    """The worse of what was said of the messages and of the closing handshake."""
    order = ["OK", "INFORMATIONAL", "NON-STRICT", "UNIMPLEMENTED", "UNCLEAN", "FAILED"]
    said = {result["behavior"], result["behaviorClose"]}
    return max(said, key=lambda word: order.index(word) if word in order else len(order))


def counts(results: dict[str, dict]) -> str:
    words = [behaviour(result) for result in results.values()]
    return ", ".join(f"{words.count(word)} {word}" for word in sorted(set(words), key=lambda w: -words.count(w)))


def deviations(results: dict[str, dict], expected: dict[str, dict]) -> list[tuple[str, str, str]]:
    found = []
    for case in sorted(results, key=sort_key):
        wanted = expected.get(case, {"behaviour": "OK"})["behaviour"]
        if behaviour(results[case]) != wanted:
            found.append((case, wanted, behaviour(results[case])))
    return found


def report(servers: dict[str, dict[str, dict]], expected: dict[str, dict], file: pathlib.Path) -> None:
    names = list(servers)
    cases = sorted({case for results in servers.values() for case in results}, key=sort_key)
    rows = []
    for case in cases:
        cells = []
        for name in names:
            result = servers[name].get(case)
            word = behaviour(result) if result else "not run"
            title = "" if not result else f"{result['duration']} ms, closed with {result['remoteCloseCode']}"
            cells.append(f'<td class="{html.escape(word)}" title="{html.escape(title)}">{html.escape(word)}</td>')
        why = html.escape(expected.get(case, {}).get("why", ""))
        rows.append(f"<tr><th>{case}</th>{''.join(cells)}<td>{why}</td></tr>")
    heads = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    sums = "".join(f"<li>{html.escape(name)}: {counts(results)}</li>" for name, results in servers.items())
    file.write_text(f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>farrier: Autobahn testsuite</title>
<style>
body {{ font: 16px/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 60em; padding: 0 1em; }}
table {{ border-collapse: collapse; }} th, td {{ padding: .2em .8em; text-align: left; border-bottom: 1px solid #ddd; }}
.OK {{ color: #00603a; }} .INFORMATIONAL {{ color: #345; }} .NON-STRICT {{ background: #fff3c4; }}
.FAILED, .UNCLEAN, .UNIMPLEMENTED {{ background: #ffd6d0; font-weight: bold; }}
</style>
<h1>Autobahn testsuite</h1><ul>{sums}</ul>
<table><tr><th>case</th>{heads}<th>why not OK</th></tr>
{chr(10).join(rows)}
</table></html>
""")


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("suite")
    arguments.add_argument("folder", type=pathlib.Path)
    arguments.add_argument("servers", nargs="+", metavar="NAME=URL")
    arguments.add_argument("--cases", action="append")
    given = arguments.parse_args()
    expected = json.loads((HERE / "expected.json").read_text())
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    servers = {}
    for server in given.servers:
        name, url = server.split("=", 1)
        servers[name] = run(given.suite, name, url, given.folder / name, given.cases or ["*"])
    report(servers, expected, given.folder / "index.html")
    print(f"report: {given.folder / 'index.html'}")
    failed = False
    for name, results in servers.items():
        for case, wanted, found in deviations(results, expected):
            failed = True
            print(f"{name}: case {case} is {found}; expected.json says {wanted}", file=sys.stderr)
    sys.exit(failed)


if __name__ == "__main__":
    main()
