// A terminal with the test on the other side.
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <string>

namespace engine_test {

class pseudo_terminal {
 public:
    explicit pseudo_terminal(unsigned short columns) {
        screen_ = ::posix_openpt(O_RDWR | O_NOCTTY);
        if (screen_ < 0 || ::grantpt(screen_) != 0 || ::unlockpt(screen_) != 0) return;
        const char* name = ::ptsname(screen_);
        program_ = name != nullptr ? ::open(name, O_RDWR | O_NOCTTY) : -1;
        if (program_ < 0) return;
        struct winsize size {};
        size.ws_row = 24;
        size.ws_col = columns;
        ::ioctl(program_, TIOCSWINSZ, &size);
    }
    pseudo_terminal(const pseudo_terminal&) = delete;
    pseudo_terminal& operator=(const pseudo_terminal&) = delete;
    ~pseudo_terminal() {
        if (program_ >= 0) ::close(program_);
        if (screen_ >= 0) ::close(screen_);
    }

    [[nodiscard]] bool is_there() const { return program_ >= 0; }
    /// The side that a program writes to.
    [[nodiscard]] int program() const { return program_; }
    /// The output so far, once it contains `part`.
    std::string read_until(const std::string& part) {
        while (seen_.find(part) == std::string::npos) {
            char text[512];
            const auto n = ::read(screen_, text, sizeof text);
            if (n <= 0) break;
            seen_.append(text, static_cast<std::size_t>(n));
        }
        return seen_;
    }

 private:
    int screen_ = -1;
    int program_ = -1;
    std::string seen_;
};

}  // namespace engine_test
