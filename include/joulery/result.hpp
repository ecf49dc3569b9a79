// result.hpp - a value, or the reason why it is missing and the remedy.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"

#include <optional>
#include <string>
#include <utility>

namespace joulery {
inline namespace v1 {

/// Why something failed, and the command that would fix it (least privilege first).
struct failure {
    std::string
        reason;  ///< begins with the name: "/sys/class/powercap/intel-rapl:0/energy_uj: ..."
    std::string remedy;  ///< an exact command or setting; empty if nothing helps
};

/// Success or a `failure`.
///
///     if (status s = write_report(r, "run.json"); !s) std::cerr << s.error().reason << '\n';
class [[nodiscard]] status {
 public:
    status() = default;                                ///< success
    status(failure why) : failure_(std::move(why)) {}  // NOLINT: implicit on purpose

    explicit operator bool() const noexcept { return !failure_.has_value(); }
    [[nodiscard]] const failure& error() const noexcept { return *failure_; }

 private:
    std::optional<failure> failure_;
};

/// A value or a `failure`; used instead of exceptions, which the library never throws.
///
///     result<std::unique_ptr<backend>> r = open_rapl_powercap({});
///     if (!r) std::cerr << r.error().reason << "; try: " << r.error().remedy << '\n';
template <class T>
class [[nodiscard]] result {
 public:
    result(T value) : value_(std::move(value)) {}      // NOLINT: implicit on purpose
    result(failure why) : failure_(std::move(why)) {}  // NOLINT: implicit on purpose

    explicit operator bool() const noexcept { return value_.has_value(); }
    T& operator*() & noexcept { return *value_; }
    const T& operator*() const& noexcept { return *value_; }
    T&& operator*() && noexcept { return *std::move(value_); }
    T* operator->() noexcept { return &*value_; }
    const T* operator->() const noexcept { return &*value_; }
    [[nodiscard]] const failure& error() const noexcept { return failure_; }

 private:
    std::optional<T> value_;
    failure failure_;
};

}  // namespace v1
}  // namespace joulery
