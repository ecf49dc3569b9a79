// tests/external/pages.cpp - writes the reports of pages.hpp, for a browser to open.
//
//     pages FOLDER     full.html, gpu_node.html and so on, and the same in .json and .txt
#include "external/pages.hpp"
#include "joulery/report_io.hpp"

#include <cstdio>
#include <string>

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    const std::pair<const char*, joulery::report> all[] = {{"full", sample::full()},
                                                           {"gpu_node", pages::gpu_node()},
                                                           {"nothing", pages::nothing()},
                                                           {"many_scopes", pages::many_scopes()}};
    bool good = true;
    for (const auto& [name, r] : all)
        for (const char* ending : {".html", ".json", ".txt"}) {
            const auto done = write_report(r, std::string(argv[1]) + "/" + name + ending);
            if (!done) std::printf("FAILED: %s\n", done.error().reason.c_str());
            good = good && done;
        }
    return good ? 0 : 1;
}
