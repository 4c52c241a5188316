/*
 * One line on the terminal for what takes more than a second: "packing  1.2 of 3.4 GiB  35 %  210 MiB/s  0:11 left".
 * Counts may be added from any thread. Silent when stderr is no terminal (auto), under -q, or with "never".
 */
#ifndef LIB_PROGRESS_H
#define LIB_PROGRESS_H

#include <stdint.h>

struct err;

enum progress_mode { PROGRESS_AUTO, PROGRESS_ALWAYS, PROGRESS_NEVER };

void progress_start(enum progress_mode mode);	/* once, from main */
/* A new phase. total 0: unknown. unit_bytes 1: bytes, 0: things that are counted. label: "packing"; it must stay. */
void progress_phase(const char *label, uint64_t total, int unit_bytes);
void progress_add(uint64_t n);
void progress_end(void);	/* clears the line and ends the phase */
/* Around everything else that is written to the terminal (say_* do it): clears the line, and no thread draws it anew
 * until progress_resume. */
void progress_pause(void);
void progress_resume(void);

#endif
