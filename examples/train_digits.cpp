// train_digits.cpp - trains a small neural network on handwritten digits, and prints what each
// phase of it cost. SPDX-License-Identifier: MIT
//
// The lines of code that name joulery are all that measuring adds: an include, a line per scope and
// the line that prints the table. Without them this is a plain C++17 trainer, and a test builds it.
#include "digits_data.hpp"
#include "digits_network.hpp"
#include "worker_team.hpp"

#include <joulery/joulery.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

// clang-format off: a scope and its items are one line
namespace {

constexpr std::uint32_t seed = 20260923;  // of the split, the first weights and the order
constexpr std::size_t batch_size = 32;
constexpr float momentum = 0.9f;
constexpr double wanted_accuracy = 0.95;

struct settings {
    std::size_t epochs = 60;
    std::size_t threads = 1;
    std::string data = "examples/data/digits.csv";
};

/// Copies `count` images of `from`, in `order` from `first` on, to where the network reads them.
void fill(digits::workspace& w, const digits::dataset& from, const std::vector<std::size_t>& order,
          std::size_t first, std::size_t count) {
    w.rows = count;
    for (std::size_t r = 0; r < count; ++r) {
        const std::size_t i = order[first + r];
        std::copy_n(
            from.image(i), digits::pixels_per_image,
            w.values.front().begin() + static_cast<std::ptrdiff_t>(r * digits::pixels_per_image));
        w.labels[r] = from.labels[i];
    }
}

class trainer {
 public:
    trainer(const digits::split& data, std::size_t threads)
        : data_(data), random_(seed), team_(threads) {
        for (std::size_t i = 0; i < data.train.size(); ++i) order_.push_back(i);
        for (std::size_t i = 0; i < data.test.size(); ++i) test_order_.push_back(i);
        for (std::size_t t = 0; t < threads; ++t)
            slices_.push_back(network_.make_workspace(batch_size));
    }

    /// Shows every training image once; returns the mean loss.
    double epoch(float rate) {
        const std::size_t n = order_.size();
        joulery::scope s{"epoch"}; s.add_items(double(n), "sample");
        digits::shuffle(order_, random_);
        double loss = 0;
        for (std::size_t first = 0; first < n; first += batch_size)
            loss += step(first, std::min(batch_size, n - first), rate);
        return loss / static_cast<double>(n);
    }

    /// Share of the held-out images that the network classifies correctly.
    double evaluate() {
        const std::size_t n = data_.test.size();
        joulery::scope s{"evaluate"}; s.add_items(double(n), "sample");
        digits::workspace& w = slices_.front();
        std::size_t right = 0;
        for (std::size_t first = 0; first < n; first += batch_size) {
            fill(w, data_.test, test_order_, first, std::min(batch_size, n - first));
            network_.forward(w);
            for (std::size_t r = 0; r < w.rows; ++r) right += predicted(w, r) == w.labels[r];
        }
        return static_cast<double>(right) / static_cast<double>(n);
    }

 private:
    /// One mini-batch, split into a slice per thread; returns its summed loss.
    double step(std::size_t first, std::size_t n, float rate) {
        joulery::scope s{"step"}; s.add_items(double(n), "sample");
        const std::size_t threads = team_.size();
        team_.run([&](std::size_t t) {
            const std::size_t begin = n * t / threads, end = n * (t + 1) / threads;
            fill(slices_[t], data_.train, order_, first + begin, end - begin);
            learn(slices_[t]);
        });
        joulery::scope u{"update"}; u.add_items(double(n), "sample");
        double loss = slices_.front().loss;
        for (std::size_t t = 1; t < threads; ++t) {
            loss += slices_[t].loss;
            add_gradients(slices_.front(), slices_[t]);
        }
        network_.update(slices_.front(), n, rate, momentum);
        return loss;
    }

    void learn(digits::workspace& w) const {
        {
            joulery::scope s{"forward"}; s.add_items(double(w.rows), "sample");
            network_.forward(w);
        }
        joulery::scope s{"backward"}; s.add_items(double(w.rows), "sample");
        network_.backward(w);
    }

    static void add_gradients(digits::workspace& to, const digits::workspace& from) {
        for (std::size_t k = 0; k < to.gradients.size(); ++k) {
            digits::dense& sum = to.gradients[k];
            const digits::dense& more = from.gradients[k];
            digits::add_scaled(sum.weights.data(), 1, more.weights.data(), sum.weights.size());
            digits::add_scaled(sum.bias.data(), 1, more.bias.data(), sum.bias.size());
        }
    }

    const digits::split& data_;
    std::mt19937 random_;
    worker_team team_;
    digits::network network_{{digits::pixels_per_image, 256, 128, digits::classes}, seed};
    std::vector<digits::workspace> slices_;  // one a thread
    std::vector<std::size_t> order_, test_order_;
};

int usage(const std::string& trouble) {
    std::fprintf(stderr,
                 "%s\nusage: train_digits [--epochs N] [--threads N] [--data FILE]\n"
                 "  --epochs N    times to show every training image (default 60)\n"
                 "  --threads N   threads that share each mini-batch (default 1, at most 32)\n"
                 "  --data FILE   digits.csv (default examples/data/digits.csv)\n",
                 trouble.c_str());
    return 2;
}

/// An integer from 1 to `most`; 0 if the text is anything else.
std::size_t parse_count(const char* text, long most) {
    char* end = nullptr;
    const long n = std::strtol(text, &end, 10);
    return *text != 0 && *end == 0 && n >= 1 && n <= most ? static_cast<std::size_t>(n) : 0;
}

/// Parses the command line; returns an error message.
std::string parse(int argc, char** argv, settings& out) {
    for (int i = 1; i < argc; i += 2) {
        const std::string name = argv[i];
        if (name != "--data" && name != "--epochs" && name != "--threads")
            return name + ": not an option of this program";
        if (i + 1 >= argc) return name + ": a value is missing";
        if (name == "--data") {
            out.data = argv[i + 1];
        } else if (name == "--epochs") {
            if ((out.epochs = parse_count(argv[i + 1], 100000)) == 0)
                return "--epochs: not a number from 1 to 100000: " + std::string(argv[i + 1]);
        } else if ((out.threads = parse_count(argv[i + 1], batch_size)) == 0) {
            return "--threads: not a number from 1 to 32: " + std::string(argv[i + 1]);
        }
    }
    return {};
}

}  // namespace

int main(int argc, char** argv) {
    settings chosen;
    if (argc == 2 && argv[1] == std::string("--help")) {
        usage("trains a network on handwritten digits");
        return 0;
    }
    const std::string trouble = parse(argc, argv, chosen);
    if (!trouble.empty()) return usage(trouble);
    std::string error;
    const digits::split data = digits::hold_out_fifth(digits::load(chosen.data, error), seed);
    if (!error.empty()) {
        std::fprintf(stderr, "%s\n", error.c_str());
        return 2;
    }

    std::printf("%zu images to train on, %zu held out, %zu thread%s\n", data.train.size(),
                data.test.size(), chosen.threads, chosen.threads == 1 ? "" : "s");
    trainer training(data, chosen.threads);
    double accuracy = 0;
    for (std::size_t epoch = 1; epoch <= chosen.epochs; ++epoch) {
        const double loss = training.epoch(epoch * 2 <= chosen.epochs ? 0.05f : 0.01f);
        if (epoch % 5 != 0 && epoch != chosen.epochs) continue;
        accuracy = training.evaluate();
        std::printf("epoch %3zu   loss %.4f   accuracy %.1f %%\n", epoch, loss, 100 * accuracy);
    }
    std::printf("\n%s", joulery::to_text(joulery::snapshot()).c_str());
    if (accuracy >= wanted_accuracy) return 0;
    std::fprintf(stderr, "accuracy is below %.0f %%\n", 100 * wanted_accuracy);
    return 1;
}
