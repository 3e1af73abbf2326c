// What the Swift runtime and the kernel offer and Swift cannot name. Header-only.
#ifndef CHOST_H
#define CHOST_H

#include <stddef.h>
#include <stdint.h>

/// The runtime's own demangler: a text that the caller frees, or NULL when `name` is no mangled name. `flags` must be 0.
extern char *swift_demangle(const char *name, size_t length, char *buffer, size_t *bufferSize, uint32_t flags);

#if defined(__linux__)
#include <sys/timex.h>

/// 1: the kernel's clock is kept right from outside (NTP, PTP); 0: it is not; -1: that cannot be asked here.
static inline int chost_clock_is_kept(void) {
    struct timex reading = {0};
    if (adjtimex(&reading) < 0) return -1;
    return (reading.status & STA_UNSYNC) ? 0 : 1;
}
#else
static inline int chost_clock_is_kept(void) { return -1; }
#endif
#endif
