/*
 * The reader process's own side: what reader_open forks.
 */
#ifndef VERIFY_SERVE_H
#define VERIFY_SERVE_H

#include <sys/types.h>

struct reader_ask;
struct window;

/*
 * Runs in the child after fork and never returns: closes every descriptor but its two pipes, dies with `parent`, opens the
 * medium, goes into its cage (verify/cage.h), and answers requests (verify/wire.h) until the other end closes.
 */
void serve_run(int requests, int answers, pid_t parent, const struct window *window, const struct reader_ask *ask) __attribute__((noreturn));

#endif
