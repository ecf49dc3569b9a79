// other_version.cpp - a plug-in that claims another version of the library.
extern "C" {
extern const unsigned other_version_entries[16];
const unsigned other_version_entries[16] = {0xffffffff};
}

__asm__(
    ".pushsection .note.joulery,\"a\",%note\n"
    ".balign 4\n"
    ".long 8, 4, 1\n"
    ".asciz \"joulery\"\n"
    ".long other_version_entries - .\n"
    ".popsection\n");
