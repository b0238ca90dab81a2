#pragma once

#include <spawn.h>

/// Has the child close every descriptor from `first` on (POSIX has no such action; glibc hides it behind _GNU_SOURCE).
int cspawn_close_from(posix_spawn_file_actions_t *actions, int first);
