// The one instruction of the answer path that Swift has no word for.
#pragma once

// Begins to load the memory at an address, which need not be valid, into the cache. Has no other effect.
static inline void prefetch(const void *address) {
    __builtin_prefetch(address, 0, 3);
}
