// Xenstore: the toolstack's tree of names and values.

#pragma once

#include "base.h"

#define XENSTORE_MAX 4096

// False in a domain without xenstore.
bool xenstore_init(void);
u32 xenstore_port(void);

// The value of a node, with a 0 behind it; its length, or -1. A path without / at its start is one below
// the domain's own, /local/domain/<domid>.
int xenstore_read(const char *path, char *value, size_t size);

// Writes a node, and makes it if it is not there. False when the domain may not.
bool xenstore_write(const char *path, const char *value);

// The names of a node's children, each with a 0 behind it; the length of all, or -1.
int xenstore_list(const char *path, char *names, size_t size);
