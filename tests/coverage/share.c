/*
 * For the build of `make coverage` alone, linked into every program: the counters of gcov stand in memory that a process
 * shares with its children. So what the reader process runs is counted too, which may open no file to write its counts to
 * and ends by _exit, and what a child ran that was killed. tests/coverage/share.ld puts the counters onto pages of their own.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

extern char coverage_begin[], coverage_end[];

static __attribute__((constructor)) void share(void)
{
	size_t len = (size_t)(coverage_end - coverage_begin);
	char *before = malloc(len);

	if (before == NULL)
		abort();
	memcpy(before, coverage_begin, len);
	if (mmap(coverage_begin, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		abort();
	memcpy(coverage_begin, before, len);
	free(before);
}
