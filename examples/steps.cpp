// steps.cpp - a training loop that knows the joules of each step, and a file that is read while
// it runs. SPDX-License-Identifier: MIT
//
//     JOULERY_REPORT=run.steps.jsonl ./steps & python3 examples/follow_steps.py run.steps.jsonl
#include <joulery/joulery.hpp>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace {

double train(int batch) {
    double x = batch;
    for (int i = 0; i < 2'000'000 * (1 + batch % 3); ++i) x = std::cos(x);
    return x;
}

}  // namespace

int main(int argc, char** argv) {
    joulery::options chosen;
    chosen.interval = std::chrono::milliseconds(250);
    joulery::start(std::move(chosen));
    const int steps = argc > 1 ? std::atoi(argv[1]) : 30;
    for (int n = 0; n < steps; ++n) {
        joulery::span step{"step"};
        double loss = 0;
        {
            joulery::task_scope t{step, "train"};
            loss = train(n);
        }
        step.add_items(32, "sample");
        const joulery::used u = step.end();  // this step's own, now
        std::printf("step %2d  loss %.3f  %s +- %s\n", n, loss, to_text(u.energy).c_str(),
                    to_text(u.uncertainty).c_str());
    }
}
