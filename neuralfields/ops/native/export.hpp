// Functions with a plain C interface, seen from outside of the library.
#pragma once

#define NF_EXPORT extern "C" __attribute__((visibility("default")))
