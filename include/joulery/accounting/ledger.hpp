// ledger.hpp - a file to which every run appends one line.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/accounting/ledger_entry.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/result.hpp"

#include <cstddef>
#include <string>

namespace joulery {
inline namespace v1 {

/// Appends one line to a ledger, creating the file if needed. Existing content never changes: a
/// line that an earlier writer left unfinished is terminated, and readers skip it.
///
/// Thread: any thread, any process; writers wait for each other (flock), ten seconds at most.
/// Fails:  the reason names the file and the system's error; symlinks and special files are
///         refused. A full disk may leave an unfinished line, which the next writer terminates.
///
///     if (auto done = append_to_ledger("energy.jsonl", *entry); !done) complain(done.error());
JOULERY_DECL result<std::size_t> append_to_ledger(const std::string& path,
                                                  const ledger_entry& entry);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/shared_file.hpp"
#include "joulery/detail/core/system_root.hpp"

#include <cerrno>

namespace joulery {
inline namespace v1 {

JOULERY_DECL result<std::size_t> append_to_ledger(const std::string& path,
                                                  const ledger_entry& entry) {
#if JOULERY_POSIX()
    std::string line = concat({to_json_line(entry), "\n"});
    detail::locked_file file(path);
    if (file.error() == 0 && file.torn()) line.insert(line.begin(), '\n');
    if (file.error() == 0) file.append(line);
    if (file.error() == 0) return line.size();
    std::string reason = error_text(file.error());
    std::string remedy = "name a file in a folder that exists and that you may write to";
    if (file.error() == ELOOP)
        reason = "it is a symlink", remedy = "name the file that it points to";
    if (file.error() == EINVAL) reason = "it is not a regular file", remedy = "name a file";
    if (file.error() == ETIMEDOUT) {
        reason = "another process keeps it locked";
        remedy = concat({"see which one: lsof ", path});
    }
    return failure{concat({"ledger ", path, " not written: ", reason}), remedy};
#else
    (void)entry;
    return failure{
        concat({"ledger ", path, " not written: no known kind of file lock on this system"}),
        "keep the run's report.json instead"};
#endif
}

}  // namespace v1
}  // namespace joulery

#endif
