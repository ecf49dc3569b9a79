// The file whose headers are precompiled.
