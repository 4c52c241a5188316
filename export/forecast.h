/*
 * Whether a bundle will fit, judged before its first byte is written.
 */
#ifndef EXPORT_FORECAST_H
#define EXPORT_FORECAST_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct plan_total;
struct selection;
struct station;

struct forecast {
	uint64_t need;		/* at most, if nothing can be compressed */
	uint64_t likely;	/* by samples; the same as need where none had to be taken */
	uint64_t room;
	bool room_known;
};

/*
 * need: the volumes stored, their indexes, small files. Where that is more than the room, samples are compressed, and only
 * when nine tenths of what they promise are too much still, it is ERR_NO_SPACE.
 */
int forecast_check(const struct station *s, const struct selection *sel, const struct plan_total *t, uint64_t small,
		   int level, struct forecast *f, struct err *e);

#endif
