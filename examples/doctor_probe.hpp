// doctor_probe.hpp - what doctor.cpp finds out: which backends open, how fast they renew, what a
// read costs.
#pragma once

#include <joulery/detail/core/json_text.hpp>
#include <joulery/detail/metering/domain_tree.hpp>
#include <joulery/detail/session/defaults.hpp>
#include <joulery/detail/session/environment.hpp>
#include <joulery/joulery.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace doctor {

using steady = std::chrono::steady_clock;

/// A backend as it was found, or why it was not.
struct finding {
    std::string name;
    bool opened = false;
    bool used = false;  ///< by a program that names no backends
    std::size_t channels = 0;
    std::string reason, remedy, note;
    std::string needless;  ///< why there is nothing to be done about it
};

/// A channel as it was measured.
struct measured_channel {
    joulery::channel what;
    std::string backend;
    double period_seconds = 0;  ///< between two changes of the value; 0: fewer than three were seen
    double read_seconds = 0;    ///< of the whole backend, the median
};

struct diagnosis {
    std::vector<finding> findings;
    std::vector<measured_channel> channels;
    joulery::domain_tree tree;
    std::vector<std::string> warnings;
    std::vector<std::unique_ptr<joulery::backend>> backends;

    [[nodiscard]] bool only_estimated() const {
        return std::all_of(channels.begin(), channels.end(), [](const measured_channel& c) {
            return c.what.provenance == joulery::quality::estimated;
        });
    }
};

/// Reads one backend over and over for ten of its declared periods, 0.2 s at least and 2 s at most.
inline void watch_backend(joulery::backend& b, std::vector<measured_channel>& into) {
    const std::size_t n = b.channels().size();
    double longest = 0.02;
    for (const joulery::channel& c : b.channels())
        longest = std::max(longest, std::chrono::duration<double>(c.update_period).count());
    const auto time = std::chrono::duration<double>(std::min(10 * longest, 2.0));

    struct changes {
        std::uint64_t last = 0;
        double first_at = 0, last_at = 0;
        int count = 0;
    };
    std::vector<changes> seen(n);
    std::vector<std::uint64_t> values(n);
    std::vector<double> costs;
    const auto start = steady::now();
    const auto since = [&] { return std::chrono::duration<double>(steady::now() - start); };
    for (bool first = true; since() < time; first = false) {
        const double before = since().count();
        if (b.read(joulery::counter_span(values)) != joulery::read_status::ok) continue;
        const double after = since().count();
        costs.push_back(after - before);
        for (std::size_t i = 0; i < n; ++i) {
            if (values[i] == seen[i].last || values[i] == joulery::no_value) continue;
            seen[i].last = values[i];
            if (first) continue;
            if (seen[i].count++ == 0) seen[i].first_at = after;
            seen[i].last_at = after;
        }
    }
    std::sort(costs.begin(), costs.end());
    for (std::size_t i = 0; i < n; ++i) {
        measured_channel m;
        m.what = b.channels()[i];
        m.backend = std::string(b.name());
        if (seen[i].count > 2)
            m.period_seconds = (seen[i].last_at - seen[i].first_at) / (seen[i].count - 1);
        if (!costs.empty()) m.read_seconds = costs[costs.size() / 2];
        into.push_back(std::move(m));
    }
}

/// Why a backend that did not open would add nothing to those that are used; "" where it would.
inline std::string why_needless(const finding& f, const diagnosis& d) {
    for (const joulery::second_view& view : joulery::second_views)
        for (const auto& used : d.backends)
            if (f.name == view.name && used->name() == view.of)
                return "shows what " + std::string(view.of) + " reads";
    bool counted = false;
    for (const measured_channel& c : d.channels)
        counted = counted || joulery::detail::counts_processors(c.what);
    for (const std::string_view last : joulery::last_resorts)
        if (counted && f.name == last) return "coarser than what is read";
    return {};
}

/// Tries every backend there is, then looks closely at those that a program would use.
inline diagnosis diagnose(const std::vector<std::string>& names, const joulery::system_root& root) {
    diagnosis d;
    for (const joulery::backend_entry& entry : joulery::standard_backends()) {
        finding f;
        f.name = std::string(entry.name);
        joulery::opened_backend opened = entry.open(root);
        if (opened) {
            f.opened = true;
            f.channels = (*opened)->channels().size();
            f.note = std::string((*opened)->note());
        } else {
            f.reason = opened.error().reason;
            f.remedy = opened.error().remedy;
        }
        d.findings.push_back(std::move(f));
    }
    joulery::found_backends found = joulery::open_backends(names, root);
    d.warnings = std::move(found.warnings);
    d.backends = std::move(found.backends);
    std::vector<joulery::channel> all;
    for (const auto& b : d.backends) {
        for (finding& f : d.findings)
            if (f.name == b->name()) f.used = true;
        all.insert(all.end(), b->channels().begin(), b->channels().end());
        watch_backend(*b, d.channels);
    }
    for (finding& f : d.findings)
        if (!f.opened) f.needless = why_needless(f, d);
    d.tree = joulery::build_domain_tree(all);
    return d;
}

}  // namespace doctor
