// text_trainer.cpp - a text classifier as fastText trains it, on threads that share the weights.
// Lines with "joulery" are what measuring it added; trials.py takes them out again.
#include <joulery/joulery.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>
#include <vector>

namespace {

constexpr int dimensions = 64, labels = 16, buckets = 1 << 16, words_a_line = 24;

struct example {
    int label;
    std::vector<std::uint32_t> words;
};

double seconds_now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

// Each label has its own words, among those common to all.
std::vector<example> make_examples(int n) {
    std::mt19937 random(7);
    std::vector<example> all(static_cast<std::size_t>(n));
    for (example& e : all) {
        e.label = static_cast<int>(random() % labels);
        for (int w = 0; w < words_a_line; ++w)
            e.words.push_back(random() % 4 == 0
                                  ? 50'000 + static_cast<std::uint32_t>(e.label) * 50 +
                                        random() % 50
                                  : random() % 20'000);
    }
    return all;
}

class model {
 public:
    model() : input_(std::size_t{buckets} * dimensions), output_(labels * dimensions, 0.0f) {
        std::mt19937 random(3);
        std::uniform_real_distribution<float> small(-1.0f / dimensions, 1.0f / dimensions);
        for (float& w : input_) w = small(random);
    }

    // Words and pairs of neighbors, hashed.
    static void features(const example& e, std::vector<std::uint32_t>& out) {
        out.clear();
        for (std::size_t i = 0; i < e.words.size(); ++i) {
            out.push_back(e.words[i] % buckets);
            if (i > 0) out.push_back((e.words[i - 1] * 116049371u + e.words[i]) % buckets);
        }
    }

    int predict(const std::vector<std::uint32_t>& rows, float* hidden, float* scores) const {
        std::fill(hidden, hidden + dimensions, 0.0f);
        for (const std::uint32_t r : rows)
            for (int d = 0; d < dimensions; ++d) hidden[d] += input_[r * dimensions + d];
        const float scale = 1.0f / static_cast<float>(rows.size());
        for (int d = 0; d < dimensions; ++d) hidden[d] *= scale;
        float sum = 0;
        for (int l = 0; l < labels; ++l) {
            float x = 0;
            for (int d = 0; d < dimensions; ++d) x += output_[l * dimensions + d] * hidden[d];
            sum += scores[l] = std::exp(std::min(x, 30.0f));
        }
        for (int l = 0; l < labels; ++l) scores[l] /= sum;
        return static_cast<int>(std::max_element(scores, scores + labels) - scores);
    }

    // Threads update the shared weights without locks, as is usual (Hogwild).
    void update(const std::vector<std::uint32_t>& rows, int label, const float* hidden,
                const float* scores, float rate) {
        float gradient[dimensions] = {};
        for (int l = 0; l < labels; ++l) {
            const float alpha = rate * ((l == label ? 1.0f : 0.0f) - scores[l]);
            for (int d = 0; d < dimensions; ++d) {
                gradient[d] += alpha * output_[l * dimensions + d];
                output_[l * dimensions + d] += alpha * hidden[d];
            }
        }
        const float scale = 1.0f / static_cast<float>(rows.size());
        for (const std::uint32_t r : rows)
            for (int d = 0; d < dimensions; ++d) input_[r * dimensions + d] += scale * gradient[d];
    }

 private:
    std::vector<float> input_, output_;
};

void train(model& m, const std::vector<example>& all, std::size_t from, std::size_t to, int epochs,
           double& own) {
    const double begun = seconds_now();
    {
        joulery::scope worker{"worker"};
        worker.add_items(epochs * static_cast<double>(to - from), "line");  // joulery
        std::vector<std::uint32_t> rows;
        float hidden[dimensions], scores[labels];
        for (int e = 0; e < epochs; ++e)
            for (std::size_t i = from; i < to; ++i) {
                {
                    joulery::scope s{"features"};
                    model::features(all[i], rows);
                }
                {
                    joulery::scope s{"forward"};
                    m.predict(rows, hidden, scores);
                }
                joulery::scope s{"backward"};
                m.update(rows, all[i].label, hidden, scores, 0.1f);
            }
    }
    own = seconds_now() - begun;
}

}  // namespace

int main(int argc, char** argv) {
    const int epochs = argc > 1 ? std::atoi(argv[1]) : 3, threads = 2;
    const std::vector<example> all = make_examples(60'000);
    model m;
    const double begun = seconds_now();
    std::vector<std::thread> team;
    std::vector<double> own(threads);
    for (std::size_t t = 0; t < threads; ++t)
        team.emplace_back([&, t] {
            train(m, all, all.size() * t / threads, all.size() * (t + 1) / threads, epochs, own[t]);
        });
    for (std::thread& t : team) t.join();
    const double total = seconds_now() - begun;
    int right = 0;
    std::vector<std::uint32_t> rows;
    float hidden[dimensions], scores[labels];
    for (std::size_t i = 0; i < 2000; ++i) {
        model::features(all[i], rows);
        right += m.predict(rows, hidden, scores) == all[i].label ? 1 : 0;
    }
    std::printf("accuracy %.3f\nphase worker %.6f\ntotal %.6f\n", right / 2000.0, own[0] + own[1],
                total);
}
