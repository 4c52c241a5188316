/*
 * Files and directories by descriptor. Nothing here follows a link below the directory it is given (openat2:
 * RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS), opens a FIFO or device, or blocks on opening one.
 */
#ifndef LIB_FILE_H
#define LIB_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct err;
struct iovec;
struct buf;
struct digest;

struct file {
	int fd;		/* -1: closed */
	char *name;	/* for messages; owned */
};
#define FILE_CLOSED {-1, NULL}

/* A directory the user named, by any path (links on the way are the user's own). */
int file_open_dir(const char *path, struct file *out, struct err *e);
/* Beneath dir: a directory; a regular file for reading (ERR_FILE_TYPE otherwise), whose access time stays as it is where we own
 * it, since the first read would write its inode. ERR_MISSING where it isn't there. */
int file_open_dir_at(const struct file *dir, const char *path, struct file *out, struct err *e);
int file_open_at(const struct file *dir, const char *path, struct file *out, struct err *e);
/* The same, without a look at what kind of file it is (a fourth of the calls that a small file costs), for who compares the digest of
 * what it reads: a directory fails to be read, a pipe without a writer is empty. */
int file_open_unseen_at(const struct file *dir, const char *path, struct file *out, struct err *e);
/* A regular file the user named, by any path. */
int file_open(const char *path, struct file *out, struct err *e);
/* A new file beneath dir (O_EXCL) for writing and reading back, with exactly this mode whatever the umask is (where the
 * file system keeps modes at all; else an error only if the mode shuts group and others out). */
int file_create_at(const struct file *dir, const char *path, mode_t mode, struct file *out, struct err *e);
void file_close(struct file *f);
/* The directory beneath dir that path's last component stands in, and that component (pointing into path). */
int file_open_parent_at(const struct file *dir, const char *path, struct file *out, const char **last, struct err *e);

/* Directories: make one component or a whole path beneath dir (those that exist are fine); mode exact, 0755 say. */
int file_make_dir_at(const struct file *dir, const char *path, mode_t mode, struct err *e);
int file_make_dirs_at(const struct file *dir, const char *path, mode_t mode, struct err *e);
/* The directory beneath dir that path stands in, synced: where path was just made, it has its name after a power cut. */
int file_sync_parent_at(const struct file *dir, const char *path, struct err *e);
/* Removes a tree beneath dir without following links; what is not there is fine. */
int file_remove_tree_at(const struct file *dir, const char *path, struct err *e);

/* Exactly len bytes at an offset; fewer (end of file) is ERR_FORM "shorter than expected". EINTR and short reads handled. */
int file_pread(const struct file *f, void *data, size_t len, uint64_t at, struct err *e);
/* The same to n places, 1..IOV_MAX, none of them empty, which are changed. */
int file_preadv(const struct file *f, struct iovec *places, size_t n, uint64_t at, struct err *e);
/* All of len bytes to an offset; after an error some of them may be there. */
int file_pwrite(const struct file *f, const void *data, size_t len, uint64_t at, struct err *e);
/* Up to len bytes from the current position; returns the count, 0 at the end, -1 on error. */
int64_t file_read(const struct file *f, void *data, size_t len, struct err *e);
int file_write(const struct file *f, const void *data, size_t len, struct err *e);
int file_sync(const struct file *f, struct err *e);		/* fsync; a failure is final */
int file_sync_fs(const struct file *f, struct err *e);	/* syncfs */
/* A directory, or a file that this run did not write; with its whole file system where the driver can't sync it (directories
 * of fusefat and some others, anything that is only read). */
int file_sync_dir(const struct file *dir, struct err *e);
int file_stat(const struct file *f, struct stat *st, struct err *e);
/* Whether two times of files are the same, to the nanosecond. */
bool file_same_time(const struct timespec *a, const struct timespec *b);

/* All of a regular file, at most max bytes (ERR_TOO_LARGE beyond, found without reading it). Appends to out. */
int file_read_all(const struct file *f, size_t max, struct buf *out, struct err *e);
int file_read_all_at(const struct file *dir, const char *path, size_t max, struct buf *out, struct err *e);

/* Copies from's bytes (from its start) into the empty file to: reflink where the file system can, else read and
 * write, leaving holes for long runs of zeros. The digest of what was copied into *d when d is not NULL (hashed while
 * copied, or read from the clone, so that it is to's digest in any case). */
int file_copy(const struct file *from, const struct file *to, struct digest *d, struct err *e);
/* The same for many files by one thread, with its buffer and hash. Without a reflink no more than `size` bytes are copied,
 * so that none is asked for behind the end of a file whose size is known. */
struct file_copier;
struct file_copier *file_copier_open(struct err *e);	/* NULL on error */
int file_copier_run(struct file_copier *c, const struct file *from, uint64_t size, const struct file *to, struct digest *d,
		    struct err *e);
void file_copier_close(struct file_copier *c);	/* NULL is a no-op */
/* Whether copies in this directory may be reflinks, which take no room: false only where that was tried, with files without a name. */
bool file_may_clone(const struct file *dir);

/* Free bytes for this user; *known is false where the file system reports no size at all. */
int file_free_space(const struct file *dir, uint64_t *bytes, bool *known, struct err *e);

/* ERR_UNSAFE when group or others may write to the directory, or it belongs to somebody else (not root, not us). */
int file_check_owner(const struct file *dir, struct err *e);
/* The same for who only reads: it may belong to `owner`, whoever that is. */
int file_check_writers(const struct file *dir, uid_t owner, struct err *e);
/* The same of what lies in dir under these names (the last NULL), without opening it. What is not there, and links, are fine. */
int file_check_entries(const struct file *dir, const char *const *names, uid_t owner, struct err *e);
/* Whether a lies at or below b (after resolving both): *out. */
int file_is_below(const struct file *a, const struct file *b, bool *out, struct err *e);

/* An exclusive lock on a file beneath dir, made when missing. wait_seconds: how long to wait for it; ERR_BUSY. */
int file_lock(const struct file *dir, const char *path, unsigned wait_seconds, struct file *out, struct err *e);

#endif
