"""Makes a Python 3 copy of the Autobahn testsuite, which is published for Python 2 only.

    python testsuite.py SOURCE_ARCHIVE DESTINATION

The test cases treat a str as bytes, as Python 2 did. They go on doing so: every character stands for one byte, and `wire.py`
turns strings into bytes on their way to the socket, and back. Needs lib2to3, so Python 3.12 at the latest.
"""

import pathlib
import re
import sys
import tarfile
import tempfile
import warnings

warnings.simplefilter("ignore", DeprecationWarning)
from lib2to3 import refactor  # noqa: E402

PACKAGE = "autobahntestsuite"
MODULES = ["__init__.py", "_version.py", "caseset.py", "fuzzing.py"]
FOLDERS = ["case", "testdata"]

WIRE = '''"""Between test cases, whose strings are bytes in disguise, and the wire."""
import binascii as _binascii
import os


def tob(text):
    return text.encode("latin-1") if isinstance(text, str) else text if text is None else bytes(text)


def tos(octets):
    return octets if octets is None or isinstance(octets, str) else bytes(octets).decode("latin-1")


class binascii:
    @staticmethod
    def b2a_hex(text):
        return _binascii.b2a_hex(tob(text)).decode()

    hexlify = b2a_hex


class pkg_resources:
    @staticmethod
    def resource_filename(package, name):
        return os.path.join(os.path.dirname(os.path.abspath(__file__)), name)


class Wire:
    debug = False

    def sendFrame(self, opcode, payload=b"", **options):
        return super().sendFrame(opcode, tob(payload), **options)

    def sendMessage(self, payload, isBinary=False, **options):
        return super().sendMessage(tob(payload), isBinary, **options)

    def sendPing(self, payload=None):
        return super().sendPing(tob(payload))

    def sendPong(self, payload=None):
        return super().sendPong(tob(payload))

    def sendCloseFrame(self, code=None, reasonUtf8=None, isReply=False):
        return super().sendCloseFrame(code, tob(reasonUtf8), isReply)

    def sendMessageFrame(self, payload, sync=False):
        return super().sendMessageFrame(tob(payload), sync)

    def sendMessageFrameData(self, payload, sync=False):
        return super().sendMessageFrameData(tob(payload), sync)

    def sendData(self, data, sync=False, chopsize=None):
        return super().sendData(tob(data), sync, chopsize)
'''

IMPORT_WIRE = "from autobahntestsuite.wire import binascii, pkg_resources, tob, tos, Wire"

# What 2to3 can't know: where bytes and strings meet, and what newer libraries call otherwise.
EDITS = {
    "__init__.py": [(r"(?s).*", "from ._version import __version__\nversion = __version__\n", 1)],
    "case/__init__.py": [(r"(?m)^from \.case9_9_1 import .*\n", "", 1)],
    "case/case.py": [(r"pickle\.dumps\(obj1\) == pickle\.dumps\(obj2\)", "obj1 == obj2", 0)],
    "case/case10_1_1.py": [(r"len\(self\.payload\) / ", "len(self.payload) // ", 0)],
    "case/case6_x_x.py": [(r"v\.validate\(vss\[:i\]\)", "v.validate(tob(vss[:i]))", 0)],
    "case/case12_x_x.py": [
        (r"import copy, os, pkg_resources, hashlib, binascii", "import copy, os, hashlib\n" + IMPORT_WIRE, 1),
        (r"open\(fn, 'rb'\)\.read\(\)", "tos(open(fn, 'rb').read())", 0),
        (r"payload = payload\.decode\('utf-8'\)", "payload = tob(payload).decode('utf-8')", 0),
        (r"msg = msg\.encode\('utf-8'\)", "msg = tos(msg.encode('utf-8'))", 0),
        (r"msg = msg\.decode\('utf-8'\)", "msg = tob(msg).decode('utf-8')", 0),
        (r"m\.update\(msg\)", "m.update(tob(msg))", 0),
        (r'"COUNT": s\[1\]', '"COUNT": int(os.environ.get("CONFORMANCE_COUNT", s[1]))', 0),
        (r"requestNoContextTakeover", "request_no_context_takeover", 0),
        (r"requestMaxWindowBits", "request_max_window_bits", 0),
        (r"acceptNoContextTakeover", "accept_no_context_takeover", 0),
        (r"acceptMaxWindowBits", "accept_max_window_bits", 0),
    ],
    "fuzzing.py": [
        (r"import os, json, binascii, time, textwrap, pkg_resources",
         "import os, json, time, textwrap\n" + IMPORT_WIRE, 1),
        (r"from \.?report import CSS_COMMON(?:,\s*\\\n\s*\w+)+",
         "CSS_COMMON = CSS_DETAIL_REPORT = CSS_MASTER_REPORT = JS_MASTER_REPORT = ''\n", 1),
        (r"from twisted\.internet import reactor, ssl", "from twisted.internet import reactor", 1),
        (r"class FuzzingProtocol:", "class FuzzingProtocol(Wire):", 1),
        (r"class FuzzingClientProtocol\(FuzzingProtocol", "class FuzzingClientProtocol(FuzzingProtocol", 1),
        (r"dd = data\[:maxlen\] \+ ellipses", "dd = tob(data[:maxlen]) + tob(ellipses)", 0),
        (r"         dd = data\n      return dd\.decode", "         dd = tob(data)\n      return dd.decode", 0),
        (r"p = ''\.join\(payload\)", "p = b''.join(payload)", 0),
        (r"self\.failConnection\(\)", "self._fail_connection()", 0),
        (r"\(self, debug = debug, debugCodePaths = debug\)", "(self)", 0),
        (r"   def onPong\(self, payload\):\n",
         "   def onPong(self, payload):\n      payload = tos(payload)\n", 0),
        (r"   def onMessage\(self, msg, binary\):\n",
         "   def onMessage(self, msg, binary):\n      msg = tos(msg)\n", 0),
        (r"produceHtml = True", "produceHtml = False", 0),
        (r"json\.dumps\(case, sort_keys = True,", "json.dumps(case, sort_keys = True, default = repr,", 0),
        (r"(?m)^(\s+)self\.contextFactory = .*", r"\1pass", 0),
    ],
}


def convert(file: pathlib.Path, name: str, fixers: refactor.RefactoringTool) -> str:
    # One character for each byte.
    source = re.sub(r"(?m)^#.*coding.*\n", "", file.read_text("latin-1")) + "\n"
    # 2to3 looks beside the file to tell local imports from others.
    source = str(fixers.refactor_string(source, str(file)))
    source = source.replace("(object, Case, )", "(Case, )").replace("(object, Case,)", "(Case,)")
    source = re.sub(r"(?m)^import binascii$", IMPORT_WIRE, source)
    for pattern, replacement, count in EDITS.get(name, []):
        source, found = re.subn(pattern, replacement, source, count=count)
        if not found:
            sys.exit(f"{name} is not what this script knows: nothing matches {pattern}")
    return source


def main(archive: str, destination: str) -> None:
    fixers = refactor.RefactoringTool(refactor.get_fixers_from_package("lib2to3.fixes"))
    target = pathlib.Path(destination) / PACKAGE
    with tempfile.TemporaryDirectory() as unpacked:
        with tarfile.open(archive) as sources:
            sources.extractall(unpacked, filter="data")
        [root] = pathlib.Path(unpacked).glob(f"{PACKAGE}-*/{PACKAGE}")
        files = [root / name for name in MODULES]
        files += [file for folder in FOLDERS for file in (root / folder).rglob("*") if file.is_file()]
        for file in files:
            name = file.relative_to(root).as_posix()
            to = target / name
            to.parent.mkdir(parents=True, exist_ok=True)
            if file.suffix == ".py":
                to.write_text(convert(file, name, fixers), "utf-8")
            else:
                to.write_bytes(file.read_bytes())
    (target / "wire.py").write_text(WIRE)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
