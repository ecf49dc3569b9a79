// torch_digits.cpp - a small convolutional network with libtorch, on made-up images of MNIST's
// size. Lines with "joulery" are what measuring it added; trials.py takes them out again.
#include <joulery/joulery.hpp>

#include <torch/torch.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

double seconds_now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

struct network : torch::nn::Module {
    network()
        : convolution(register_module(
              "convolution", torch::nn::Conv2d(torch::nn::Conv2dOptions(1, 16, 3).padding(1)))),
          hidden(register_module("hidden", torch::nn::Linear(16 * 14 * 14, 128))),
          output(register_module("output", torch::nn::Linear(128, 10))) {}
    torch::Tensor forward(torch::Tensor x) {
        {
            joulery::scope s{"convolution"};
            x = torch::max_pool2d(torch::relu(convolution->forward(x)), 2);
        }
        {
            joulery::scope s{"hidden"};
            x = torch::relu(hidden->forward(x.flatten(1)));
        }
        joulery::scope s{"output"};
        return output->forward(x);
    }
    torch::nn::Conv2d convolution;
    torch::nn::Linear hidden, output;
};

int main(int argc, char** argv) {
    const int steps = argc > 1 ? std::atoi(argv[1]) : 50;
    torch::manual_seed(1);
    network net;
    torch::optim::SGD optimizer(net.parameters(), 0.05);
    const torch::Tensor images = torch::rand({64, 1, 28, 28});
    const torch::Tensor labels = torch::randint(0, 10, {64});
    double spent[3] = {};
    float last = 0;
    const double begun = seconds_now();
    for (int i = 0; i < steps; ++i) {
        joulery::scope step{"step"};
        step.add_items(64, "image");  // joulery
        double at = seconds_now();
        const auto lap = [&](int phase) {
            const double now = seconds_now();
            spent[phase] += now - at;
            at = now;
        };
        optimizer.zero_grad();
        torch::Tensor loss;
        at = seconds_now();
        {
            joulery::scope s{"forward"};
            loss = torch::cross_entropy_loss(net.forward(images), labels);
        }
        lap(0);
        {
            joulery::scope s{"backward"};
            loss.backward();
        }
        lap(1);
        {
            joulery::scope s{"optimizer"};
            optimizer.step();
        }
        lap(2);
        last = loss.item<float>();
    }
    std::printf(
        "loss %.3f\nphase step/forward %.6f\nphase step/backward %.6f\n"
        "phase step/optimizer %.6f\ntotal %.6f\n",
        static_cast<double>(last), spent[0], spent[1], spent[2], seconds_now() - begun);
}
