/*
 * For the build of `make coverage` alone, linked into every program: the counters of gcov stand in memory that a process
 * shares with its children. So what the reader process runs is counted too, which may open no file to write its counts to
 * and ends by _exit, and what a child ran that was killed. tests/coverage/share.ld puts the counters onto pages of their own.
 * Only the process that was started writes them down; a child that ends of itself adds nothing to them again.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern char coverage_begin[], coverage_end[];
static pid_t owner;

static void map(int how)
{
	if (mmap(coverage_begin, (size_t)(coverage_end - coverage_begin), PROT_READ | PROT_WRITE, how | MAP_ANONYMOUS | MAP_FIXED,
		 -1, 0) == MAP_FAILED)
		abort();
}

static __attribute__((constructor)) void share(void)
{
	size_t len = (size_t)(coverage_end - coverage_begin);
	char *before = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (before == MAP_FAILED)
		abort();
	memcpy(before, coverage_begin, len);
	map(MAP_SHARED);
	memcpy(coverage_begin, before, len);
	munmap(before, len);
	owner = getpid();
}

/* Destructors without a priority run before gcov's own. */
static __attribute__((destructor)) void leave(void)
{
	if (getpid() != owner)
		map(MAP_PRIVATE);
}
