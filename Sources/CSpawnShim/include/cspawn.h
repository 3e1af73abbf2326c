// The only C in the control plane: GNU extensions of posix_spawn, which Swift's Glibc overlay cannot name. Header-only.
#ifndef CSPAWN_H
#define CSPAWN_H

#include <spawn.h>

#if defined(__linux__)
// Declared by <spawn.h> too, but behind _GNU_SOURCE, which whoever included it first decided.
extern int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *, const char *);
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *, int);

/// A session of its own; POSIX_SPAWN_SETSID, which is hidden in the same way.
static const short cspawn_flags = 0x80;

/// No descriptor from `first` on is open in the new process.
static inline int cspawn_close_from(posix_spawn_file_actions_t *actions, int first) {
    return posix_spawn_file_actions_addclosefrom_np(actions, first);
}
#else
static const short cspawn_flags = POSIX_SPAWN_SETSID | POSIX_SPAWN_CLOEXEC_DEFAULT;

// POSIX_SPAWN_CLOEXEC_DEFAULT does it.
static inline int cspawn_close_from(posix_spawn_file_actions_t *actions, int first) {
    (void)actions;
    (void)first;
    return 0;
}
#endif

/// The new process starts in this folder.
static inline int cspawn_chdir(posix_spawn_file_actions_t *actions, const char *folder) {
    return posix_spawn_file_actions_addchdir_np(actions, folder);
}
#endif
