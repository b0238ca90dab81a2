// Counts what one thread asks of the allocator and of Swift's reference counting.
#pragma once
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint64_t allocations;
    uint64_t references;
} allocation_counts;

// False in builds with an address or thread sanitizer, which brings its own allocator.
bool allocation_counter_is_available(void);

// Begins counting on the calling thread, from zero.
void allocation_counter_start(void);

// Ends counting on the calling thread.
allocation_counts allocation_counter_stop(void);
