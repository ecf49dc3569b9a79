// digits_network.hpp - a small fully connected network: forward, backward, update.
// Plain C++17, no joulery in it. SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace digits {

/// Sum of a[i] * b[i]. Eight partial sums: the compiler may then use vector registers without
/// being allowed to reorder floating-point sums.
inline float dot(const float* a, const float* b, std::size_t n) {
    float lanes[8] = {};
    std::size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (std::size_t lane = 0; lane < 8; ++lane) lanes[lane] += a[i + lane] * b[i + lane];
    float sum = 0;
    for (; i < n; ++i) sum += a[i] * b[i];
    for (float lane : lanes) sum += lane;
    return sum;
}

/// y[i] += k * x[i].
inline void add_scaled(float* y, float k, const float* x, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) y[i] += k * x[i];
}

/// The numbers of one fully connected layer: its weights, or their gradients or velocities.
struct dense {
    dense(std::size_t inputs_, std::size_t outputs_)
        : inputs(inputs_), outputs(outputs_), weights(inputs_ * outputs_), bias(outputs_) {}

    float* row(std::size_t output) { return weights.data() + output * inputs; }
    const float* row(std::size_t output) const { return weights.data() + output * inputs; }

    std::size_t inputs, outputs;
    std::vector<float> weights;  // one row of `inputs` values an output
    std::vector<float> bias;
};

/// What one thread needs to run the network on a batch: values and errors of every layer.
struct workspace {
    std::vector<std::vector<float>> values;  // [0] the inputs, [k] the outputs of layer k-1
    std::vector<std::vector<float>> errors;  // d loss / d values before the activation
    std::vector<dense> gradients;            // summed over the batch
    std::vector<std::uint8_t> labels;
    std::size_t rows = 0;  // images in the batch
    double loss = 0;       // cross entropy summed over the batch
};

/// Layers with ReLU between them and a softmax at the end.
class network {
 public:
    /// `widths` from the inputs to the classes: {64, 128, 64, 10}. The weights start random
    /// (uniform, variance 2 / inputs: K. He et al., "Delving deep into rectifiers", 2015).
    network(const std::vector<std::size_t>& widths, std::uint32_t seed) {
        std::mt19937 random(seed);
        for (std::size_t k = 0; k + 1 < widths.size(); ++k) {
            dense layer(widths[k], widths[k + 1]);
            const float bound = std::sqrt(6.0f / static_cast<float>(layer.inputs));
            for (float& w : layer.weights)
                w = bound * (static_cast<float>(random()) / 2147483648.0f - 1.0f);
            speeds_.emplace_back(layer.inputs, layer.outputs);
            layers_.push_back(std::move(layer));
        }
    }

    const std::vector<dense>& layers() const { return layers_; }

    /// Room for batches of up to `rows` images.
    workspace make_workspace(std::size_t rows) const {
        workspace w;
        w.labels.resize(rows);
        w.values.emplace_back(rows * layers_.front().inputs);
        for (const dense& layer : layers_) {
            w.values.emplace_back(rows * layer.outputs);
            w.errors.emplace_back(rows * layer.outputs);
            w.gradients.emplace_back(layer.inputs, layer.outputs);
        }
        return w;
    }

    /// From w.values.front() to the classes' probabilities in w.values.back().
    void forward(workspace& w) const {
        for (std::size_t k = 0; k < layers_.size(); ++k) {
            const dense& layer = layers_[k];
            const bool last = k + 1 == layers_.size();
            for (std::size_t r = 0; r < w.rows; ++r) {
                const float* in = w.values[k].data() + r * layer.inputs;
                float* out = w.values[k + 1].data() + r * layer.outputs;
                for (std::size_t o = 0; o < layer.outputs; ++o) {
                    const float sum = layer.bias[o] + dot(layer.row(o), in, layer.inputs);
                    out[o] = last ? sum : std::max(sum, 0.0f);
                }
                if (last) softmax(out, layer.outputs);
            }
        }
    }

    /// After forward: the loss against w.labels, and its gradients, in `w`.
    void backward(workspace& w) const {
        output_errors(w);
        for (std::size_t k = layers_.size(); k-- > 0;) {
            layer_gradients(k, w);
            if (k > 0) layer_errors(k, w);
        }
    }

    /// Stochastic gradient descent with momentum, by the mean gradient of `rows` images.
    void update(const workspace& w, std::size_t rows, float rate, float momentum) {
        const float step = rate / static_cast<float>(rows);
        const auto descend = [=](std::vector<float>& at, std::vector<float>& speed,
                                 const std::vector<float>& gradient) {
            for (std::size_t i = 0; i < at.size(); ++i) {
                speed[i] = momentum * speed[i] - step * gradient[i];
                at[i] += speed[i];
            }
        };
        for (std::size_t k = 0; k < layers_.size(); ++k) {
            descend(layers_[k].weights, speeds_[k].weights, w.gradients[k].weights);
            descend(layers_[k].bias, speeds_[k].bias, w.gradients[k].bias);
        }
    }

 private:
    static void softmax(float* x, std::size_t n) {
        const float top = *std::max_element(x, x + n);
        float sum = 0;
        for (std::size_t i = 0; i < n; ++i) sum += x[i] = std::exp(x[i] - top);
        for (std::size_t i = 0; i < n; ++i) x[i] /= sum;
    }

    /// Softmax with cross entropy: the error is the probability, less 1 for the right class.
    static void output_errors(workspace& w) {
        const std::vector<float>& probabilities = w.values.back();
        const std::size_t n = probabilities.size() / w.labels.size();
        std::copy_n(probabilities.begin(), w.rows * n, w.errors.back().begin());
        w.loss = 0;
        for (std::size_t r = 0; r < w.rows; ++r) {
            const std::size_t right = r * n + w.labels[r];
            w.loss -= std::log(std::max(probabilities[right], 1e-30f));
            w.errors.back()[right] -= 1.0f;
        }
    }

    void layer_gradients(std::size_t k, workspace& w) const {
        dense& gradient = w.gradients[k];
        std::fill(gradient.weights.begin(), gradient.weights.end(), 0.0f);
        std::fill(gradient.bias.begin(), gradient.bias.end(), 0.0f);
        for (std::size_t r = 0; r < w.rows; ++r) {
            const float* in = w.values[k].data() + r * gradient.inputs;
            const float* error = w.errors[k].data() + r * gradient.outputs;
            add_scaled(gradient.bias.data(), 1.0f, error, gradient.outputs);
            for (std::size_t o = 0; o < gradient.outputs; ++o)
                add_scaled(gradient.row(o), error[o], in, gradient.inputs);
        }
    }

    /// Errors of layer k - 1 from those of layer k; ReLU passes none where it gave 0.
    void layer_errors(std::size_t k, workspace& w) const {
        const dense& layer = layers_[k];
        for (std::size_t r = 0; r < w.rows; ++r) {
            const float* from = w.errors[k].data() + r * layer.outputs;
            const float* value = w.values[k].data() + r * layer.inputs;
            float* to = w.errors[k - 1].data() + r * layer.inputs;
            std::fill_n(to, layer.inputs, 0.0f);
            for (std::size_t o = 0; o < layer.outputs; ++o)
                add_scaled(to, from[o], layer.row(o), layer.inputs);
            for (std::size_t i = 0; i < layer.inputs; ++i)
                if (value[i] <= 0) to[i] = 0;
        }
    }

    std::vector<dense> layers_;
    std::vector<dense> speeds_;  // of the momentum
};

/// The class with the highest value in row `r` of the last layer.
inline std::size_t predicted(const workspace& w, std::size_t r) {
    const std::size_t n = w.values.back().size() / w.labels.size();
    const float* row = w.values.back().data() + r * n;
    return static_cast<std::size_t>(std::max_element(row, row + n) - row);
}

}  // namespace digits
