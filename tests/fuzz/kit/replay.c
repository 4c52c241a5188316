/*
 * A fuzz target without a fuzzer: runs every file named, and every file of a directory named, through it once. The bytes
 * stand in memory of exactly their length, so that the address sanitizer sees a step beyond.
 *
 *     TARGET FILE|DIR...      the last line is "N inputs"; an input that breaks the target ends it by a signal, after its name
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/fuzz/kit/fuzz.h"

static unsigned inputs;

static int run_file(const char *path)
{
	FILE *in = fopen(path, "r");
	struct stat st;
	uint8_t *data;
	size_t len;

	if (in == NULL || fstat(fileno(in), &st) == -1) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 2;
	}
	len = (size_t)st.st_size;
	data = malloc(len == 0 ? 1 : len);
	if (data == NULL || fread(data, 1, len, in) != len) {
		fprintf(stderr, "%s: can't be read\n", path);
		return 2;
	}
	fclose(in);
	fprintf(stderr, "%s\n", path);	/* the last one named is the one that broke it */
	LLVMFuzzerTestOneInput(data, len);
	free(data);
	inputs++;
	return 0;
}

static int run_dir(const char *path)
{
	struct dirent **list;
	int n = scandir(path, &list, NULL, alphasort), code = 0;

	if (n == -1)
		return errno == ENOTDIR ? run_file(path) : (fprintf(stderr, "%s: %s\n", path, strerror(errno)), 2);
	for (int i = 0; i < n; i++) {
		char *name;

		if (list[i]->d_name[0] != '.' && code == 0) {
			code = asprintf(&name, "%s/%s", path, list[i]->d_name) == -1 ? 2 : run_file(name);
			free(name);
		}
		free(list[i]);
	}
	free(list);
	return code;
}

int main(int argc, char **argv)
{
	int code = 0;

	for (int i = 1; i < argc && code == 0; i++)
		code = run_dir(argv[i]);
	fprintf(stderr, "%u inputs\n", inputs);
	return code;
}
