// atomic_file.hpp - replaces a file so that nobody ever sees half of it.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/descriptor.hpp"
#include "joulery/detail/core/system_root.hpp"
#include "joulery/result.hpp"

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <string>
#include <string_view>
#include <utility>

#if JOULERY_POSIX()
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#if __has_include(<sys/random.h>)
#include <sys/random.h>
#endif
#endif

namespace joulery {
inline namespace v1 {

namespace detail {

inline std::string folder_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

#if JOULERY_POSIX()
/// The target of the symlinks at the end of `path`, whether that file exists or not.
[[nodiscard]] inline std::string follow_links(std::string path) {
    char to[4096];
    for (int links = 0; links < 40; ++links) {
        const ::ssize_t size = ::readlink(path.c_str(), to, sizeof to);
        if (size <= 0 || static_cast<std::size_t>(size) == sizeof to) break;
        const std::string target(to, static_cast<std::size_t>(size));
        path = target.front() == '/' ? target : folder_of(path) + '/' + target;
    }
    return path;
}

/// `path` as it leads from here, wherever the program goes later (a daemon leaves for "/").
[[nodiscard]] inline std::string from_here(const std::string& path) {
    char here[4096];
    if (path.empty() || path.front() == '/' || ::getcwd(here, sizeof here) == nullptr) return path;
    std::string_view rest = path;
    while (rest.substr(0, 2) == "./") rest.remove_prefix(2);
    return concat({here, std::string_view(here) == "/" ? "" : "/", rest});
}

/// Whether the file was written to at or after that time; times of files are a little late.
[[nodiscard]] inline bool is_written_since(const std::string& path, std::time_t when) noexcept {
    struct stat about {};
    return ::stat(path.c_str(), &about) == 0 && about.st_mtime >= when - 1;
}
#else
[[nodiscard]] inline const std::string& follow_links(const std::string& path) { return path; }
[[nodiscard]] inline const std::string& from_here(const std::string& path) { return path; }
[[nodiscard]] inline bool is_written_since(const std::string&, std::time_t) noexcept {
    return true;
}
#endif

/// As one word of a shell's command.
[[nodiscard]] inline std::string shell_word(std::string_view text) {
    std::string word = "'";
    for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return word + "'";
}

inline failure write_failure(const std::string& path, int error) {
    const std::string folder = folder_of(follow_links(path));
    std::string remedy = "name another file";
    if (error == ENOENT || error == ENOTDIR)
        remedy = concat({"create the folder: mkdir -p ", shell_word(folder)});
    if (error == ENOENT && ('/' + path).find("/~/") != std::string::npos)
        remedy = "only a shell replaces ~ by your folder: write it out";
    if (error == EACCES || error == EPERM || error == EROFS)
        remedy = concat({"name a file and a folder that you may write to: ", folder});
    bool full = error == ENOSPC;
#if defined(EDQUOT)  // Windows has no such error
    full = full || error == EDQUOT;
#endif
    if (full) remedy = concat({"free space on the disk of ", folder});
    if (error == EMFILE || error == ENFILE) remedy = "raise the limit of open files: ulimit -n";
    if (error == EISDIR) remedy = "that is a folder; name a file in it";
    std::string reason = error_text(error);
    if (error == ENXIO || error == EPIPE || error == ETIMEDOUT) {
        reason = error == ETIMEDOUT ? "a pipe that nobody reads" : "a pipe without a reader";
        remedy = "start its reader first and keep it reading, or name a file";
    }
    return {concat({"report not written to ", path, ": ", reason}), remedy};
}

#if JOULERY_POSIX()

/// Eight letters that nobody can predict.
[[nodiscard]] inline std::string random_letters() {
    std::uint64_t bits = 0;
    if (::getentropy(&bits, sizeof bits) != 0)
        bits =
            static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
    std::string letters;
    for (int i = 0; i < 8; ++i, bits >>= 5)
        letters += "abcdefghijklmnopqrstuvwxyz234567"[bits & 31];
    return letters;
}

/// One replacement of a file, from opening the old file to putting the new one in its place.
class file_replacement {
 public:
    file_replacement(const std::string& path, std::string_view bytes)
        : path_(path), bytes_(bytes) {}

    /// 0, or the errno of the failure. `lock`, if not null, receives the new file, locked.
    int run(descriptor* lock) {
        // If another process replaces the file at the same time, start again.
        int error = EAGAIN;
        for (int tries = 0; tries < 10 && error == EAGAIN; ++tries) {
            error = open_old();
            if (error != 0) break;
            if (old_.is_open() && !S_ISREG(about_.st_mode)) return write_all(old_.get(), bytes_);
            error = replace(lock);
        }
        return error;
    }

 private:
    // Lets the kernel decide whether the file may be written and its links followed.
    int open_old() {
        constexpr int how = O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
        target_ = follow_links(path_);
        old_ = descriptor(::open(path_.c_str(), how));
        if (!old_.is_open() && errno == ENOENT && target_ != path_)
            old_ = descriptor(::open(path_.c_str(), how | O_CREAT, mode_t{0666}));
        if (!old_.is_open()) return errno == ENOENT ? 0 : errno;
        return ::fstat(old_.get(), &about_) == 0 ? 0 : errno;
    }

    int replace(descriptor* lock) {
        descriptor made;
        int error = create_temporary(made);
        if (error != 0) return may_not(error) && old_.is_open() ? overwrite() : error;
        error = write_all(made.get(), bytes_);
        if (error == 0) error = descriptor(::dup(made.get())).close();  // some disks fail only here
        if (error == 0 && old_.is_open()) error = check_old();
        const bool kept = error != 0 || !old_.is_open() || keep_owner_and_mode(made.get());
        if (error == 0 && kept && lock != nullptr) (void)::flock(made.get(), LOCK_EX | LOCK_NB);
        if (error == 0 && kept && ::rename(temporary_.c_str(), target_.c_str()) != 0) error = errno;
        if (error == 0 && kept) {
            if (lock != nullptr) *lock = std::move(made);
            return 0;
        }
        ::unlink(temporary_.c_str());
        const bool in_place = old_.is_open() && (error == 0 || may_not(error));
        return in_place ? overwrite() : error;
    }

    // The folder can't be changed, or something is mounted on the file: write the file itself.
    static bool may_not(int error) noexcept {
        return error == EACCES || error == EPERM || error == EROFS || error == EBUSY;
    }

    // Whether the opened file is still the one at `path`.
    [[nodiscard]] int check_old() const noexcept {
        struct stat now {};
        if (::lstat(target_.c_str(), &now) != 0) return EAGAIN;
        return now.st_ino == about_.st_ino && now.st_dev == about_.st_dev ? 0 : EAGAIN;
    }

    // In the same folder, because a rename works only there.
    int create_temporary(descriptor& made) {
        const std::size_t slash = target_.rfind('/');
        const std::string name = target_.substr(slash == std::string::npos ? 0 : slash + 1, 200);
        const mode_t mode = old_.is_open() ? 0600 : 0666;
        for (int tries = 0; tries < 100; ++tries) {
            temporary_ = concat({folder_of(target_), "/.", name, ".", random_letters()});
            made = descriptor(
                ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
            if (made.is_open()) return 0;
            if (errno != EEXIST) return errno;
        }
        return EEXIST;
    }

    [[nodiscard]] bool keep_owner_and_mode(int made) const noexcept {
        struct stat now {};
        if (::fstat(made, &now) != 0) return false;
        const bool same = now.st_uid == about_.st_uid && now.st_gid == about_.st_gid;
        if (!same && ::fchown(made, about_.st_uid, about_.st_gid) != 0) return false;
        return ::fchmod(made, about_.st_mode & 0777) == 0;
    }

    int overwrite() noexcept {
        if (::ftruncate(old_.get(), 0) != 0) return errno;
        const int error = write_all(old_.get(), bytes_);
        return error != 0 ? error : old_.close();
    }

    const std::string& path_;
    const std::string_view bytes_;
    descriptor old_;
    struct stat about_ {};
    std::string target_, temporary_;
};

/// Whether it is written to directly: a pipe, a device.
[[nodiscard]] inline bool is_special_file(const std::string& path) noexcept {
    struct stat there {};
    return ::stat(path.c_str(), &there) == 0 && !S_ISREG(there.st_mode);
}

#else

/// Not atomic: a reader may see a part of the file. 0, or errno.
[[nodiscard]] inline int overwrite_file(const std::string& path, std::string_view bytes) {
    std::FILE* file = std::fopen(path.c_str(), "wb");
    if (file == nullptr) return errno;
    const bool whole = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
    const int error = errno;
    return std::fclose(file) == 0 && whole ? 0 : (error != 0 ? error : EIO);
}
[[nodiscard]] inline bool is_special_file(const std::string&) noexcept { return false; }

#endif

}  // namespace detail

/// Replaces the file `path` by `bytes`: writes a file next to it under an unpredictable name and
/// renames it, so that a reader (a scraper, another rank) sees either the old file or the new one.
/// Mode and owner are kept; for a symlink the target is replaced. A file whose owner can't be kept,
/// or that can't be renamed (a container's mount), is overwritten in place, so that a reader may
/// see a part of it. Anything but a regular file (a pipe) is written to directly.
///
/// Thread: any. Cost: a few system calls and the disk; at most two seconds of waiting for a pipe.
/// Fails: the reason names the file and the system's error; the old file is unchanged.
///
///     if (auto done = replace_file("run.json", text); !done) complain(done.error());
inline result<std::size_t> replace_file(const std::string& path, std::string_view bytes) {
#if JOULERY_POSIX()
    const int error = detail::file_replacement(path, bytes).run(nullptr);
#else
    const int error = detail::overwrite_file(path, bytes);
#endif
    if (error != 0) return detail::write_failure(path, error);
    return bytes.size();
}

}  // namespace v1
}  // namespace joulery
