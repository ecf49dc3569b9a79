#!/usr/bin/env python3
# lint_test.py - every rule of lint.py detects a violation, and a good tree passes.
# SPDX-License-Identifier: MIT
import pathlib
import tempfile
import unittest

import lint


def header(name, body=""):
    return (f"// {pathlib.Path(name).name} - a header for this test.\n"
            f"// SPDX-License-Identifier: MIT\n#pragma once\n\n{body}\n")


class LintTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)
        self.write("units.hpp")
        self.write("backend.hpp", '#include "joulery/units.hpp"')
        self.write("report.hpp", '#include "joulery/backend.hpp"')
        self.write("detail/backends/rapl.hpp", '#include "joulery/backend.hpp"')
        self.write("meter.hpp", '#include "joulery/report.hpp"')
        self.write("detail/session/defaults.hpp", '#include "joulery/detail/backends/rapl.hpp"\n'
                                   '#include "joulery/meter.hpp"')
        self.write("joulery.hpp", '#include "joulery/detail/session/defaults.hpp"')

    def tearDown(self):
        self.folder.cleanup()

    def put(self, path, text):
        path = self.root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def write(self, name, body=""):
        self.put(f"include/joulery/{name}", header(name, body))

    def expect(self, *words):
        """Exactly one finding, containing all the words."""
        findings = lint.Lint(self.root).run()
        self.assertEqual(len(findings), 1, findings)
        for word in words:
            self.assertIn(word, findings[0])

    def test_a_good_tree_has_no_findings(self):
        self.assertEqual(lint.Lint(self.root).run(), [])

    def test_an_empty_tree_is_not_good(self):
        with tempfile.TemporaryDirectory() as empty:
            self.assertEqual(len(lint.Lint(empty).run()), 1)

    def test_a_lower_room_must_not_include_a_higher_one(self):
        self.write("detail/metering/account.hpp", '#include "joulery/report.hpp"')
        self.write("meter.hpp", '#include "joulery/detail/metering/account.hpp"')
        self.expect("account.hpp:5", "detail/metering includes report.hpp")

    def test_a_backend_must_not_include_reports(self):
        self.write("detail/backends/rapl.hpp", '#include "joulery/report.hpp"')
        self.expect("detail/backends/rapl.hpp:5", "detail/backends includes report.hpp")

    def test_only_the_standard_set_includes_a_backend(self):
        self.write("meter.hpp", '#include "joulery/detail/backends/rapl.hpp"\n'
                                       '#include "joulery/report.hpp"')
        self.expect("meter.hpp:5", "only the standard set may")

    def test_a_header_may_include_its_own_layer(self):
        self.write("detail/backends/nvml.hpp", '#include "joulery/detail/backends/rapl.hpp"')
        self.write("detail/session/defaults.hpp", '#include "joulery/detail/backends/nvml.hpp"\n'
                                   '#include "joulery/meter.hpp"')
        self.assertEqual(lint.Lint(self.root).run(), [])

    def test_an_include_of_a_missing_header_is_found(self):
        self.write("joulery.hpp", '#include "joulery/detail/session/defaults.hpp"\n'
                                  '#include "joulery/gone.hpp"')
        self.expect("joulery.hpp:6", "joulery/gone.hpp does not exist")

    def test_angle_brackets_and_short_paths_are_found(self):
        self.write("detail/session/defaults.hpp", '#include <joulery/detail/backends/rapl.hpp>\n'
                                   '#include "joulery/meter.hpp"')
        self.expect("detail/session/defaults.hpp:5", "quote it")
        self.write("detail/session/defaults.hpp", '#include "joulery/detail/backends/rapl.hpp"\n'
                                   '#include "joulery/meter.hpp"\n#include "meter.hpp"')
        self.expect("detail/session/defaults.hpp:7", "full paths")

    def test_400_lines_pass_and_401_are_found(self):
        self.write("units.hpp", "//\n" * (400 - 5) + "//")
        self.assertEqual(lint.Lint(self.root).run(), [])
        self.write("units.hpp", "//\n" * (401 - 5) + "//")
        self.expect("units.hpp", "401 lines")

    def test_the_form_of_the_head_is_held(self):
        good = header("units.hpp")
        for bad, words in ((good.replace("// units.hpp", "// unit.hpp"), "first line"),
                           (good.replace("SPDX", "SPX"), "SPDX"),
                           (good.replace("#pragma once", ""), "#pragma once"),
                           (good + "int x;  \n", "trailing"),
                           (good + "// " + "x" * 98 + "\n", "100 columns"),
                           (good + "using namespace std;\n", "using namespace")):
            self.put("include/joulery/units.hpp", bad)
            self.expect("units.hpp", words)

    def test_the_umbrella_reaches_every_header_and_holds_only_includes(self):
        self.write("result.hpp")
        self.expect("full.hpp", "does not reach joulery/result.hpp")
        self.write("joulery.hpp", '#include "joulery/detail/session/defaults.hpp"\n'
                                  '#include "joulery/result.hpp"\nint x;')
        self.expect("joulery.hpp:7", "only includes")

    def test_what_is_included_by_name_reaches_its_own_details(self):
        self.write("detail/backends/recording/recording.hpp")
        self.write("detail/backends/recording/replay.hpp", '#include "joulery/detail/backends/recording/recording.hpp"')
        self.assertEqual(lint.Lint(self.root).run(), [])

    def test_a_folder_without_its_sentence_is_found(self):
        self.put("include/joulery/README.md", "| `detail/backends` | devices |\n")
        self.expect("README.md", "does not say what detail/session is for")

    def test_a_public_signature_that_names_detail_is_found(self):
        self.write("result.hpp", "class c {\n private:\n    JOULERY_DECL detail::x own();\n};")
        self.write("full.hpp", '#include "joulery/joulery.hpp"\n#include "joulery/result.hpp"')
        self.put("include/joulery/joulery_full.cpp", '#include "joulery/full.hpp"\n')
        self.assertEqual(lint.Lint(self.root).run(), [])
        self.write("result.hpp", "class c {\n public:\n    JOULERY_DECL detail::x\n    own();\n};")
        self.expect("result.hpp", "a public signature names detail")

    def test_an_example_that_includes_a_header_of_detail_is_found(self):
        self.put("examples/hello.cpp", '#include <joulery/units.hpp>\n')
        self.assertEqual(lint.Lint(self.root).run(), [])
        self.put("examples/hello.cpp", '#include <joulery/detail/backends/rapl.hpp>\n')
        self.expect("examples/hello.cpp:1", "an example includes a header of detail")

    def test_every_body_is_in_the_file_that_has_them(self):
        self.put("include/joulery/joulery.cpp", '#include "joulery/joulery.hpp"\n')
        self.write("report.hpp", "JOULERY_DECL void f();")
        self.assertEqual(lint.Lint(self.root).run(), [])
        self.write("assertions/checks.hpp", "JOULERY_DECL void g();")
        self.expect("joulery_full.cpp", "does not reach joulery/assertions/checks.hpp")
        self.put("include/joulery/joulery.cpp", '#include "joulery/joulery.hpp"\n'
                                                 '#include "joulery/assertions/checks.hpp"\n')
        self.assertEqual(lint.Lint(self.root).run(), [])

    def test_testing_and_integration_stay_outside_the_umbrella(self):
        self.write("assertions/checks.hpp", '#include "joulery/meter.hpp"')
        self.write("integration/tool.hpp", '#include "joulery/detail/backends/rapl.hpp"')
        self.assertEqual(lint.Lint(self.root).run(), [])

    def test_a_long_umbrella_is_found(self):
        self.write("joulery.hpp", '#include "joulery/detail/session/defaults.hpp"\n' * 57)
        self.expect("joulery.hpp", "61 lines")

    def test_a_macro_that_leaks_is_found(self):
        self.write("units.hpp", "#define JOULERY_HELPER 1")
        self.expect("units.hpp:5", "JOULERY_HELPER")
        self.write("units.hpp", "#define HELPER 1")
        self.expect("units.hpp:5", "no JOULERY_")
        self.write("units.hpp", "#define JOULERY_HELPER 1\n#undef JOULERY_HELPER")
        self.assertEqual(lint.Lint(self.root).run(), [])

    def test_more_public_macros_than_a_user_can_learn_are_found(self):
        self.write("units.hpp",
                   "\n".join(f"#define JOULERY_CHECK_{letter}(x) x" for letter in "ABCDEF"))
        self.expect("6 public check macros")

    def test_notes_to_finish_something_are_found(self):
        self.put("examples/hello.cpp", "// TO" "DO: finish\n")
        self.expect("examples/hello.cpp:1", "finish")

    def test_tests_without_cases_twice_named_or_switched_off_are_found(self):
        self.put("tests/core/a_test.cpp", "int x;\n")
        self.expect("tests/core/a_test.cpp", "no TEST_CASE")
        self.put("tests/core/a_test.cpp", 'TEST_CASE("one") {}\nTEST_CASE("one") {}\n')
        self.expect("tests/core/a_test.cpp", "two test cases", "one")
        self.put("tests/core/a_test.cpp", 'TEST_CASE("one" * doctest::skip()) {}\n')
        self.expect("tests/core/a_test.cpp", "switched off")

    def test_what_fast_math_folds_is_found(self):
        for test in ("x != x", "w.a[i] - w.a[i] == 0", "f() - f() != 0", "std::isfinite(x)",
                     "std::numeric_limits<double>::quiet_NaN()"):
            self.write("units.hpp", f"auto x = {test};")
            self.expect("units.hpp:5", "folds this test")
        for other in ("a.x != x", "x != x.y", "x - x_ == 0", "x == xs"):
            self.write("units.hpp", f"auto y = {other};")
            self.assertEqual(lint.Lint(self.root).run(), [])

    def test_a_calendar_that_locks_the_time_zone_is_found(self):
        for call in ("gmtime_r(&a, &b)", "std::strftime(a, b, c, d)", "localtime (&a)",
                     "std::put_time(a, b)", "timegm(&a)"):
            self.write("units.hpp", f"int x = {call};")
            self.expect("units.hpp:5", "locks the time zone")

    def test_the_environment_is_read_in_one_place(self):
        self.write("units.hpp", 'const char* x = std::getenv("X");')
        self.expect("units.hpp:5", "reads the environment")

    def test_a_file_that_other_programs_inherit_is_found(self):
        for call in ('std::fopen(path, "rb")', 'fopen(path.c_str(), "w")', "std::ofstream(path)"):
            self.write("units.hpp", f"auto x = {call};")
            self.expect("units.hpp:5", "inherit")
        self.write("units.hpp", 'auto x = std::fopen(path, "re");')
        self.assertEqual(lint.Lint(self.root).run(), [])

    def test_an_approx_that_takes_all_small_values_for_equal_is_found(self):
        self.put("tests/approx.hpp", "inline doctest::Approx approx(double x);\n")
        self.put("tests/core/support.hpp", "bool f(double x) { return x == approx(1e-6); }\n")
        self.assertEqual(lint.Lint(self.root).run(), [])
        for loose in ("bool b = x == doctest::Approx(1e-6);", "using doctest::Approx;",
                      "using namespace doctest;"):
            self.put("tests/core/support.hpp", f"\n{loose}\n")
            self.expect("tests/core/support.hpp:2", "approx()")

    def test_a_mutant_whose_text_is_gone_is_found(self):
        self.put("tests/mutation/mutants.py",
                 "import collections\n"
                 "MUTANTS = [collections.namedtuple('M', 'file old')('backends/rapl.hpp', 'x + 1')]\n")
        self.write("detail/backends/rapl.hpp", '#include "joulery/backend.hpp"\n// x + 1')
        self.assertEqual(lint.Lint(self.root).run(), [])
        self.write("detail/backends/rapl.hpp", '#include "joulery/backend.hpp"\n// x + 2')
        self.expect("tests/mutation/mutants.py: mutant 1", "0 times, not once")


if __name__ == "__main__":
    unittest.main()
