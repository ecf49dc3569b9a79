#!/usr/bin/env python3
# lint.py - checks what no compiler checks: layers, sizes, the form of every header.
# SPDX-License-Identifier: MIT
"""usage: lint.py ROOT     prints one line per finding; exit code 1 if there is any"""
import pathlib
import re
import sys

# Rooms: a folder of include/joulery/detail/, another folder of include/joulery/, or a header that
# is directly in it. A header includes its own room and those listed here, downward only.
BASICS = {"detail/core", "histogram.hpp", "quality.hpp", "result.hpp", "units.hpp"}
COUNTERS = {"backend.hpp"}
CARBON = {"carbon", "detail/carbon"}
MAY_INCLUDE = {
    "detail/timing": BASICS,
    "detail/metering": BASICS | COUNTERS | {"detail/timing"},
    "detail/attribution": BASICS | COUNTERS | {"report.hpp", "detail/timing", "detail/metering"},
    "detail/backends": BASICS | COUNTERS | {"detail/timing", "detail/metering"},
    "detail/carbon": BASICS | {"carbon"},
    "carbon": BASICS | {"detail/carbon"},
    "detail/report": BASICS | CARBON | {"backend.hpp", "report.hpp", "report_io.hpp", "writers"},
    "writers": BASICS | CARBON | {"report.hpp", "report_io.hpp", "detail/report", "accounting"},
    "accounting": BASICS | CARBON | {"report.hpp", "report_io.hpp", "detail/report", "writers"},
}
# Compile the implementation once, for programs that link it; not headers.
COMPILED_ONCE = {"joulery.cpp", "joulery_full.cpp", "joulery.cmake"}
# Not C++.
FOR_C = {"joulery.h"}
# Describe each folder; pages next to what they describe.
PLAN = "README.md"
# How the package is made; not headers.
PACKAGE = "package"
SCHEMAS = {"report.schema.json"}
# The only access of tests to a meter's private parts.
ACCESS = "testing/access.hpp"
# Not included by the umbrella: for tests, and for users of other tools.
OUTSIDE_UMBRELLA = {"assertions", "testing", "integration"}
# Neither are these, which the few programs that need them include by name.
OPT_IN = {"detail/attribution/power_regression.hpp",
          "detail/backends/recording/recorder.hpp",  # readings recorded to a file, and replayed
          "detail/backends/recording/replay.hpp"}
# Only the standard set includes backends, and code that needs a particular one.
MAY_INCLUDE_BACKENDS = {"detail/backends", "detail/session", "joulery.hpp", "assertions", "testing",
                        "integration"}
# Data, one record per line: the rules for columns and spaces do not apply.
TABLES = "detail/carbon/tables/"

MAX_LINES = 400
MAX_COLUMNS = 100
MAX_UMBRELLA_LINES = 60
PUBLIC_MACROS = 5
# Macros that users write; any other macro that stays defined after a header is listed
# below as a detail of detail/core/config.hpp, or must be #undef-ed where it was defined.
PUBLIC_MACRO = re.compile(r"^JOULERY_(SCOPE|FUNCTION|CHECK_[A-Z_]+|REQUIRE_[A-Z_]+)$")

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
DEFINE = re.compile(r"^\s*#\s*define\s+(\w+)")
UNDEF = re.compile(r"^\s*#\s*undef\s+(\w+)")
# doctest's own treats all values far below 1 as equal; tests/approx.hpp does not.
LOOSE_APPROX = re.compile(r"\bdoctest\s*::\s*Approx\b|\busing\s+namespace\s+doctest\b")
# These lock the C library's time zone, which a child forked at that moment can never lock: glibc resets
# the allocator's and the streams' locks at a fork, but not this one.
CALENDAR = re.compile(r"\b(?:(?:gm|local|mk|c|asc)time(?:_[rs])?|timegm|tzset|strftime|put_time)\s*\(")
# -ffast-math assumes the result.
FOLDED = re.compile(r"\b(?:isfinite|isnan|isinf|isnormal|fpclassify)\s*\(|\bquiet_NaN\b|\bNAN\b"
                    r"|(?<![\w.\])>:])([a-z][\w.\[\]()]*) (?:- \1 [!=]=|[!=]= \1(?![\w.\[(-]))")
FOLDED_ALLOWED = "detail/core/finite.hpp"
JOULERY_DECL = re.compile(r"\bJOULERY_DECL\b")
# The environment is read in one place, which knows when that is forbidden; files are opened so that
# programs the host starts do not inherit them.
GETENV = re.compile(r"\bgetenv\s*\(")
ENVIRONMENT_READER = "detail/core/environment_variable.hpp"
INHERITED = re.compile(r'\bfopen\s*\([^;]*"[rwa]b?"|\b(?:if|of|f)stream\b')
OPENS_FILES = {"detail/core/descriptor.hpp", "detail/core/atomic_file.hpp"}
LEFTOVER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def part_of(name):
    """The room of "joulery/<name>"."""
    parts = name.split("/")
    return "/".join(parts[:2]) if parts[0] == "detail" else parts[0]


class Lint:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.include = self.root / "include" / "joulery"
        self.findings = []
        self.headers = {path.relative_to(self.include).as_posix(): path.read_text(encoding="utf-8")
                        for path in sorted(self.include.rglob("*"))
                        if path.is_file() and path.name not in COMPILED_ONCE | SCHEMAS | FOR_C | {PLAN}
                        and path.parent.name != PACKAGE}

    def say(self, where, what):
        self.findings.append(f"{where}: {what}")

    def run(self):
        if not self.headers:
            self.say("include/joulery", "holds no header")
        for name, text in self.headers.items():
            lines = text.split("\n")
            self.check_form(name, lines)
            self.check_includes(name, lines)
            self.check_macros(name, lines)
        self.check_public_macros()
        self.check_umbrella()
        self.check_bodies()
        self.check_plan()
        self.check_signatures()
        self.check_examples()
        self.check_leftovers()
        self.check_tests()
        self.check_approx()
        self.check_mutants()
        return self.findings

    def check_form(self, name, lines):
        where = f"include/joulery/{name}"
        if not name.endswith(".hpp"):
            return self.say(where, "headers end in .hpp")
        head = "\n".join(lines[:8])
        if not lines[0].startswith(f"// {pathlib.Path(name).name} - "):
            self.say(f"{where}:1", f'the first line is "// {pathlib.Path(name).name} - what it is"')
        if "SPDX-License-Identifier: MIT" not in head:
            self.say(where, '"SPDX-License-Identifier: MIT" is missing in the head comment')
        if "#pragma once" not in lines:
            self.say(where, "#pragma once is missing")
        count = len(lines) - (lines[-1] == "")
        if count > MAX_LINES:
            self.say(where, f"{count} lines; {MAX_LINES} is the limit: split it by type")
        if name.startswith(TABLES):
            return None
        for number, line in enumerate(lines, 1):
            if len(line) > MAX_COLUMNS:
                self.say(f"{where}:{number}", f"longer than {MAX_COLUMNS} columns")
            if line != line.rstrip() or "\t" in line:
                self.say(f"{where}:{number}", "trailing space or tab")
            if CALENDAR.search(line):
                self.say(f"{where}:{number}", "locks the time zone, as a forked child may find it; "
                         "detail/core/civil_date.hpp does not")
            if GETENV.search(line) and name != ENVIRONMENT_READER:
                self.say(f"{where}:{number}", f"reads the environment past {ENVIRONMENT_READER}")
            if INHERITED.search(line.split("//")[0]) and name not in OPENS_FILES and not (
                    name.startswith("testing/")):
                self.say(f"{where}:{number}", "opens a file that other programs inherit")
            if FOLDED.search(line) and name != FOLDED_ALLOWED:
                self.say(f"{where}:{number}", "-ffast-math folds this test for not-a-number; "
                         "detail/core/finite.hpp does not let it")
            if re.match(r"\s*using namespace ", line):
                self.say(f"{where}:{number}", "using namespace in a header")
        return None

    def check_includes(self, name, lines):
        part = part_of(name)
        for number, line in enumerate(lines, 1):
            found = INCLUDE.match(line)
            if not found:
                continue
            where = f"include/joulery/{name}:{number}"
            quote, target = found.groups()
            if not target.startswith("joulery/"):
                if quote == '"':
                    self.say(where, f'"{target}": quoted includes are full paths, "joulery/..."')
                continue
            if quote == "<":
                self.say(where, f'<{target}>: inside the library, quote it')
            self.check_layer(where, part, target[len("joulery/"):])

    def check_layer(self, where, part, target):
        if target in FOR_C:
            return None
        if target not in self.headers:
            return self.say(where, f"joulery/{target} does not exist")
        inner = part_of(target)
        if inner == part:
            return None
        if inner == "detail/backends" and part not in MAY_INCLUDE_BACKENDS:
            self.say(where, f"{part} includes a backend; only the standard set may")
        elif part in MAY_INCLUDE and inner not in MAY_INCLUDE[part]:
            self.say(where, f"{part} includes {inner}")
        return None

    def check_macros(self, name, lines):
        """A macro that is neither public nor configuration is undefined in its own header."""
        if name == "detail/core/config.hpp":
            return
        undefined = {found.group(1) for found in map(UNDEF.match, lines) if found}
        for number, line in enumerate(lines, 1):
            found = DEFINE.match(line)
            if not found or found.group(1) in undefined:
                continue
            macro = found.group(1)
            where = f"include/joulery/{name}:{number}"
            if not macro.startswith("JOULERY_"):
                self.say(where, f"macro {macro} has no JOULERY_ in front")
            elif not PUBLIC_MACRO.match(macro) and not macro.startswith("JOULERY_DETAIL_"):
                self.say(where, f"macro {macro} is neither public, JOULERY_DETAIL_ nor #undef-ed")

    def check_public_macros(self):
        public = {found.group(1) for text in self.headers.values()
                  for found in map(DEFINE.match, text.split("\n"))
                  if found and PUBLIC_MACRO.match(found.group(1))}
        checks = {macro for macro in public if "_CHECK_" in macro or "_REQUIRE_" in macro}
        for kind, macros in (("scope", public - checks), ("check", checks)):
            if len(macros) > PUBLIC_MACROS:
                self.say("include/joulery", f"{len(macros)} public {kind} macros "
                         f"({', '.join(sorted(macros))}); {PUBLIC_MACROS} is the limit")

    def check_umbrella(self):
        umbrella = self.headers.get("joulery.hpp")
        if umbrella is None:
            return
        lines = umbrella.rstrip("\n").split("\n")
        if len(lines) > MAX_UMBRELLA_LINES:
            self.say("include/joulery/joulery.hpp",
                     f"{len(lines)} lines; {MAX_UMBRELLA_LINES} is the limit")
        for number, line in enumerate(lines, 1):
            if line and not re.match(r"//|\s*#\s*(pragma once|include|if|endif|else)", line):
                self.say(f"include/joulery/joulery.hpp:{number}", "holds only includes")
        reached = self.reached_from(["joulery.hpp", "full.hpp", *OPT_IN])
        for name in self.headers:
            if name not in reached and part_of(name) not in OUTSIDE_UMBRELLA:
                self.say("include/joulery/full.hpp", f"does not reach joulery/{name}")

    def check_bodies(self):
        """Every header with an implementation is in joulery.cpp, or nobody could link it."""
        sources = [self.include / name for name in ("joulery.cpp", "joulery_full.cpp")]
        lines = [line for source in sources if source.exists()
                 for line in source.read_text(encoding="utf-8").split("\n")]
        reached = self.reached_from(self.included_by(lines))
        for name, text in self.headers.items():
            if JOULERY_DECL.search(text) and name != "detail/core/config.hpp" and name not in reached:
                self.say("include/joulery/joulery_full.cpp", f"does not reach joulery/{name}")

    def check_plan(self):
        """The README describes every folder."""
        plan = self.include / PLAN
        if not plan.exists():
            return
        text = plan.read_text(encoding="utf-8")
        for room in sorted({part_of(name) for name in self.headers if "/" in name}):
            if f"| `{room}` |" not in text:
                self.say("include/joulery/README.md", f"does not say what {room} is for")

    def check_signatures(self):
        """No public declaration names anything in detail."""
        for name, text in self.headers.items():
            if name.startswith("detail/") or name == ACCESS:
                continue
            first = text.split("#ifdef JOULERY_IMPLEMENTATION")[0].split("\n")
            seen, inner, number = True, 0, 0
            while number < len(first):
                line = first[number].strip()
                number += 1
                if re.match(r"(?:class|struct) [^;]*\{", line):
                    seen = line.startswith("struct")
                elif re.match(r"(?:public|protected|private):", line):
                    seen = line.startswith("public")
                elif line == "};":
                    seen = True
                elif re.match(r"namespace detail \{", line):
                    inner = 1
                elif line == "}  // namespace detail":
                    inner = 0
                if not JOULERY_DECL.search(line) or not seen or inner:
                    continue
                declaration, at = line, number
                while ";" not in declaration and number < len(first):
                    declaration += " " + first[number].strip()
                    number += 1
                if "detail::" in declaration.split(";")[0] and not re.search(
                        r"\bfriend\b", declaration):
                    self.say(f"include/joulery/{name}:{at}", "a public signature names detail")

    def check_examples(self):
        """Examples include only public headers."""
        for path in sorted((self.root / "examples").rglob("*.[ch]pp")):
            for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
                found = INCLUDE.match(line)
                if found and found.group(2).startswith("joulery/detail/"):
                    self.say(f"examples/{path.name}:{number}", "an example includes a header of detail")

    @staticmethod
    def included_by(lines):
        return [found.group(2)[len("joulery/"):] for found in map(INCLUDE.match, lines)
                if found and found.group(2).startswith("joulery/")]

    def reached_from(self, names):
        reached, open_ = set(), list(names)
        while open_:
            name = open_.pop()
            if name in reached or name not in self.headers:
                continue
            reached.add(name)
            open_ += self.included_by(self.headers[name].split("\n"))
        return reached

    def check_leftovers(self):
        for folder in ("include", "examples", "tests", "bench", ".ci"):
            for path in sorted((self.root / folder).rglob("*")):
                if (not path.is_file() or "lint" in path.parts or "data" in path.parts
                        or "__pycache__" in path.parts):
                    continue
                try:
                    lines = path.read_text(encoding="utf-8").split("\n")
                except UnicodeDecodeError:
                    continue
                for number, line in enumerate(lines, 1):
                    if LEFTOVER.search(line):
                        self.say(f"{path.relative_to(self.root).as_posix()}:{number}",
                                 "a note to finish something")

    def check_tests(self):
        """Test names are unique in their file, and no test is disabled."""
        for path in sorted((self.root / "tests").glob("*/*_test.cpp")):
            where = path.relative_to(self.root).as_posix()
            text = path.read_text(encoding="utf-8")
            names = re.findall(r'TEST_CASE\(\s*"((?:[^"\\]|\\.)*)"', text)
            if not names and "TEST_CASE_TEMPLATE" not in text:
                self.say(where, "holds no TEST_CASE")
            for name in {name for name in names if names.count(name) > 1}:
                self.say(where, f'two test cases are called "{name}"')
            if re.search(r"doctest::skip|doctest::may_fail|should_fail", text):
                self.say(where, "a test is switched off")

    def check_approx(self):
        """Tests compare with a purely relative tolerance, through approx()."""
        for path in sorted((self.root / "tests").rglob("*.[ch]pp")):
            where = path.relative_to(self.root).as_posix()
            if where == "tests/approx.hpp":
                continue
            for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
                if LOOSE_APPROX.search(line):
                    self.say(f"{where}:{number}",
                             "doctest::Approx adds 1 to the value; approx() of tests/approx.hpp")

    def check_mutants(self):
        """The text that a mutant replaces occurs exactly once."""
        listed = self.root / "tests/mutation/mutants.py"
        if not listed.exists():
            return
        known = {}
        exec(listed.read_text(encoding="utf-8"), known)  # pylint: disable=exec-used
        for number, mutant in enumerate(known["MUTANTS"], 1):
            path = self.root / "include/joulery/detail" / mutant.file
            found = path.read_text(encoding="utf-8").count(mutant.old) if path.exists() else 0
            if found != 1:
                self.say(f"tests/mutation/mutants.py: mutant {number}",
                         f"{mutant.file} has {mutant.old!r} {found} times, not once")


def main(arguments):
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    findings = Lint(arguments[1]).run()
    for finding in findings:
        print(finding)
    print(f"{len(findings)} findings" if findings else "no findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
