// doctor.cpp - what this machine can measure, what it can't, and the command that would change it.
//
//     doctor             every backend and channel, what contains what, and the present power
//     doctor --json      the same for programs
//     doctor --watch     watts of every channel, once a second until interrupted; --watch 10: ten
//                        times
//
// JOULERY_BACKENDS=rapl-perf,nvml checks only those; JOULERY_SYSROOT=FOLDER a fake machine.
#include "doctor_probe.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace joulery;
using doctor::diagnosis;
using doctor::measured_channel;
using finding = probed_backend;

std::string time_text(double s) { return to_text(std::chrono::duration<double>(s)); }

std::string quantum_text(const channel& c) {
    const double q = c.quantum > 0 ? c.quantum : c.joules_per_count;
    return c.kind == reading_kind::energy_counter ? to_text(energy::from_joules(q))
                                                  : to_text(power::from_watts(q));
}

std::string period_text(const measured_channel& c) {
    return c.period_seconds > 0 ? time_text(c.period_seconds) : "no change seen";
}

/// Text after a name in the first column, broken before column 100.
void print_wrapped(const std::string& name, const std::string& text) {
    constexpr std::size_t room = 82;
    std::string left = name;
    std::size_t at = 0;
    while (at < text.size()) {
        std::size_t end = std::min(text.size(), at + room);
        if (end < text.size()) {
            const std::size_t blank = text.rfind(' ', end);
            if (blank != std::string::npos && blank > at) end = blank;
        }
        std::printf("  %-14s %s\n", left.c_str(), text.substr(at, end - at).c_str());
        left.clear();
        at = end < text.size() && text[end] == ' ' ? end + 1 : end;
    }
}

/// The findings of a section under its title; nothing if there are none.
template <class Is, class Print>
void print_section(const char* title, const diagnosis& d, Is is, Print print) {
    for (const finding& f : d.machine.found) {
        if (!is(f)) continue;
        if (title != nullptr) std::printf("\n%s\n", title);
        title = nullptr;
        print(f);
    }
}

void print_opened(const diagnosis& d, const finding& f) {
    std::string text = std::to_string(f.channels) + (f.channels == 1 ? " channel" : " channels");
    if (!f.used) text += ", not used by default";
    print_wrapped(f.name, text);
    const bool said_later = f.name == "estimate" && d.only_estimated();
    if (f.used && !f.note.empty() && !said_later) print_wrapped("", f.note);
}

void print_backends(const diagnosis& d) {
    std::printf("Read on this machine\n");
    for (const finding& f : d.machine.found)
        if (f.opened) print_opened(d, f);
    const auto helpable = [](const finding& f) { return !f.opened && !f.remedy.empty(); };
    print_section(
        "Not read, and what would change it", d,
        [&](const finding& f) { return helpable(f) && f.needless.empty(); },
        [](const finding& f) {
            print_wrapped(f.name, f.reason);
            std::printf("  %-14s -> %s\n", "", f.remedy.c_str());  // one line, to be copied
        });
    print_section(
        "Not needed", d, [&](const finding& f) { return helpable(f) && !f.needless.empty(); },
        [](const finding& f) { print_wrapped(f.name, f.needless); });
    print_section(
        "Not found", d, [](const finding& f) { return !f.opened && f.remedy.empty(); },
        [](const finding& f) { print_wrapped(f.name, f.reason); });
}

void print_channels(const diagnosis& d) {
    int width = 8;
    for (const measured_channel& c : d.channels)
        width = std::max(width, static_cast<int>(c.what.id.size()));
    std::printf("\n%-*s  %-13s %-6s %9s %14s %9s %9s\n", width + 2, "Channels", "backend", "counts",
                "smallest", "updated every", "declared", "one read");
    for (const measured_channel& c : d.channels) {
        const bool counts = c.what.kind == reading_kind::energy_counter;
        std::printf("  %-*s  %-13s %-6s %9s %14s %9s %9s\n", width, c.what.id.c_str(),
                    c.backend.c_str(), counts ? "energy" : "power", quantum_text(c.what).c_str(),
                    period_text(c).c_str(),
                    time_text(std::chrono::duration<double>(c.what.update_period).count()).c_str(),
                    time_text(c.read_seconds).c_str());
    }
    std::printf("  (updated every: as seen just now; one read: of all the backend's channels)\n");
    std::printf("\n%-*s  %9s  %s\n", width + 2, "Devices", "states", "known as");
    for (const measured_channel& c : d.channels)
        std::printf(
            "  %-*s  %9s  %s\n", width, c.what.id.c_str(),
            c.what.max_watts > 0 ? to_text(power::from_watts(c.what.max_watts)).c_str() : "nothing",
            c.what.model.empty() ? "-" : c.what.model.c_str());
    std::printf("  (states: a limit, a critical or a rated power; 1.5 times that is plausible)\n");
}

void print_tree(const diagnosis& d) {
    std::printf("\nWhat is summed (+) and what is not (-)\n");
    const std::function<void(const std::string&, int)> below = [&](const std::string& parent,
                                                                   int depth) {
        for (const channel_row& place : d.places) {
            if (place.parent != parent) continue;
            std::printf("  %*s%c %s%s%s\n", 2 * depth, "", place.summed ? '+' : '-',
                        place.id.c_str(), place.exclusion_reason.empty() ? "" : ": ",
                        place.exclusion_reason.c_str());
            below(place.id, depth + 1);
        }
    };
    below("", 0);
}

/// The reading of a program's own meter over a second.
reading_difference measure(meter& m, std::chrono::milliseconds time) {
    const reading before = m.read();
    std::this_thread::sleep_for(time);
    return m.read() - before;
}

void print_verdict(const diagnosis& d) {
    if (d.channels.empty()) {
        std::printf("\nNothing can be measured: programs report time and no energy.\n");
    } else {
        const power mean = measure(*d.meter, std::chrono::seconds(1)).mean_power();
        const report r = d.meter->snapshot();
        std::printf("\nTotal: %s over one second (%s)\n", to_text(mean).c_str(),
                    to_text(r.provenance).data());
        print_wrapped("Hardware:", r.context.hardware);
        for (const std::string& w : r.warnings)  // partial or untrusted results
            if (w.rfind("channel ", 0) == 0) print_wrapped("", w);
        if (d.only_estimated()) {
            std::printf("\nNo counter can be read here: what programs report is an estimate.\n");
            for (const finding& f : d.machine.found)
                if (f.used && !f.note.empty()) print_wrapped(f.name, f.note);
        }
    }
}

void put(std::string& out, const char* name, std::string_view text) {
    out.append("\"").append(name).append("\":\"");
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        const bool steers = static_cast<unsigned char>(c) < 0x20;
        out += steers ? ' ' : c;
    }
    out += '"';
}
void put(std::string& out, const char* name, double x) {
    char text[32];
    std::snprintf(text, sizeof text, "%.9g", x);
    out.append("\"").append(name).append("\":").append(text);
}

void print_json(const diagnosis& d) {
    std::string out = "{\"backends\":[";
    for (const finding& f : d.machine.found) {
        if (&f != &d.machine.found.front()) out += ",";
        out += "\n {";
        put(out, "name", f.name);
        out.append(",\"opened\":").append(f.opened ? "true" : "false");
        out.append(",\"used\":").append(f.used ? "true" : "false").append(",");
        put(out, "reason", f.reason), out += ",";
        put(out, "remedy", f.remedy), out += ",";
        put(out, "needless", f.needless), out += ",";
        put(out, "note", f.note), out += "}";
    }
    out += "\n],\"channels\":[";
    for (std::size_t i = 0; i < d.channels.size(); ++i) {
        const measured_channel& c = d.channels[i];
        const channel_row& place = d.places[i];
        if (i > 0) out += ",";
        out += "\n {";
        put(out, "id", c.what.id), out += ",";
        put(out, "backend", c.backend), out += ",";
        put(out, "model", c.what.model), out += ",";
        put(out, "max_watts", c.what.max_watts), out += ",";
        put(out, "part", to_text(c.what.part)), out += ",";
        put(out, "kind", to_text(c.what.kind)), out += ",";
        put(out, "quantum", c.what.quantum > 0 ? c.what.quantum : c.what.joules_per_count);
        out += ",";
        put(out, "quality", to_text(c.what.provenance)), out += ",";
        put(out, "measured_period_s", c.period_seconds), out += ",";
        put(out, "measured_read_s", c.read_seconds), out += ",";
        put(out, "parent", place.parent);
        out.append(",\"summed\":").append(place.summed ? "true" : "false").append(",");
        put(out, "exclusion_reason", place.exclusion_reason), out += "}";
    }
    out += "\n],";
    put(out, "total_watts", measure(*d.meter, std::chrono::seconds(1)).mean_power().watts());
    std::printf("%s}\n", out.c_str());
}

void watch(const diagnosis& d, long rounds) {
    for (const measured_channel& c : d.channels) std::printf("%s  ", c.what.id.c_str());
    std::printf("total\n");
    for (long i = 0; rounds == 0 || i < rounds; ++i) {
        const reading_difference r = measure(*d.meter, std::chrono::seconds(1));
        for (std::size_t c = 0; c < r.by_channel().size(); ++c) {
            const auto width = static_cast<int>(d.channels[c].what.id.size());
            std::printf("%*s  ", width, to_text(r.by_channel()[c] / r.time()).c_str());
        }
        std::printf("%s\n", to_text(r.mean_power()).c_str());
        std::fflush(stdout);
    }
}

}  // namespace

int main(int argc, char** argv) {
    const std::string what = argc > 1 ? argv[1] : "";
    if (!what.empty() && what != "--json" && what != "--watch") {
        std::fprintf(what == "--help" ? stdout : stderr,
                     "usage: doctor [--json | --watch [ROUNDS]]\n");
        return what == "--help" ? 0 : 1;
    }
    const diagnosis d = doctor::diagnose();
    if (what == "--json") {
        print_json(d);
    } else if (what == "--watch") {
        watch(d, argc > 2 ? std::strtol(argv[2], nullptr, 10) : 0);
    } else {
        print_backends(d);
        if (d.machine.by_name)
            for (const std::string& w : d.machine.warnings) std::printf("\n%s\n", w.c_str());
        print_channels(d);
        print_tree(d);
        print_verdict(d);
    }
    return 0;
}
