// ledger.hpp - a file to which every run adds its line, and that nobody rewrites.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/accounting/ledger_entry.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/result.hpp"

#include <cstddef>
#include <string>

namespace joulery {
inline namespace v1 {

/// Adds one line to a ledger, creating it where there is none. What the file holds already is never
/// changed: a line that an earlier writer left unfinished is ended, and stays for readers to skip.
///
/// Thread: any thread, any process; writers wait for each other (flock), ten seconds at most.
/// Fails:  the reason names the file and what the system said; so do a symlink and what is no
///         regular file. A full disk may leave an unfinished line; the next writer ends it.
///
///     if (auto done = append_to_ledger("energy.jsonl", *entry); !done) complain(done.error());
JOULERY_DECL result<std::size_t> append_to_ledger(const std::string& path,
                                                  const ledger_entry& entry);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/core/shared_file.hpp"
#include "joulery/detail/core/concat.hpp"
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
        reason = "it is a symlink", remedy = "name the file that it leads to";
    if (file.error() == EINVAL) reason = "it is no regular file", remedy = "name a file";
    if (file.error() == ETIMEDOUT) {
        reason = "another process keeps it locked";
        remedy = concat({"see which one: lsof ", path});
    }
    return failure{concat({"ledger ", path, " not written: ", reason}), remedy};
#else
    (void)entry;
    return failure{concat({"ledger ", path, " not written: this system has no file locks we know"}),
                   "keep the run's report.json instead"};
#endif
}

}  // namespace v1
}  // namespace joulery

#endif
