// inference_latency.cpp - a digit server: what a request costs in joules and in milliseconds, with
// 32-bit and with 8-bit weights, alone and in batches, on four threads.
// SPDX-License-Identifier: MIT
#include "digits_data.hpp"
#include "digits_network.hpp"
#include "int8_network.hpp"
#include "worker_team.hpp"

#include <joulery/assertions/checks.hpp>
#include <joulery/joulery.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>
#include <vector>

namespace {

constexpr std::uint32_t seed = 20260923;
constexpr std::size_t request_threads = 4;
constexpr std::size_t rounds = 20;             // joules are read after each round
constexpr std::size_t requests_a_round = 768;  // on each thread
constexpr std::size_t requests = rounds * requests_a_round * request_threads;
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

/// One way to serve: a network, and the number of requests in a batch.
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
    std::vector<double> joules;     // a request, of each round
    std::size_t right = 0;

    double accuracy() const { return double(right) / double(requests); }
};

/// One thread's requests of one round; the scope adds up the joules of all threads.
template <class Server>
void answer_all(const std::string& name, const Server& way, const digits::dataset& data,
                std::size_t first, service& part) {
    digits::workspace w = way.room();
    joulery::scope s{name};
    for (std::size_t done = 0; done < requests_a_round; done += way.batch) {
        const auto begin = clock_type::now();
        way.answer(w, data, first + done);
        const std::chrono::duration<double> took = clock_type::now() - begin;
        part.latencies.insert(part.latencies.end(), way.batch, took.count());
        for (std::size_t r = 0; r < w.rows; ++r) part.right += predicted(w, r) == w.labels[r];
    }
    s.add_items(double(requests_a_round), "request");
}

/// Four threads answer requests as fast as they can.
template <class Server>
service serve(const std::string& name, const Server& way, const digits::dataset& data) {
    std::vector<service> parts(request_threads);
    worker_team team(request_threads);
    service all;
    joulery::energy so_far;
    for (std::size_t round = 0; round < rounds; ++round) {
        team.run([&](std::size_t t) {
            answer_all(name, way, data, (round * request_threads + t) * requests_a_round, parts[t]);
        });
        const joulery::report now = joulery::snapshot();
        const joulery::scope_row* row = now.find(name);
        if (row == nullptr) continue;
        all.joules.push_back((row->total - so_far).joules() /
                             double(requests_a_round * request_threads));
        so_far = row->total;
    }
    for (const service& part : parts) {
        all.latencies.insert(all.latencies.end(), part.latencies.begin(), part.latencies.end());
        all.right += part.right;
    }
    return all;
}

void print(const char* name, const service& s, const joulery::report& r) {
    const joulery::scope_row* row = r.find(name);
    if (row == nullptr) return;
    std::string line = joulery::left_in(name, 14) +
                       joulery::right_in(joulery::to_text(row->total / row->items), 10);
    for (const double p : {0.5, 0.95})
        line += joulery::right_in(
            to_text(joulery::energy::from_joules(joulery::testing::quantile(s.joules, p))), 10);
    for (const double p : {0.5, 0.95, 0.99})
        line += joulery::right_in(
            joulery::to_text(joulery::seconds(joulery::testing::quantile(s.latencies, p))), 10);
    std::printf("%s%8.1f %%  %s\n", line.c_str(), 100 * s.accuracy(),
                std::string(to_text(row->provenance)).c_str());
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 1 && (argc != 3 || argv[1] != std::string("--data"))) {
        std::fprintf(stderr, "usage: inference_latency [--data FILE]\n");
        return 2;
    }
    std::string error;
    const digits::split data = digits::hold_out_fifth(
        digits::load(argc > 1 ? argv[2] : "examples/data/digits.csv", error), seed);
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
    std::printf("%zu requests each, %zu threads; J/request: mean, and over %zu rounds\n", requests,
                request_threads, rounds);
    std::printf("%-14s%10s%10s%10s%10s%10s%10s%10s\n", "", "J/request", "p50", "p95", "time p50",
                "p95", "p99", "right");
    print("fp32 batch 1", f1, r);
    print("fp32 batch 32", f32, r);
    print("int8 batch 1", i1, r);
    print("int8 batch 32", i32, r);
    std::printf("\n");

    // Keeps the server at that level: checks that are skipped, with the reason, if nothing can be
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
    if (f1.accuracy() - i1.accuracy() > 0.01) {
        std::fprintf(stderr, "8-bit weights cost more than one point of accuracy\n");
        return 1;
    }
    return joulery::testing::exit_code() == 1 ? 1 : 0;  // skipped checks are not failures here
}
