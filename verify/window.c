/*
 * Memory shared with one reader process (verify/window.h). Pages are taken when they are first written to.
 */
#include "verify/window.h"

#include <stddef.h>
#include <sys/mman.h>

#include "lib/err.h"
#include "manifests/limits.h"

#include "lib/banned.h"

int window_open(struct window *w, unsigned jobs, struct err *e)
{
	unsigned slots = WINDOW_SLOTS(jobs == 0 ? 1 : jobs > WINDOW_JOBS ? WINDOW_JOBS : jobs);
	void *at = mmap(NULL, (size_t)slots * FRAME_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	*w = (struct window){0};
	if (at == MAP_FAILED)
		return err_mem(e);
	*w = (struct window){.at = at, .slots = slots};
	return 0;
}

void window_close(struct window *w)
{
	if (w->at != NULL)
		munmap(w->at, (size_t)w->slots * FRAME_SIZE);
	*w = (struct window){0};
}

int window_only_read(const struct window *w, struct err *e)
{
	size_t len = (size_t)w->slots * FRAME_SIZE;

	if (mprotect(w->at, len, PROT_READ) == -1 || madvise(w->at, len, MADV_DONTFORK) == -1)
		return err_sys(e, "memory shared with the reader process");
	return 0;
}

uint8_t *window_slot(const struct window *w, unsigned slot)
{
	return w->at + (size_t)slot * FRAME_SIZE;
}
