// The only C of the drills: the file size limit of another process. prlimit is hidden behind _GNU_SOURCE, which whoever
// included <sys/resource.h> first decided, so the system call is made directly. Header-only.
#ifndef CDRILL_H
#define CDRILL_H

#include <errno.h>
#include <stdint.h>
#include <sys/types.h>

#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>

/// Lets process `pid` write to no file beyond `bytes`, or, with -1, as far as it was ever allowed to. 0, or -1 with errno.
static inline int cdrill_limit_file_size(pid_t pid, int64_t bytes) {
    struct { uint64_t current, most; } limit;
    const int file_size = 1;  // RLIMIT_FSIZE
    if (syscall(SYS_prlimit64, pid, file_size, (void *)0, &limit) != 0) return -1;
    limit.current = bytes < 0 || (uint64_t)bytes > limit.most ? limit.most : (uint64_t)bytes;
    return (int)syscall(SYS_prlimit64, pid, file_size, &limit, (void *)0);
}
#else
static inline int cdrill_limit_file_size(pid_t pid, int64_t bytes) {
    (void)pid;
    (void)bytes;
    errno = ENOTSUP;
    return -1;
}
#endif
#endif
