// inference_latency.cpp - a digit server: what a request costs in joules and in milliseconds, with
// 32-bit and with 8-bit weights, alone and in batches, on four threads. SPDX-License-Identifier:
// MIT
#include "digits_data.hpp"
#include "digits_network.hpp"
#include "int8_network.hpp"
#include "worker_team.hpp"

#include <joulery/joulery.hpp>
#include <joulery/testing/assert.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>
#include <vector>

namespace {

constexpr std::uint32_t seed = 20260923;
constexpr std::size_t request_threads = 4;
constexpr std::size_t requests_per_thread = 8000;
using clock_type = std::chrono::steady_clock;

/// Copies images `first`, `first + 1`... of `from` to where the network reads them.
void fill(digits::workspace& w, const digits::dataset& from, std::size_t first, std::size_t count) {
    w.rows = count;
    for (std::size_t r = 0; r < count; ++r) {
        const std::size_t i = (first + r) % from.size();
        std::copy_n(from.image(i), digits::pixels_per_image,
                    w.values.front().data() + r * digits::pixels_per_image);
        w.labels[r] = from.labels[i];
    }
}

digits::network train(const digits::dataset& data) {
    joulery::scope s{"train"};
    digits::network net({digits::pixels_per_image, 256, 128, digits::classes}, seed);
    digits::workspace w = net.make_workspace(32);
    for (int epoch = 0; epoch < 12; ++epoch)
        for (std::size_t first = 0; first + 32 <= data.size(); first += 32) {
            fill(w, data, first, 32);
            net.forward(w);
            net.backward(w);
            net.update(w, 32, epoch < 8 ? 0.05f : 0.01f, 0.9f);
        }
    return net;
}

/// One way to serve: a network, and how many requests wait for each other.
template <class Network>
struct server {
    const Network& net;
    const digits::network& shape;  // for workspaces
    std::size_t batch;

    digits::workspace room() const { return shape.make_workspace(batch); }
    void answer(digits::workspace& w, const digits::dataset& data, std::size_t first) const {
        fill(w, data, first, batch);
        net.forward(w);
    }
};

struct service {
    std::vector<double> latencies;  // seconds, of each request
    double accuracy = 0;
};

/// Four threads answer requests as fast as they can; the scope adds up their joules.
template <class Server>
service serve(const std::string& name, const Server& way, const digits::dataset& data) {
    std::vector<service> parts(request_threads);
    worker_team team(request_threads);
    team.run([&](std::size_t t) {
        digits::workspace w = way.room();
        std::size_t right = 0;
        joulery::scope s{name};
        for (std::size_t done = 0; done < requests_per_thread; done += way.batch) {
            const auto begin = clock_type::now();
            way.answer(w, data, t * requests_per_thread + done);
            const std::chrono::duration<double> took = clock_type::now() - begin;
            parts[t].latencies.insert(parts[t].latencies.end(), way.batch, took.count());
            for (std::size_t r = 0; r < w.rows; ++r) right += predicted(w, r) == w.labels[r];
        }
        s.add_items(double(requests_per_thread), "request");
        parts[t].accuracy = double(right) / double(requests_per_thread);
    });
    service all;
    for (const service& part : parts) {
        all.latencies.insert(all.latencies.end(), part.latencies.begin(), part.latencies.end());
        all.accuracy += part.accuracy / request_threads;
    }
    std::sort(all.latencies.begin(), all.latencies.end());
    return all;
}

void print(const char* name, const service& s, const joulery::report& r) {
    const auto percentile = [&](double p) {
        const auto at = static_cast<std::size_t>(p * double(s.latencies.size() - 1));
        return joulery::to_text(joulery::seconds(s.latencies[at]));
    };
    const joulery::scope_row* row = r.find(name);
    if (row == nullptr) return;
    std::printf("%-14s %10s %10s %10s %10s %10.1f %%   %s\n", name,
                joulery::to_text(row->total / row->items).c_str(), percentile(0.5).c_str(),
                percentile(0.95).c_str(), percentile(0.99).c_str(), 100 * s.accuracy,
                std::string(to_text(row->provenance)).c_str());
}

}  // namespace

int main(int argc, char** argv) {
    std::string error;
    const digits::split data = digits::hold_out_fifth(
        digits::load(argc > 1 ? argv[1] : "examples/data/digits.csv", error), seed);
    if (!error.empty()) {
        std::fprintf(stderr, "%s\n", error.c_str());
        return 2;
    }
    const digits::network net = train(data.train);
    const digits::int8_network small(net);
    const server<digits::network> alone{net, net, 1}, batched{net, net, 32};
    const server<digits::int8_network> small_alone{small, net, 1}, small_batched{small, net, 32};

    const service f1 = serve("fp32 batch 1", alone, data.test);
    const service f32 = serve("fp32 batch 32", batched, data.test);
    const service i1 = serve("int8 batch 1", small_alone, data.test);
    const service i32 = serve("int8 batch 32", small_batched, data.test);

    const joulery::report r = joulery::snapshot();
    std::printf("%zu requests each, %zu threads\n", request_threads * requests_per_thread,
                request_threads);
    std::printf("%-14s %10s %10s %10s %10s %12s\n", "", "J/request", "p50", "p95", "p99", "right");
    print("fp32 batch 1", f1, r);
    print("fp32 batch 32", f32, r);
    print("int8 batch 1", i1, r);
    print("int8 batch 32", i32, r);
    std::printf("\n");

    // What holds the server there: checks that skip, with the reason, where nothing can be
    // measured.
    using namespace joulery::literals;
    digits::workspace w1 = alone.room(), w32 = batched.room();
    const auto m = joulery::measure([&] { batched.answer(w32, data.test, 0); });
    JOULERY_CHECK_ENERGY(m.per_item(32), < 5_mJ);
    const auto thirty_two_alone = [&] {
        for (std::size_t i = 0; i < 32; ++i) alone.answer(w1, data.test, i);
    };
    const auto one_batch = [&] { batched.answer(w32, data.test, 0); };
    JOULERY_CHECK_ENERGY(joulery::uses_less_than(one_batch, thirty_two_alone, 1.1));
    if (f1.accuracy - i1.accuracy > 0.01) {
        std::fprintf(stderr, "8-bit weights cost more than one point of accuracy\n");
        return 1;
    }
    return joulery::testing::plain_checks.failed > 0 ? 1 : 0;
}
