// train_synthetic.cpp - joules by layer of a libtorch training loop, on made-up images of MNIST's
// size. SPDX-License-Identifier: MIT
//
//     g++ -std=c++17 -O2 -I include -I /usr/include/torch/csrc/api/include \
//         examples/torch/train_synthetic.cpp -o train -ltorch -ltorch_cpu -lc10 -pthread -ldl
#define JOULERY_IMPLEMENTATION
#include <joulery/joulery.hpp>

#include <joulery/integration/torch.hpp>

#include <torch/torch.h>

#include <cstdio>
#include <cstdlib>

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
    const joulery::torch_observer observed;  // inside the layers: operators
    float last = 0;
    for (int i = 0; i < steps; ++i) {
        joulery::scope step{"step"};
        optimizer.zero_grad();
        torch::Tensor loss;
        {
            joulery::scope s{"forward"};
            loss = torch::cross_entropy_loss(net.forward(images), labels);
        }
        {
            joulery::scope s{"backward"};
            loss.backward();
        }
        {
            joulery::scope s{"optimizer"};
            optimizer.step();
        }
        last = loss.item<float>();
        step.add_items(64, "image");
    }
    std::printf("loss %.3f\n\n%s", static_cast<double>(last), to_text(joulery::snapshot()).c_str());
}
