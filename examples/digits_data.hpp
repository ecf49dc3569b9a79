// digits_data.hpp - the 8x8 handwritten digits of data/digits.csv, split to train and to test.
// Plain C++17, no joulery in it. SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace digits {

inline constexpr std::size_t pixels_per_image = 64;
inline constexpr std::size_t classes = 10;

/// Images, one after another, and the digit that each one shows.
struct dataset {
    std::vector<float> pixels;         // pixels_per_image values an image, 0 (paper) to 1 (ink)
    std::vector<std::uint8_t> labels;  // 0..9

    std::size_t size() const { return labels.size(); }
    const float* image(std::size_t i) const { return pixels.data() + i * pixels_per_image; }
    void add(const float* image, std::uint8_t label) {
        pixels.insert(pixels.end(), image, image + pixels_per_image);
        labels.push_back(label);
    }
};

/// Below `n`; the same sequence with every standard library (std::shuffle differs between them).
inline std::size_t random_below(std::mt19937& random, std::size_t n) {
    return static_cast<std::size_t>((std::uint64_t{random()} * n) >> 32);
}

inline void shuffle(std::vector<std::size_t>& order, std::mt19937& random) {
    for (std::size_t i = order.size(); i > 1; --i)
        std::swap(order[i - 1], order[random_below(random, i)]);
}

/// Parses a line of 64 pixels and a digit; false for anything else.
inline bool parse_line(const std::string& line, dataset& out) {
    std::istringstream in(line);
    float image[pixels_per_image];
    int value = 0;
    char comma = 0;
    for (float& pixel : image) {
        if (!(in >> value >> comma) || comma != ',' || value < 0 || value > 16) return false;
        pixel = static_cast<float>(value) / 16.0f;
    }
    if (!(in >> value) || value < 0 || value >= static_cast<int>(classes)) return false;
    out.add(image, static_cast<std::uint8_t>(value));
    return true;
}

/// Reads the file; on failure the set is empty and `error` says what is wrong and where.
inline dataset load(const std::string& path, std::string& error) {
    dataset all;
    std::ifstream file(path);
    if (!file) {
        error = path + ": can't be opened; name the file with --data FILE";
        return all;
    }
    std::string line;
    for (std::size_t number = 1; std::getline(file, line); ++number) {
        if (line.empty() || parse_line(line, all)) continue;
        error = path + ":" + std::to_string(number) + ": not 64 pixels (0..16) and a digit";
        return {};
    }
    if (all.size() < 10) {
        error = path + ": too few images to train on";
        return {};
    }
    return all;
}

struct split {
    dataset train, test;
};

/// A seeded shuffle assigns four fifths of the images to training and one fifth to testing.
inline split hold_out_fifth(const dataset& all, std::uint32_t seed) {
    std::vector<std::size_t> order(all.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::mt19937 random(seed);
    shuffle(order, random);
    split s;
    const std::size_t held_out = all.size() / 5;
    for (std::size_t i = 0; i < order.size(); ++i)
        (i < held_out ? s.test : s.train).add(all.image(order[i]), all.labels[order[i]]);
    return s;
}

}  // namespace digits
