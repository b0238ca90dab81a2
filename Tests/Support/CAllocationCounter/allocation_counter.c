#define _GNU_SOURCE
#include "CAllocationCounter.h"

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define AVAILABLE false
#else
#define AVAILABLE true
#endif

// Names that the linker finds here before it finds them in libc, so that every allocation of the process comes by. What they
// stand for is reached by glibc's second names. Thread-local storage of the initial-exec model is there before any
// allocation and makes none.
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

#define THREAD static _Thread_local __attribute__((tls_model("initial-exec")))
THREAD bool counting;
THREAD allocation_counts counts;

#if AVAILABLE
static void count_allocation(void) {
    if (counting) counts.allocations++;
}

void *malloc(size_t size) {
    count_allocation();
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    count_allocation();
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
    count_allocation();
    return __libc_realloc(memory, size);
}

void *memalign(size_t alignment, size_t size) {
    count_allocation();
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    count_allocation();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    count_allocation();
    void *aligned = __libc_memalign(alignment, size);
    if (!aligned) return ENOMEM;
    *memory = aligned;
    return 0;
}
#endif

// The code under test is part of this executable and so calls these. Whichever convention the compiler and the runtime have
// agreed on for them, `preserve_most` keeps what the caller may rely on.
#define COUNTING __attribute__((preserve_most))

static void *(*retain)(void *);
static void *(*retain_n)(void *, uint32_t);
static void (*release)(void *);
static void (*release_n)(void *, uint32_t);

// The runtime's functions behind those below; found at the first call, which libraries make before this file's constructors
// would run. Threads may find them twice, with the same result.
static void find_runtime(void) {
    retain_n = dlsym(RTLD_NEXT, "swift_retain_n");
    release = dlsym(RTLD_NEXT, "swift_release");
    release_n = dlsym(RTLD_NEXT, "swift_release_n");
    retain = dlsym(RTLD_NEXT, "swift_retain");
}

static void count_reference(void) {
    if (!retain || !retain_n || !release || !release_n) find_runtime();
    if (counting) counts.references++;
}

COUNTING void *swift_retain(void *object) {
    count_reference();
    return retain(object);
}

COUNTING void *swift_retain_n(void *object, uint32_t n) {
    count_reference();
    return retain_n(object, n);
}

COUNTING void swift_release(void *object) {
    count_reference();
    release(object);
}

COUNTING void swift_release_n(void *object, uint32_t n) {
    count_reference();
    release_n(object, n);
}

bool allocation_counter_is_available(void) {
    return AVAILABLE;
}

void allocation_counter_start(void) {
    counts = (allocation_counts){0, 0};
    counting = true;
}

allocation_counts allocation_counter_stop(void) {
    counting = false;
    return counts;
}
