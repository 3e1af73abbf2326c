// The only C in the engine: calls Swift's Glibc overlay cannot name. Header-only.
#ifndef COSSHIM_H
#define COSSHIM_H

/// Brings the cache line at `address` near, for writing. Any address may be given.
static inline void cos_prefetch(const void *address) { __builtin_prefetch(address, 1, 3); }

#if defined(__linux__)
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <stdint.h>

/// A non-blocking eventfd counter, or -1 with errno set.
static inline int cos_wake_fd_create(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

/// Adds one to the counter: a thread waiting on it returns.
static inline void cos_wake_fd_signal(int fd) {
    uint64_t one = 1;
    ssize_t ignored = write(fd, &one, sizeof one);
    (void)ignored;
}

/// Waits until signalled or `timeout_micros` have passed, then clears the counter.
static inline void cos_wake_fd_wait(int fd, int64_t timeout_micros) {
    struct pollfd p = {.fd = fd, .events = POLLIN, .revents = 0};
    struct timespec t = {.tv_sec = timeout_micros / 1000000, .tv_nsec = (timeout_micros % 1000000) * 1000};
    if (ppoll(&p, 1, &t, 0) > 0) {
        uint64_t count;
        ssize_t ignored = read(fd, &count, sizeof count);
        (void)ignored;
    }
}
#else
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>
#include <stdint.h>

// A pipe would need two descriptors; Darwin has no eventfd, so waiting there is a bounded poll.
static inline int cos_wake_fd_create(void) { return -1; }
static inline void cos_wake_fd_signal(int fd) { (void)fd; }
static inline void cos_wake_fd_wait(int fd, int64_t timeout_micros) {
    (void)fd;
    usleep(timeout_micros > 500 ? 500 : (useconds_t)timeout_micros);
}
#endif
#endif
