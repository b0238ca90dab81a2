// Counts what one thread asks of the allocator and of Swift's reference counting.
#pragma once
#include <stdint.h>

typedef struct {
    uint64_t allocations;
    uint64_t references;
} allocation_counts;

// Begins counting on the calling thread, from zero.
void allocation_counter_start(void);

// Ends counting on the calling thread.
allocation_counts allocation_counter_stop(void);
