/*
 * Nameless files (verify/spool.h): on disk where that is possible, in memory otherwise, gone with the process.
 */
#include "verify/spool.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/file.h"

#include "lib/banned.h"

int spool_open(struct err *e)
{
	int fd = open("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd == -1)
		fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd == -1)
		fd = memfd_create("spool", MFD_CLOEXEC);
	return fd == -1 ? err_sys(e, "can't make a temporary file") : fd;
}

int spool_add(int fd, const void *data, uint64_t len, uint64_t *at, struct err *e)
{
	struct file f = {fd, (char[]){"temporary file"}};
	off_t end = lseek(fd, 0, SEEK_END);

	if (end == -1)
		return err_sys(e, "temporary file");
	*at = (uint64_t)end;
	return file_write(&f, data, len, e);
}

int spool_read(int fd, uint64_t at, uint64_t len, struct buf *out, struct err *e)
{
	struct file f = {fd, (char[]){"temporary file"}};

	if (buf_reserve(out, len) == -1)
		return err_mem(e);
	if (file_pread(&f, out->data + out->len, len, at, e) == -1)
		return -1;
	out->len += len;
	out->data[out->len] = '\0';
	return 0;
}
