#define JOULERY_IMPLEMENTATION  // checks the whole bodies
#include "joulery/writers/markdown.hpp"

#include "report/golden.hpp"
#include "report/hostile.hpp"
#include "report/sample_report.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace joulery;

namespace {
bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}
}  // namespace

TEST_CASE("markdown: the full sample matches the golden file") {
    check_golden("full.md", to_markdown(sample::full()));
}

TEST_CASE("markdown: hostile names and numbers lose no scope, and no locale changes a byte") {
    check_hostile([](const report& r) { return to_markdown(r); });
}

TEST_CASE("markdown: names are code, and no pipe or backtick ends them") {
    const std::string text = to_markdown(sample::full());
    CHECK(has(text, "| `<script>alert('1 & 2')</script>` | 3 |"));
    CHECK(has(text, "| &emsp;`forward` | 1200 | 4 s | \\~320 J |"));
    CHECK(detail::markdown_code("a|b`c\n") == "`a\\|b'c\\x0a`");
    CHECK(detail::markdown_prose("@all #1 <b> *x*") == "&#64;all &#35;1 &lt;b\\> \\*x\\*");
}

TEST_CASE("markdown: a run with very many scopes fits a comment and sums up the omitted ones") {
    report r = sample::full();
    for (int i = 0; i < 2000; ++i)
        r.scopes.push_back(
            sample::scope("train/s" + std::to_string(i), 0, 1, 1, {0.01, 0, 0}, 0.01));
    const std::string text = to_markdown(r);
    CHECK(text.size() < 65536);
    CHECK(has(text, "| &emsp;*(1755 more)* | | | 17.5 J |"));
    std::size_t cells = 0;  // as many as the header has
    const std::size_t at = text.find("*(1755 more)*");
    for (std::size_t i = at; text[i] != '\n'; ++i) cells += text[i] == '|' ? 1u : 0u;
    CHECK(cells == 9);
}
