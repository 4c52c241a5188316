/*
 * Runs a program for which some system calls are not there, as on a kernel without them (row Y15 of the attacks):
 *
 *     forbid CALL[=ERRNO-NUMBER][,CALL...] PROGRAM [ARGUMENT...]
 *     forbid                                prints this kernel's Landlock ABI, asked without the project's code; -1: none
 *
 * Without a number it is ENOSYS.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <seccomp.h>

int main(int argc, char **argv)
{
	scmp_filter_ctx *f;

	if (argc == 1) {
		printf("%ld\n", syscall(SYS_landlock_create_ruleset, NULL, 0, 1));
		return 0;
	}
	f = argc < 3 ? NULL : seccomp_init(SCMP_ACT_ALLOW);
	if (f == NULL)
		return 126;
	for (char *call = strtok(argv[1], ","); call != NULL; call = strtok(NULL, ",")) {
		char *number = strchr(call, '=');
		int error = number == NULL ? ENOSYS : atoi(number + 1);

		if (number != NULL)
			*number = '\0';
		if (seccomp_rule_add(f, SCMP_ACT_ERRNO((uint32_t)error), seccomp_syscall_resolve_name(call), 0) != 0)
			return 126;
	}
	if (seccomp_load(f) != 0)
		return 126;
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
