// serve.cpp - a server that reports what its requests cost while it runs: in each answer's header,
// on /metrics for Prometheus, and J/token at p50 and p99 on stderr every few seconds.
// SPDX-License-Identifier: MIT
//
//     serve 8080 &
//     curl -i 'localhost:8080/generate?tokens=64'      # X-Energy: 0.71 J +- 0.06 J
//     curl localhost:8080/metrics
//     curl localhost:8080/stop
#include <joulery/joulery.hpp>
#include <joulery/writers/prometheus.hpp>

#include <httplib.h>  // Debian: libcpp-httplib-dev

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <utility>

namespace {

// Stands for a model: its work is the same for each token.
std::atomic<double> sink{0};
void work(int tokens, int each) {
    double x = 1;
    for (int i = 0; i < tokens * each; ++i) x = std::cos(x + i);
    sink = x;
}

// Costs of the requests since the last interval, and of all.
class token_costs {
 public:
    void add(const joulery::used& u, int tokens) {
        const std::lock_guard<std::mutex> lock(mutex_);
        per_token_.add(u.energy.joules() / tokens);
        tokens_ += tokens;
    }
    void print() {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (tokens_ == 0) return;
        std::fprintf(stderr, "%d tokens, p50 %s/token, p99 %s/token\n", tokens_, text(50).c_str(),
                     text(99).c_str());
        per_token_ = {};
        tokens_ = 0;
    }

 private:
    [[nodiscard]] std::string text(double percent) const {
        return to_text(joulery::energy::from_joules(per_token_.percentile(percent)));
    }
    std::mutex mutex_;
    joulery::histogram per_token_;
    int tokens_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    token_costs costs;
    joulery::options chosen;
    chosen.run_name = "serve";
    chosen.interval = std::chrono::seconds(2);
    chosen.on_interval = [&costs](const joulery::interval_report&) { costs.print(); };
    joulery::start(std::move(chosen));

    httplib::Server server;
    server.Get("/generate", [&](const httplib::Request& asked, httplib::Response& answer) {
        joulery::span request{"generate"};
        const int tokens = std::max(1, std::atoi(asked.get_param_value("tokens").c_str()));
        {
            joulery::task_scope t{request, "prefill"};
            work(8, 20'000);
        }
        {
            joulery::task_scope t{request, "decode"};
            work(tokens, 20'000);
        }
        request.add_items(tokens, "token");
        const joulery::used u = request.end();
        costs.add(u, tokens);
        answer.set_header("X-Energy", to_text(u.energy) + " +- " + to_text(u.uncertainty));
        answer.set_content(std::to_string(tokens) + " tokens\n", "text/plain");
    });
    server.Get("/metrics", [](const httplib::Request&, httplib::Response& answer) {
        answer.set_content(to_prometheus(joulery::snapshot()), "text/plain; version=0.0.4");
    });
    server.Get("/stop", [&](const httplib::Request&, httplib::Response&) { server.stop(); });
    const int port = argc > 1 ? std::atoi(argv[1]) : 8080;
    if (!server.listen("127.0.0.1", port)) {
        std::fprintf(stderr, "port %d is taken\n", port);
        return 1;
    }
    joulery::stop();
}
