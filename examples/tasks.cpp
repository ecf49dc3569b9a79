// tasks.cpp - work that does not run where its scope was opened: tasks of one request on other
// threads, and a scope that waits for what it launched. SPDX-License-Identifier: MIT
#include <joulery/joulery.hpp>

#include <cmath>
#include <cstdio>
#include <future>
#include <utility>
#include <vector>

namespace {

double decode(int image) {
    double x = image;
    for (int i = 0; i < 2'000'000; ++i) x = std::cos(x + i);
    return x;
}

double answer(int images) {
    joulery::scope s{"request"};
    s.set_total(images);  // the live line shows its progress and its cost at the end
    std::vector<std::future<double>> parts;
    for (int i = 0; i < images; ++i)
        parts.push_back(std::async(std::launch::async, [t = s.handle(), i] {
            joulery::task_scope in{t, "decode"};  // in the report: request/decode
            return decode(i);
        }));
    double sum = 0;
    for (std::future<double>& part : parts) {
        sum += part.get();
        s.add_items(1, "image");
    }
    return sum;
}

// A request that another thread continues: it owns the span, and knows what the request used.
double serve(int number) {
    joulery::span request{"served"};
    return std::async(std::launch::async,
                      [number, r = std::move(request)]() mutable {
                          double sum = 0;
                          {
                              joulery::task_scope in{r, "decode"};  // in the report: served/decode
                              sum = decode(number);
                              r.add_items(1, "image");
                          }
                          const joulery::used u = r.end();
                          joulery::clear_live_line();  // before the program prints
                          std::printf("request %d: %s +- %s\n", number, to_text(u.energy).c_str(),
                                      to_text(u.uncertainty).c_str());
                          return sum;
                      })
        .get();
}

double launch_and_wait() {
    std::future<double> later;
    const auto finish = [&] {
        if (later.valid()) later.wait();
    };
    {
        joulery::synchronized_scope s{"launched", finish};
        later = std::async(std::launch::async, decode, 1);
    }  // ends when the work has, not when it was launched
    return later.get();
}

}  // namespace

int main() {
    joulery::options chosen;
    chosen.live = true;  // one line on a terminal while it runs, as JOULERY_LIVE=1 does
    joulery::start(std::move(chosen));

    double sum = 0;
    for (int i = 0; i < 5; ++i) sum += answer(16) + launch_and_wait() + serve(i);
    const joulery::report r = joulery::snapshot();
    joulery::clear_live_line();
    std::printf("sum %.6f\n\n%s", sum, to_text(r).c_str());
}
