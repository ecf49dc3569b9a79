// The source file for which precompiled.hpp is precompiled.
