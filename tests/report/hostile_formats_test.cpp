// All formats: whatever the names of scopes, channels and machines, the output stays readable.
#include "joulery/detail/core/utf8.hpp"
#include "joulery/report_io.hpp"
#include "joulery/writers/codecarbon_csv.hpp"
#include "joulery/writers/model_card.hpp"
#include "joulery/writers/technical_documentation.hpp"

#include "report/hostile_report.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdlib>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace joulery;

namespace {

using writer = std::function<std::string(const report&)>;

std::vector<std::pair<std::string, writer>> all_formats() {
    std::vector<std::pair<std::string, writer>> all;
    for (const report_format& f : report_formats()) all.emplace_back(f.ending, f.write);
    all.emplace_back("codecarbon.csv", [](const report& r) { return to_codecarbon_csv(r); });
    all.emplace_back("model card",
                     [](const report& r) { return to_model_card(r, "pre-training"); });
    all.emplace_back("technical documentation",
                     [](const report& r) { return to_technical_documentation(r); });
    return all;
}

bool ends_with(std::string_view text, std::string_view end) {
    return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

std::size_t count(std::string_view text, std::string_view part) {
    std::size_t n = 0;
    for (std::size_t at = 0; (at = text.find(part, at)) != std::string_view::npos; ++at) ++n;
    return n;
}

// Terminal control, direction marks and invalid UTF-8; newlines are allowed.
std::string first_control(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t begin = at;
        const char32_t c = next_code_point(text, at);
        const bool line_end = c == '\n' || (c == '\r' && at < text.size() && text[at] == '\n');
        const bool broken = c == replacement_character && at - begin == 1;
        if ((is_control(c) && !line_end) || broken)
            return "byte " + std::to_string(begin) + ": code point " + std::to_string(c);
    }
    return {};
}

// The records of a CSV file, without quotes.
std::vector<std::vector<std::string>> records(std::string_view text) {
    std::vector<std::vector<std::string>> all;
    std::vector<std::string> record(1);
    bool quoted = false;
    for (const char c : text) {
        if (c == '"') {
            quoted = !quoted;
        } else if (!quoted && c == ',') {
            record.emplace_back();
        } else if (!quoted && c == '\n') {
            all.push_back(std::exchange(record, std::vector<std::string>(1)));
        } else if (c != '\r') {
            record.back() += c;
        }
    }
    return all;
}

bool is_number(const std::string& cell) {
    char* end = nullptr;
    (void)std::strtod(cell.c_str(), &end);
    return end != cell.c_str() && *end == '\0';
}

// name{label="value",...} number; values have no bare quote and only the known escapes.
bool is_sample(std::string_view line) {
    std::size_t at = line.find('{');
    if (at == std::string_view::npos || line[at - 1] == ' ') return false;
    while (line[at] != '}') {
        at = line.find("=\"", at);
        if (at == std::string_view::npos) return false;
        for (at += 2; at < line.size() && line[at] != '"'; ++at)
            if (line[at] == '\\' && ++at < line.size() &&
                std::string_view("\\\"n").find(line[at]) == std::string_view::npos)
                return false;
        if (++at >= line.size() || (line[at] != ',' && line[at] != '}')) return false;
    }
    const std::string value(line.substr(at + 1));
    return is_number(value.substr(1)) || value == " NaN" || value == " +Inf" || value == " -Inf";
}

void check_csv(const std::string& text) {
    const auto rows = records(text);
    std::size_t columns = rows.front().size();
    for (const auto& row : rows) {
        REQUIRE(row.size() == columns);
        for (const std::string& cell : row) {
            CAPTURE(cell);
            const bool may_compute =
                std::string_view("=+-@").find(cell[0]) != std::string_view::npos;
            REQUIRE((cell.empty() || !may_compute || is_number(cell)));
        }
    }
}

void check_prometheus(const std::string& text) {
    std::set<std::string> series;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = text.find('\n', at);
        const std::string line = text.substr(at, end - at);
        CAPTURE(line);
        if (line[0] != '#') {
            REQUIRE(is_sample(line));
            REQUIRE(series.insert(line.substr(0, line.rfind(' '))).second);
        }
        at = end + 1;
    }
}

}  // namespace

TEST_CASE("every format: names the hardware, or at least its processor") {
    report r = sample::full();
    r.channels[2].part = component::gpu;  // CodeCarbon has a column only for cards
    r.channels[2].model = "Some GPU 80GB";
    for (const auto& format : all_formats()) {  // no structured binding: clang 14 can't capture one
        CAPTURE(format.first);
        const writer& write = format.second;
        r.context.hardware = "2 x Some CPU 9000, 3 x Some GPU 80GB";
        CHECK(count(write(r), "Some GPU 80GB") > 0);
        r.context.hardware = "";
        r.context.cpu = "Lonely CPU 1";
        CHECK(count(write(r), "Lonely CPU 1") > 0);
    }
}

TEST_CASE("hostile names: no format contains terminal control, and all are UTF-8") {
    for (const auto& [its_name, write] : all_formats())
        for (unsigned seed = 0; seed < 100; ++seed) {
            const std::string& name = its_name;  // a type that a lambda can capture
            CAPTURE(name);
            CAPTURE(seed);
            REQUIRE(first_control(write(hostile_report(seed))) == "");
        }
}

TEST_CASE("hostile names: parsers of tables, metrics and JSON get what they expect") {
    for (const auto& [its_name, write] : all_formats())
        for (unsigned seed = 0; seed < 100; ++seed) {
            const std::string& name = its_name;  // a type that a lambda can capture
            CAPTURE(name);
            CAPTURE(seed);
            const std::string text = write(hostile_report(seed));
            if (ends_with(name, "json"))
                REQUIRE_FALSE(nlohmann::json::parse(text, nullptr, false).is_discarded());
            if (ends_with(name, "csv")) check_csv(text);
            if (ends_with(name, "prom")) check_prometheus(text);
        }
}

TEST_CASE("hostile names: no name becomes an element of a page or of XML") {
    for (const auto& [its_name, write] : all_formats()) {
        if (!ends_with(its_name, "html") && !ends_with(its_name, "xml")) continue;
        for (unsigned seed = 0; seed < 100; ++seed) {
            const std::string& name = its_name;  // a type that a lambda can capture
            CAPTURE(name);
            CAPTURE(seed);
            const std::string text = write(hostile_report(seed));
            for (const char* element : {"<script", "</script", "<!--", "]]>", "<img"}) {
                CAPTURE(element);
                REQUIRE(count(text, element) == count(write(sample::full()), element));
            }
        }
    }
}
