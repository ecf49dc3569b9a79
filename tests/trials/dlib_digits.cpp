// dlib_digits.cpp - dlib's introduction to deep networks (LeNet, dnn_introduction_ex.cpp), on
// made-up digits. Lines with "joulery" are what measuring it added; trials.py takes them out again.
#include <joulery/joulery.hpp>

#include <dlib/dnn.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

using image = dlib::matrix<unsigned char>;
// clang-format off
using net_type = dlib::loss_multiclass_log<
    dlib::fc<10, dlib::relu<dlib::fc<84, dlib::relu<dlib::fc<120,
    dlib::max_pool<2, 2, 2, 2, dlib::relu<dlib::con<16, 5, 5, 1, 1,
    dlib::max_pool<2, 2, 2, 2, dlib::relu<dlib::con<6, 5, 5, 1, 1,
    dlib::input<image>>>>>>>>>>>>>;
// clang-format on

double seconds_now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

// A bright bar whose angle is the label, with noise.
void make_digits(std::size_t n, std::vector<image>& images, std::vector<unsigned long>& labels) {
    std::mt19937 random(5);
    for (std::size_t i = 0; i < n; ++i) {
        const unsigned long label = random() % 10;
        image m(28, 28);
        for (long r = 0; r < 28; ++r)
            for (long c = 0; c < 28; ++c) {
                const double angle = 3.1415927 * static_cast<double>(label) / 10;
                const double off = std::sin(angle) * static_cast<double>(r - 14) +
                                   std::cos(angle) * static_cast<double>(c - 14);
                const bool lit = std::abs(off) < 2;
                m(r, c) = static_cast<unsigned char>((lit ? 160 : 0) + random() % 90);
            }
        images.push_back(m);
        labels.push_back(label);
    }
}

int main(int argc, char** argv) {
    const int steps = argc > 1 ? std::atoi(argv[1]) : 60;
    std::vector<image> images;
    std::vector<unsigned long> labels;
    double spent[3] = {};
    double at = seconds_now();
    const double begun = at;
    const auto lap = [&](int phase) {
        const double now = seconds_now();
        spent[phase] += now - at;
        at = now;
    };
    {
        joulery::scope s{"make"};
        make_digits(4000, images, labels);
    }
    lap(0);
    net_type net;
    dlib::dnn_trainer<net_type> trainer(net);
    trainer.set_learning_rate(0.01);
    std::mt19937 random(9);
    at = seconds_now();
    for (int i = 0; i < steps; ++i) {
        joulery::scope step{"step"};
        step.add_items(64, "image");  // joulery
        std::vector<image> batch;
        std::vector<unsigned long> wanted;
        {
            joulery::scope s{"batch"};
            for (int k = 0; k < 64; ++k) {
                const std::size_t at_image = random() % images.size();
                batch.push_back(images[at_image]);
                wanted.push_back(labels[at_image]);
            }
        }
        joulery::scope s{"train"};
        trainer.train_one_step(batch, wanted);
        trainer.get_net();  // waits for the thread that trains
    }
    lap(1);
    net.clean();
    at = seconds_now();
    std::size_t right = 0;
    {
        joulery::scope s{"test"};
        s.add_items(2000, "image");  // joulery
        const std::vector<unsigned long> said =
            net(std::vector<image>(images.begin(), images.begin() + 2000));
        for (std::size_t i = 0; i < said.size(); ++i) right += said[i] == labels[i] ? 1 : 0;
    }
    lap(2);
    std::printf("accuracy %.3f\nphase make %.6f\nphase step %.6f\nphase test %.6f\ntotal %.6f\n",
                static_cast<double>(right) / 2000, spent[0], spent[1], spent[2],
                seconds_now() - begun);
}
